"""``SHOW CREATE TABLE`` of a Delta table, which Spark answers for other formats and views only.

The clauses and their order are those of Spark's own answer.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame

from harness.lake.sql.delta_log import DeltaLog
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import Refused, quoted

# What Delta keeps among a table's properties and writes by itself.
_OWN = ("delta.minReaderVersion", "delta.minWriterVersion", "delta.feature.", "clusteringColumns", "harness.")


def show(statement: Statement) -> DataFrame:
    """``SHOW CREATE TABLE name``: one row ``createtab_stmt``."""
    read = statement.reader()
    read.expect("SHOW", "CREATE", "TABLE")
    parts = read.name("a table")
    if len(parts) == 2 and parts[0].lower() == "delta":
        return statement.verbatim()
    name = statement.unity.full_name(parts, 3)
    try:
        document = statement.unity.get("tables", name)
    except Refused:
        return statement.verbatim()
    if document.get("data_source_format") != "DELTA" or document["table_type"] == "VIEW":
        return statement.verbatim()
    read.end()
    detail = statement.run(f"DESCRIBE DETAIL {quoted(name.split('.'))}").collect()[0].asDict()
    # Asked again: reading the table has told the catalog what Delta's log says now.
    document = statement.unity.get("tables", name)
    hidden = {field["name"]: field["metadata"] for field in DeltaLog(statement.spark, detail["location"]).schema()}
    return statement.rows(("createtab_stmt",), [(_text(name, document, detail, hidden),)])


def _text(name: str, document: dict[str, Any], detail: dict[str, Any], hidden: dict[str, Any]) -> str:
    columns = ",\n".join(f"  {_column(column, hidden.get(column['name'], {}))}" for column in document["columns"])
    lines = [f"CREATE TABLE {name} (\n{columns})", "USING delta"]
    for clause, key in (("PARTITIONED BY", "partitionColumns"), ("CLUSTER BY", "clusteringColumns")):
        if detail.get(key):
            lines.append(f"{clause} ({', '.join(_bare(column) for column in detail[key])})")
    if document.get("comment"):
        lines.append(f"COMMENT {_string(document['comment'])}")
    if document["table_type"] == "EXTERNAL":
        lines.append(f"LOCATION {_string(document['storage_location'])}")
    properties = {key: value for key, value in sorted(detail["properties"].items()) if not key.startswith(_OWN)}
    if properties:
        pairs = ",\n".join(f"  {_string(key)} = {_string(value)}" for key, value in properties.items())
        lines.append(f"TBLPROPERTIES (\n{pairs})")
    return "\n".join(lines) + "\n"


def _column(column: dict[str, Any], metadata: dict[str, Any]) -> str:
    text = f"{_bare(column['name'])} {column['type_text'].upper()}"
    if (expression := metadata.get("delta.generationExpression")) is not None:
        text += f" GENERATED ALWAYS AS ({expression})"
    if "delta.identity.start" in metadata:
        when = "BY DEFAULT" if metadata.get("delta.identity.allowExplicitInsert") else "ALWAYS"
        start, step = metadata["delta.identity.start"], metadata["delta.identity.step"]
        text += f" GENERATED {when} AS IDENTITY (START WITH {start} INCREMENT BY {step})"
    if not column.get("nullable", True):
        text += " NOT NULL"
    if (default := metadata.get("CURRENT_DEFAULT")) is not None:
        text += f" DEFAULT {default}"
    if column.get("comment"):
        text += f" COMMENT {_string(column['comment'])}"
    return text


def _bare(name: str) -> str:
    return name if name.replace("_", "a").isalnum() and not name[0].isdigit() else quoted([name])


def _string(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
