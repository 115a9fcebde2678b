"""Errors of ``COPY INTO`` about its target: Databricks' conditions and words (docs: error-messages/error-classes)."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import types as S

from harness.lake.sql.failures import SqlError


def missing(table: str) -> SqlError:
    """The target does not exist."""
    message = f"Table doesn't exist. Create an empty Delta table first using CREATE TABLE {table}."
    return SqlError("DELTA_MISSING_DELTA_TABLE_COPY_INTO", message, "42P01")


def not_delta() -> SqlError:
    """The target is a view, or a table of another format."""
    return SqlError("DELTA_COPY_INTO_TARGET_FORMAT", "COPY INTO target must be a Delta table.", "0AKDD")


def mismatch(table: str, extra: Sequence[S.StructField]) -> SqlError:
    """The files have columns that the target has not."""
    difference = "\n".join(f"-- {field.name}: {field.dataType.simpleString()} (not in the table)" for field in extra)
    return SqlError(
        "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE",
        f"A schema mismatch was detected while copying into the Delta table (Table: {table}).\nThis may indicate an "
        "issue with the incoming data, or the Delta table schema can be evolved automatically by setting:\n"
        f"COPY_OPTIONS ('mergeSchema' = 'true')\nSchema difference:\n{difference}\n",
        "42KDG",
    )


def arity(table: str, columns: Sequence[str], given: Sequence[str]) -> SqlError:
    """Columns matched by their place, and there are more on one side."""
    many = len(given) > len(columns)
    return SqlError(
        f"COPY_INTO_COLUMN_ARITY_MISMATCH.{'TOO_MANY' if many else 'NOT_ENOUGH'}_DATA_COLUMNS",
        f"Cannot write to {table}, {'too many' if many else 'not enough'} data columns. "
        f"Table columns: {', '.join(columns)}. Data columns: {', '.join(given)}.",
        "21S01",
    )


def unknown_column(name: str, columns: Sequence[str]) -> SqlError:
    """A column list names what the target has not."""
    known = ", ".join(f"`{column}`" for column in columns)
    message = f"A column with name `{name}` cannot be resolved. Did you mean one of the following? [{known}]."
    return SqlError("UNRESOLVED_COLUMN.WITH_SUGGESTION", message, "42703")
