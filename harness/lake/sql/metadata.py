"""Catalogs, schemas, tables and columns, in the row shapes of JDBC's DatabaseMetaData (and of the Hive protocol)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import types as S

from harness.lake.sql.results import Result, Rows, made

_TEXT = S.StringType()
_TABLES = [
    "TABLE_CAT", "TABLE_SCHEM", "TABLE_NAME", "TABLE_TYPE", "REMARKS", "TYPE_CAT", "TYPE_SCHEM", "TYPE_NAME",
    "SELF_REFERENCING_COL_NAME", "REF_GENERATION",
]  # fmt: skip
_COLUMNS: dict[str, S.DataType] = {
    "TABLE_CAT": _TEXT, "TABLE_SCHEM": _TEXT, "TABLE_NAME": _TEXT, "COLUMN_NAME": _TEXT,
    "DATA_TYPE": S.IntegerType(), "TYPE_NAME": _TEXT, "COLUMN_SIZE": S.IntegerType(), "BUFFER_LENGTH": S.ByteType(),
    "DECIMAL_DIGITS": S.IntegerType(), "NUM_PREC_RADIX": S.IntegerType(), "NULLABLE": S.IntegerType(),
    "REMARKS": _TEXT, "COLUMN_DEF": _TEXT, "SQL_DATA_TYPE": S.IntegerType(), "SQL_DATETIME_SUB": S.IntegerType(),
    "CHAR_OCTET_LENGTH": S.IntegerType(), "ORDINAL_POSITION": S.IntegerType(), "IS_NULLABLE": _TEXT,
    "SCOPE_CATALOG": _TEXT, "SCOPE_SCHEMA": _TEXT, "SCOPE_TABLE": _TEXT, "SOURCE_DATA_TYPE": S.ShortType(),
    "IS_AUTO_INCREMENT": _TEXT,
}  # fmt: skip
# java.sql.Types
_JDBC = {
    S.BooleanType: 16, S.ByteType: -6, S.ShortType: 5, S.IntegerType: 4, S.LongType: -5, S.FloatType: 6,
    S.DoubleType: 8, S.DecimalType: 3, S.StringType: 12, S.BinaryType: -2, S.DateType: 91, S.TimestampType: 93,
    S.TimestampNTZType: 93, S.ArrayType: 2003, S.MapType: 2000, S.StructType: 2002,
}  # fmt: skip
_JDBC_OTHER = 1111


def catalogs(spark: SparkSession) -> Result:
    """``GetCatalogs``: TABLE_CAT."""
    return made([("TABLE_CAT", _TEXT)], [(name,) for name in _catalogs(spark)])


def schemas(spark: SparkSession, catalog: str | None, schema: str | None) -> Result:
    """``GetSchemas``, by LIKE patterns: TABLE_SCHEM, TABLE_CATALOG."""
    rows: Rows = [(found, inside) for inside, found in _schemas(spark, catalog, schema)]
    return made([("TABLE_SCHEM", _TEXT), ("TABLE_CATALOG", _TEXT)], rows)


def tables(
    spark: SparkSession, catalog: str | None, schema: str | None, table: str | None, kinds: Sequence[str] | None
) -> Result:
    """``GetTables``, by LIKE patterns and table types (TABLE, VIEW)."""
    wanted = {kind.upper() for kind in kinds or ()}
    rows: Rows = [
        (inside, within, name, kind, "", *[None] * 5)
        for inside, within, name, kind in _tables(spark, catalog, schema, table)
        if not wanted or kind in wanted
    ]
    return made([(name, _TEXT) for name in _TABLES], rows)


def columns(
    spark: SparkSession, catalog: str | None, schema: str | None, table: str | None, column: str | None
) -> Result:
    """``GetColumns``, by LIKE patterns."""
    matches = like(column)
    rows: Rows = [
        _column(inside, within, name, position, field)
        for inside, within, name, _ in _tables(spark, catalog, schema, table)
        for position, field in enumerate(spark.table(_quoted(inside, within, name)).schema.fields)
        if matches(field.name)
    ]
    return made(list(_COLUMNS.items()), rows)


def _catalogs(spark: SparkSession) -> list[str]:
    return [row[0] for row in spark.sql("SHOW CATALOGS").collect()]


def _schemas(spark: SparkSession, catalog: str | None, schema: str | None) -> Iterator[tuple[str, str]]:
    """Pairs of catalog and schema; without a catalog, those of the current one."""
    catalog_like, schema_like = like(catalog), like(schema)
    for name in _catalogs(spark) if catalog else [spark.catalog.currentCatalog()]:
        if catalog_like(name):
            for row in spark.sql(f"SHOW SCHEMAS IN {_quoted(name)}").collect():
                if schema_like(row[0]):
                    yield name, row[0]


def _tables(
    spark: SparkSession, catalog: str | None, schema: str | None, table: str | None
) -> Iterator[tuple[str, str, str, str]]:
    matches = like(table)
    for inside, within in _schemas(spark, catalog, schema):
        views = _views(spark, inside, within)
        names = {row["tableName"] for row in spark.sql(f"SHOW TABLES IN {_quoted(inside, within)}").collect()}
        for name in sorted(names | views):
            if matches(name):
                yield inside, within, name, "VIEW" if name in views else "TABLE"


def _views(spark: SparkSession, catalog: str, schema: str) -> set[str]:
    try:
        found = spark.sql(f"SHOW VIEWS IN {_quoted(catalog, schema)}").collect()
    except PySparkException:  # a catalog without views
        return set()
    return {row["viewName"] for row in found if not row["isTemporary"]}


def _column(catalog: str, schema: str, table: str, position: int, field: S.StructField) -> tuple[object, ...]:
    kind = field.dataType
    exact = isinstance(kind, S.DecimalType)
    values = {
        "TABLE_CAT": catalog,
        "TABLE_SCHEM": schema,
        "TABLE_NAME": table,
        "COLUMN_NAME": field.name,
        "DATA_TYPE": _JDBC.get(type(kind), _JDBC_OTHER),
        "TYPE_NAME": _type_name(kind),
        "COLUMN_SIZE": kind.precision if isinstance(kind, S.DecimalType) else None,
        "DECIMAL_DIGITS": kind.scale if isinstance(kind, S.DecimalType) else None,
        "NUM_PREC_RADIX": 10 if exact else None,
        "NULLABLE": int(field.nullable),
        "REMARKS": str(field.metadata.get("comment", "")),
        "ORDINAL_POSITION": position,
        "IS_NULLABLE": "YES" if field.nullable else "NO",
        "IS_AUTO_INCREMENT": "NO",
    }
    return tuple(values.get(name) for name in _COLUMNS)


def _type_name(kind: S.DataType) -> str:
    if isinstance(kind, S.StructType):
        return "STRUCT<" + ", ".join(f"{f.name}: {_type_name(f.dataType)}" for f in kind.fields) + ">"
    if isinstance(kind, S.ArrayType):
        return f"ARRAY<{_type_name(kind.elementType)}>"
    if isinstance(kind, S.MapType):
        return f"MAP<{_type_name(kind.keyType)}, {_type_name(kind.valueType)}>"
    return str(kind.simpleString()).upper()


def like(pattern: str | None) -> Callable[[str], object]:
    """A test by SQL's LIKE (``%``, ``_``, backslash escapes), case-insensitive; ``*`` serves as ``%``."""
    if not pattern:
        return lambda name: True
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "*": ".*", "_": "."}
    expression = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.compile(expression, re.IGNORECASE | re.DOTALL).fullmatch


def _quoted(*parts: str) -> str:
    return ".".join("`" + part.replace("`", "``") + "`" for part in parts)
