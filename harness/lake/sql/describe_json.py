"""``DESCRIBE [TABLE] EXTENDED name AS JSON``, which Spark answers for its session catalog only.

Source: docs.databricks.com/sql/language-manual/sql-ref-syntax-aux-describe-table, "JSON formatted output".
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.types import ArrayType, CharType, DataType, DecimalType, MapType, StringType, StructType, VarcharType

from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import Refused, quoted

Document = dict[str, Any]


def describe(statement: Statement) -> DataFrame:
    """A table or view as one JSON document, in a row ``json_metadata``; every other DESCRIBE is Spark's."""
    read = statement.reader()
    end = len(read.tokens) - (1 if read.tokens[-1].is_mark(";") else 0)
    if end < 3 or not (read.tokens[end - 2].is_word("AS") and read.tokens[end - 1].is_word("JSON")):
        return statement.verbatim()
    read.at = 1
    read.take("TABLE")
    extended = read.take("EXTENDED") or read.take("FORMATTED")
    parts = read.name("a table")
    if not extended or read.at != end - 2 or "/" in parts[-1]:
        return statement.verbatim()  # Spark says why not
    name = statement.unity.full_name(parts, 3)
    catalog = name.split(".")[0]
    if len(parts) == 1 and any(view.name.lower() == parts[0].lower() for view in _temporary(statement)):
        return statement.verbatim()
    # Whoever looks a table up has the catalog heed what Delta's log says, and is told if there is none.
    schema = statement.run(f"SELECT * FROM {quoted(parts)} LIMIT 0").schema
    try:
        table = statement.unity.get("tables", name)
    except Refused:
        return statement.verbatim()
    document = _document(statement, catalog, table, schema)
    return statement.rows(("json_metadata",), [(json.dumps(document, separators=(",", ":")),)])


def _temporary(statement: Statement) -> list[Any]:
    return [table for table in statement.spark.catalog.listTables() if table.isTemporary]


def _document(statement: Statement, catalog: str, table: Document, schema: StructType) -> Document:
    kind = table["table_type"]
    columns = {column["name"].lower(): column for column in table["columns"]}
    found: Document = {
        "table_name": table["name"],
        "catalog_name": catalog,
        "namespace": [table["schema_name"]],
        "schema_name": table["schema_name"],
        "columns": [
            {
                "name": field.name,
                "type": _type(field.dataType),
                **_present(comment=columns.get(field.name.lower(), {}).get("comment")),
                "nullable": bool(columns.get(field.name.lower(), {}).get("nullable", field.nullable)),
            }
            for field in schema.fields
        ],
        "created_time": _moment(table["created_at"]),
        "type": kind,
        **_present(owner=table.get("owner"), comment=table.get("comment")),
    }
    if kind == "VIEW":
        found["view_text"] = found["view_original_text"] = table["view_definition"]
        return found
    partitions = sorted(
        (c for c in table["columns"] if "partition_index" in c), key=lambda c: int(c["partition_index"])
    )
    properties = {key: value for key, value in table.get("properties", {}).items() if not key.startswith("harness.")}
    return {
        **found,
        "provider": table["data_source_format"].lower(),
        "location": table["storage_location"],
        "table_properties": properties,
        **_present(partition_columns=[column["name"] for column in partitions]),
    }


def _present(**values: Any) -> Document:
    return {key: value for key, value in values.items() if value}


def _moment(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _type(kind: DataType) -> Document:
    """A type as the documentation's schema of types has it."""
    if isinstance(kind, StructType):
        fields = [{"name": f.name, "type": _type(f.dataType), "nullable": f.nullable} for f in kind.fields]
        return {"name": "struct", "fields": fields}
    if isinstance(kind, ArrayType):
        return {"name": "array", "element_type": _type(kind.elementType), "element_nullable": kind.containsNull}
    if isinstance(kind, MapType):
        types = {"key_type": _type(kind.keyType), "value_type": _type(kind.valueType)}
        return {"name": "map", **types, "value_nullable": kind.valueContainsNull}
    if isinstance(kind, DecimalType):
        return {"name": "decimal", "precision": kind.precision, "scale": kind.scale}
    if isinstance(kind, (CharType, VarcharType)):
        return {"name": kind.typeName(), "length": kind.length}
    if isinstance(kind, StringType):
        return {"name": "string", "collation": "UTF8_BINARY"}
    return {"name": kind.simpleString()}
