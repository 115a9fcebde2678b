"""``DESCRIBE … AS JSON`` of what lies in a catalog, which Spark refuses there, and ``SHOW TABLE EXTENDED``.

The document is that of docs.databricks.com/sql/language-manual/sql-ref-syntax-aux-describe-table ("JSON formatted
output"); types are told as Spark tells those of its own tables. Spark's SHOW TABLE EXTENDED of a catalog (4.2.0) has a
table's properties letter by letter, its schema as printSchema has it, and the schema's name in a column ``namespace``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import types as S

from harness.lake.sql.keys import Key, keys
from harness.lake.sql.metadata import like
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import Refused, quoted

FORMS = ("TABLE", "EXTENDED")
# What is the harness's, Spark's or Delta's own among a table's properties.
_HIDDEN = ("harness.", "view.", "clusteringColumns", "delta.lastUpdateVersion", "delta.lastCommitTimestamp")


def describe(statement: Statement) -> DataFrame:
    """``{DESCRIBE | DESC} [TABLE] EXTENDED name AS JSON``: one row ``json_metadata``; other forms are Spark's."""
    read = statement.reader()
    words = [token.text.upper() for token in read.tokens if not token.is_mark(";")]
    if words[-2:] != ["AS", "JSON"]:
        return statement.verbatim()
    read.next("DESCRIBE")
    read.take("TABLE")
    if not read.take("EXTENDED"):
        return statement.verbatim()  # Spark says that AS JSON needs EXTENDED
    parts = read.name("a table")
    if not read.take("AS", "JSON"):
        return statement.verbatim()  # a partition, which Spark refuses
    read.end()
    schema = statement.spark.table(quoted(parts)).schema
    try:
        # After the table was read: that has told the catalog what Delta's log says now.
        document = statement.unity.get("tables", statement.unity.full_name(parts, 3))
    except Refused:
        return statement.verbatim()  # a temporary view, or information_schema's
    detail: dict[str, Any] = {}
    if document.get("data_source_format") == "DELTA":
        detail = statement.run(f"DESCRIBE DETAIL {quoted(document['full_name'].split('.'))}").collect()[0].asDict()
    return statement.rows(
        ("json_metadata",), [(json.dumps(_document(document, schema, detail), separators=(",", ":")),)]
    )


def _document(table: Mapping[str, Any], schema: S.StructType, detail: Mapping[str, Any]) -> dict[str, Any]:
    known = {column["name"]: column for column in table["columns"]}
    said: dict[str, Any] = {
        "table_name": table["name"],
        "catalog_name": table["catalog_name"],
        "namespace": [table["schema_name"]],
        "schema_name": table["schema_name"],
        "columns": [_column(field, known.get(field.name, {})) for field in schema.fields],
        "owner": table.get("owner"),
        "created_time": _moment(table["created_at"]),
        "created_by": table.get("created_by"),
        "last_access": "UNKNOWN",
        "type": table["table_type"],
        "comment": table.get("comment"),
        "table_properties": _properties(table),
    }
    if table["table_type"] == "VIEW":
        text = table["view_definition"]
        said |= {"view_text": text, "view_original_text": text, "view_query_output_columns": schema.names}
    else:
        said |= {"provider": table["data_source_format"].lower(), "location": table["storage_location"]}
        said |= {"partition_columns": [n for n, c in known.items() if c.get("partition_index") is not None]}
        said |= {"clustering_columns": list(detail.get("clusteringColumns") or [])}
    if found := keys(table):
        said["table_constraints"] = "[" + ", ".join(f"({key.name},{_key(key)})" for key in found) + "]"
    return {name: value for name, value in said.items() if value not in (None, "", [], {})}


def _properties(table: Mapping[str, Any]) -> dict[str, str]:
    return {key: value for key, value in table.get("properties", {}).items() if not key.startswith(_HIDDEN)}


