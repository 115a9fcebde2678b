"""``UNDROP TABLE`` and ``SHOW TABLES DROPPED``.

Source: docs.databricks.com/sql/language-manual, "UNDROP" and "SHOW TABLES DROPPED".
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from harness.lake.sql import guards
from harness.lake.sql.failures import SqlError
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.tokens import Kind
from harness.lake.sql.unity import Refused

COLUMNS = {
    **{"catalogName": "catalog_name", "schemaName": "schema_name", "tableName": "name", "tableId": "table_id"},
    **{"tableType": "table_type", "deletedAt": "deleted_at", "createdAt": "created_at", "updatedAt": "updated_at"},
    **{"createdBy": "created_by", "owner": "owner", "comment": "comment"},
}
HARNESS = ("", "_harness", "sql")


def undrop(statement: Statement) -> DataFrame:
    """``UNDROP {TABLE | MATERIALIZED VIEW} {name | WITH ID 'id'}``."""
    read, unity = statement.reader(), statement.unity
    read.expect("UNDROP")
    if read.ahead("MATERIALIZED", "VIEW") or not read.ahead("TABLE"):
        raise statement.refused("UNDROP MATERIALIZED VIEW", "tables can be undropped.")
    read.expect("TABLE")
    if read.take("WITH", "ID"):
        which = {"table_id": read.string("the id of a table")}
    else:
        which = {"full_name": unity.full_name(read.name("a table"), 3)}
    read.end()
    try:
        unity.post(*HARNESS, "undrop", **which)
    except Refused as refused:
        if refused.code == "TABLE_ALREADY_EXISTS":
            raise SqlError("TABLE_OR_VIEW_ALREADY_EXISTS", refused.getMessage(), "42P07") from None
        raise
    guards.heed(statement)
    return statement.nothing()


def _number(read: Reader) -> int:
    token = read.next("a number")
    if token.kind is not Kind.NUMBER or not token.text.isdecimal():
        raise read.wrong(f"Expected a number, found {read.quote(token)}.")
    return int(token.text)


def show(statement: Statement) -> DataFrame:
    """``SHOW TABLES DROPPED [{FROM | IN} schema] [LIMIT n]``: the latest first."""
    read, unity = statement.reader(), statement.unity
    read.expect("SHOW", "TABLES", "DROPPED")
    named = read.take("FROM") or read.take("IN")
    schema = unity.full_name(read.name("a schema") if named else [], 2)
    most = _number(read) if read.take("LIMIT") else None
    read.end()
    catalog, own = schema.split(".")
    found = unity.get(*HARNESS, "dropped", catalog_name=catalog, schema_name=own)["tables"][:most]
    kinds = ["BIGINT" if field.endswith("_at") else "STRING" for field in COLUMNS.values()]
    rows = statement.rows(list(COLUMNS), [[table.get(field) for field in COLUMNS.values()] for table in found], kinds)
    moments = [f"timestamp_millis(`{c}`) AS `{c}`" if f.endswith("_at") else f"`{c}`" for c, f in COLUMNS.items()]
    return rows.selectExpr(*moments)
