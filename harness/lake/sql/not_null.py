"""``ALTER TABLE … ALTER COLUMN … SET NOT NULL`` of a Delta table: Spark refuses it, Databricks checks the rows.

Source: docs.databricks.com/tables/constraints; the error is that of docs.databricks.com/error-messages.
"""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame

from harness.lake.sql.failures import SqlError
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import Refused, quoted


def alter(statement: Statement) -> DataFrame | None:
    """Carry the statement out. Returns: ``None`` for another statement, a column of a struct, or another format.

    Raises: ``SqlError`` DELTA_NEW_NOT_NULL_VIOLATION for a column that has NULLs.
    """
    read = statement.reader()
    read.expect("ALTER", "TABLE")
    parts = read.name("a table")
    if not (read.take("ALTER", "COLUMN") or read.take("CHANGE", "COLUMN") or read.take("ALTER") or read.take("CHANGE")):
        return None
    names = read.name("a column")
    if len(names) != 1 or not read.take("SET", "NOT", "NULL"):
        return None
    read.end()
    full_name = statement.unity.full_name(parts, 3)
    try:
        document = statement.unity.get("tables", full_name)
    except Refused:
        return None  # Spark says what is missing
    if document.get("data_source_format") != "DELTA":
        return None
    name = quoted(full_name.split("."))
    column = _column(statement, name, names[0])
    if column is None:
        return None
    jvm: Any = statement.spark._jvm
    changes = getattr(jvm, "io.unitycatalog.harness.NotNull")
    transaction = changes.begin(statement.spark._jsparkSession, document["storage_location"])
    nulls = statement.run(f"SELECT count(*) FROM {name} WHERE {quoted([column])} IS NULL").collect()[0][0]
    if nulls:
        message = f"{nulls} rows in {full_name} violate the new NOT NULL constraint on {column}."
        raise SqlError("DELTA_NEW_NOT_NULL_VIOLATION", message, "23512")
    changes.finish(transaction, column)
    statement.spark.table(name)  # tells the catalog
    return statement.nothing()


def _column(statement: Statement, name: str, given: str) -> str | None:
    found = (column for column in statement.spark.table(name).columns if column.lower() == given.lower())
    return next(found, None)