def _column(field: S.StructField, known: Mapping[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {"name": field.name, "type": _type(field.dataType)}
    if comment := field.metadata.get("comment"):
        said["comment"] = comment
    said["nullable"] = bool(known.get("nullable", field.nullable))
    if (default := field.metadata.get("CURRENT_DEFAULT")) is not None:
        said["default"] = default
    return said


def _type(kind: S.DataType) -> dict[str, Any]:
    if isinstance(kind, S.StructType):
        return {"name": "struct", "fields": [_column(field, {}) for field in kind.fields]}
    if isinstance(kind, S.ArrayType):
        nullable = {"element_nullable": kind.containsNull}
        return {"name": "array", "element_type": _type(kind.elementType), **nullable}
    if isinstance(kind, S.MapType):
        types = {"key_type": _type(kind.keyType), "value_type": _type(kind.valueType)}
        return {"name": "map", **types, "value_nullable": kind.valueContainsNull}
    if isinstance(kind, S.DecimalType):
        return {"name": "decimal", "precision": kind.precision, "scale": kind.scale}
    if isinstance(kind, (S.CharType, S.VarcharType)):
        return {"name": kind.typeName(), "length": kind.length}
    if type(kind) is S.StringType:
        return {"name": "string", "collation": kind.collation}
    return {"name": "timestamp_ltz" if isinstance(kind, S.TimestampType) else kind.simpleString()}


def _key(key: Key) -> str:
    columns = ", ".join(quoted([column]) for column in key.columns)
    if not key.target:
        return f"PRIMARY KEY ({columns})"
    targets = ", ".join(quoted([column]) for column in key.target_columns)
    return f"FOREIGN KEY ({columns}) REFERENCES {quoted(key.target)} ({targets})"


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def show(statement: Statement) -> DataFrame:
    """``SHOW TABLE EXTENDED [{IN | FROM} schema] LIKE 'pattern'``: database, tableName, isTemporary, information."""
    read = statement.reader()
    read.expect("SHOW", "TABLE", "EXTENDED")
    named = read.name("a schema") if read.take("IN") or read.take("FROM") else None
    read.take("LIKE")
    pattern = read.string("a pattern")
    if read.ahead("PARTITION"):
        return statement.verbatim()
    read.end()
    unity = statement.unity
    if named is None:
        named = [str(statement.run("SELECT current_schema()").collect()[0][0])]
    schema = unity.full_name(named, 2)
    catalog, name = schema.split(".", 1)
    matches = [like(each.strip().replace("_", "\\_").replace("%", "\\%")) for each in pattern.split("|")]
    rows = [
        (name, table["name"], False, _information(statement, table))
        for table in unity.list("tables", catalog_name=catalog, schema_name=name)
        if any(match(table["name"]) for match in matches)
    ]
    columns = ("database", "tableName", "isTemporary", "information")
    return statement.rows(columns, rows, ("STRING", "STRING", "BOOLEAN", "STRING"))


def _information(statement: Statement, table: Mapping[str, Any]) -> str:
    lines = [
        f"Catalog: {table['catalog_name']}",
        f"Database: {table['schema_name']}",
        f"Table: {table['name']}",
        f"Owner: {table.get('owner', '')}",
        f"Created Time: {datetime.fromtimestamp(table['created_at'] / 1000, UTC):%a %b %d %H:%M:%S UTC %Y}",
        "Last Access: UNKNOWN",
        f"Type: {table['table_type']}",
    ]
    stored = table["table_type"] != "VIEW"
    if stored:
        lines.append(f"Provider: {table['data_source_format'].lower()}")
    if table.get("comment"):
        lines.append(f"Comment: {table['comment']}")
    if not stored:
        lines += [f"View Text: {table['view_definition']}", f"View Original Text: {table['view_definition']}"]
    if properties := _properties(table):
        lines.append(f"Table Properties: [{', '.join(f'{k}={v}' for k, v in sorted(properties.items()))}]")
    if stored:
        lines.append(f"Location: {table['storage_location']}")
    schema = statement.spark.table(quoted(table["full_name"].split("."))).schema
    return "\n".join(lines) + f"\nSchema: {schema.treeString()}\n"
