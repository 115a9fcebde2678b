"""``CREATE``, ``ALTER``, ``DROP`` and ``DESCRIBE CATALOG``.

Source: docs.databricks.com/sql/language-manual, the pages of these statements.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from harness.lake.sql.moments import moment
from harness.lake.sql.ownership import ALTERATIONS, apply
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import Refused, quoted

NO_COLLATIONS = "a catalog's default collation is not kept."


def create(statement: Statement) -> DataFrame:
    """``CREATE CATALOG [IF NOT EXISTS] name [MANAGED LOCATION 'uri'] [COMMENT 'text']``."""
    read = statement.reader()
    read.expect("CREATE", "CATALOG")
    lenient = read.take("IF", "NOT", "EXISTS")
    name = read.identifier("the name of a catalog")
    fields: dict[str, str] = {}
    while read.peek() is not None and not read.is_mark(";"):
        if read.take("MANAGED", "LOCATION"):
            fields["storage_root"] = read.string("the location")
        elif read.take("COMMENT"):
            fields["comment"] = read.string("the comment")
        elif read.ahead("USING", "SHARE"):
            raise statement.refused("CREATE CATALOG … USING SHARE", "it has no shares.")
        elif read.ahead("DEFAULT", "COLLATION"):
            raise statement.refused("CREATE CATALOG … DEFAULT COLLATION", NO_COLLATIONS)
        else:
            read.end()
    try:
        statement.unity.post("catalogs", name=name, **fields)
    except Refused as refused:
        if not (lenient and refused.code == "CATALOG_ALREADY_EXISTS"):
            raise
    return statement.nothing()


def drop(statement: Statement) -> DataFrame:
    """``DROP CATALOG [IF EXISTS] name [RESTRICT | CASCADE]``."""
    read, unity = statement.reader(), statement.unity
    read.expect("DROP", "CATALOG")
    lenient = read.take("IF", "EXISTS")
    name = read.identifier("the name of a catalog")
    cascades = not read.take("RESTRICT") and read.take("CASCADE")
    read.end()
    try:
        unity.get("catalogs", name)
    except Refused as refused:
        if refused.missing and lenient:
            return statement.nothing()
        raise
    if cascades:
        # By Spark, which deletes the data wherever it is.
        for schema in unity.list("schemas", catalog_name=name):
            statement.run(f"DROP SCHEMA IF EXISTS {quoted([name, schema['name']])} CASCADE")
    unity.delete("catalogs", name, force=str(cascades).lower())
    return statement.nothing()


def alter(statement: Statement) -> DataFrame:
    """``ALTER CATALOG name {[SET] OWNER TO … | SET TAGS … | UNSET TAGS … | … PREDICTIVE OPTIMIZATION}``."""
    read = statement.reader()
    read.expect("ALTER", "CATALOG")
    name = read.identifier("the name of a catalog")
    if read.ahead("RENAME"):
        raise statement.refused("ALTER CATALOG … RENAME TO", "tables rest in folders of their catalog's name.")
    if read.ahead("DEFAULT", "COLLATION"):
        raise statement.refused("ALTER CATALOG … DEFAULT COLLATION", NO_COLLATIONS)
    for mode in ("ENABLE", "DISABLE", "INHERIT"):
        if read.take(mode, "PREDICTIVE", "OPTIMIZATION"):
            read.end()
            # Nothing is optimized behind anybody's back here; the wish is kept.
            statement.unity.patch("catalogs", name, enable_predictive_optimization=mode)
            return statement.nothing()
    if not apply(statement, read, "CATALOG", name):
        raise read.wrong(f"ALTER CATALOG takes {ALTERATIONS}.")
    return statement.nothing()


def describe(statement: Statement) -> DataFrame:
    """``{DESC | DESCRIBE} CATALOG [EXTENDED] name``: rows of ``info_name`` and ``info_value``."""
    read = statement.reader()
    read.next("DESCRIBE")
    read.expect("CATALOG")
    extended = read.take("EXTENDED")
    catalog = statement.unity.get("catalogs", read.identifier("the name of a catalog"))
    read.end()
    rows = [("Catalog Name", "name"), ("Comment", "comment"), ("Owner", "owner")]
    if extended:
        rows += [("Catalog Type", "catalog_type"), ("Storage Root", "storage_root"), ("Created By", "created_by")]
        rows += [("Created At", "created_at"), ("Updated By", "updated_by"), ("Updated At", "updated_at")]
    found = [(label, moment(catalog[key]) if key.endswith("_at") else catalog.get(key, "")) for label, key in rows]
    return statement.rows(("info_name", "info_value"), found)
