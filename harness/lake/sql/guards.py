"""Row filters and column masks: said here, kept with the table, applied by the catalog whoever reads it by name.

``ALTER TABLE … SET | DROP ROW FILTER``, ``… ALTER COLUMN … SET | DROP MASK``, and both in ``CREATE TABLE``.
Source: docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-row-filter and sql-ref-syntax-ddl-column-mask.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.sql import DataFrame

from harness.lake.sql.failures import SqlError
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.tokens import Kind
from harness.lake.sql.unity import Refused

Guard = dict[str, Any]
_FIRST = "make the table first, then ALTER TABLE … SET ROW FILTER or SET MASK."


def alter_filter(statement: Statement, read: Reader, table: str) -> bool:
    """Read and carry out ``SET ROW FILTER f ON (…)`` or ``DROP ROW FILTER``. Returns: whether it was one."""
    if read.take("DROP", "ROW", "FILTER"):
        read.end()
        keep(statement, table, row_filter={})
        return True
    if not read.take("SET", "ROW", "FILTER"):
        return False
    found = _row_filter(statement, read)
    read.end()
    _check(statement, table, found["input_column_names"])
    keep(statement, table, row_filter=found)
    return True


def alter_mask(statement: Statement, read: Reader, table: str, column: str) -> bool:
    """Read and carry out ``SET MASK f [USING COLUMNS (…)]`` or ``DROP MASK``. Returns: whether it was one."""
    masks = {}
    if read.take("SET", "MASK"):
        masks[column.lower()] = _mask(statement, read)
        _check(statement, table, [column, *masks[column.lower()]["using_column_names"]])
    elif not read.take("DROP", "MASK"):
        return False
    read.end()
    document = statement.unity.get("tables", table)
    others = {
        one["name"].lower(): one["mask"]
        for one in document["columns"]
        if one.get("mask") and one["name"].lower() != column.lower()
    }
    keep(statement, table, column_masks={**others, **masks})
    return True


def create(statement: Statement) -> DataFrame | None:
    """``CREATE TABLE`` with guards: made without them, then guarded. ``None`` for one without any."""
    read = statement.reader()
    pieces = list(_pieces(statement, read))
    if not pieces:
        return None
    depth = 0
    for token in read.tokens:
        depth += token.is_mark("(") - token.is_mark(")")
        if depth == 0 and token.is_word("AS", "CLONE", "LIKE"):
            # It would have rows before it has guards.
            raise statement.refused("CREATE TABLE … AS, LIKE or CLONE with a row filter or a mask", _FIRST)
    text = statement.text
    for start, end, _, _ in reversed(pieces):
        text = text[:start] + " " * (end - start) + text[end:]
    read.at = next(at for at, token in enumerate(read.tokens) if token.is_word("TABLE")) + 1
    lenient = read.take("IF", "NOT", "EXISTS")
    table = statement.unity.full_name(read.name("a table"), 3)
    if lenient and statement.spark.catalog.tableExists(table):
        return statement.nothing()
    statement.run(text, statement.args)
    masks = {column.lower(): guard for _, _, column, guard in pieces if column}
    filters = [guard for _, _, column, guard in pieces if not column]
    keep(statement, table, row_filter=filters[0] if filters else {}, column_masks=masks)
    return statement.nothing()


def refuse_clone(statement: Statement, parts: list[str], mode: str, *, target: bool = False) -> None:
    """Raise for a table whose rows or values are guarded, where a copy would not be.

    Source: docs.databricks.com/data-governance/unity-catalog/filters-and-masks, "Limitations".
    """
    if len(parts) == 2 and "/" in parts[1]:  # delta.`/path`
        return
    table = statement.unity.full_name(parts, 3)
    try:
        document = statement.unity.get("tables", table)
    except Refused:
        return
    where, words = ("TARGET", "to") if target else ("SOURCE", "from")
    for prefix, policies, guarded in (
        ("ROW_LEVEL_SECURITY", "row level security policy", bool(document.get("row_filter"))),
        ("COLUMN_MASKS", "column mask policies", any(one.get("mask") for one in document.get("columns", []))),
    ):
        if guarded:
            raise SqlError(
                f"{prefix}_TABLE_CLONE_{where}_NOT_SUPPORTED",
                f"{mode} clone {words} table {table} with {policies} is not supported.",
                "0A000",
            )


def keep(statement: Statement, table: str, **guards: Guard) -> None:
    """Keep a table's guards, and have the catalog heed them from now on."""
    statement.unity.patch("tables", table, **guards)
    heed(statement)


def heed(statement: Statement) -> None:
    """Have the catalog look anew which tables are guarded."""
    jvm: Any = statement.spark._jvm
    getattr(jvm, "io.unitycatalog.harness.Guards").changed()


def _check(statement: Statement, table: str, columns: list[str]) -> None:
    known = {column["name"].lower() for column in statement.unity.get("tables", table)["columns"]}
    for column in columns:
        if column.lower() not in known:
            raise SqlError("COLUMN_NOT_FOUND_IN_TABLE", f"The column `{column}` was not found in {table}.", "42703")


def _pieces(statement: Statement, read: Reader) -> Iterator[tuple[int, int, str, Guard]]:
    """Where a CREATE TABLE says its guards: start, end, the column or "" for the rows, the guard."""
    depth, column = 0, ""
    while read.at < len(read.tokens):
        before = read.tokens[read.at - 1] if read.at else None
        start = read.tokens[read.at].start
        if depth == 0 and read.take("WITH", "ROW", "FILTER"):
            guard = _row_filter(statement, read)
            yield start, read.tokens[read.at - 1].end, "", guard
            continue
        after_name = before is not None and not before.is_mark("(") and not before.is_mark(",")
        named = read.at + 1 < len(read.tokens) and read.tokens[read.at + 1].kind in (Kind.WORD, Kind.NAME)
        if depth == 1 and after_name and named and column and read.take("MASK"):
            guard = _mask(statement, read)
            yield start, read.tokens[read.at - 1].end, column, guard
            continue
        token = read.next("a token")
        if depth == 1 and before is not None and (before.is_mark("(") or before.is_mark(",")):
            column = token.value
        depth += token.is_mark("(") - token.is_mark(")")


def _row_filter(statement: Statement, read: Reader) -> Guard:
    function = _function(statement, read)
    read.expect("ON")
    arguments = read.list(lambda: _argument(read))
    return {
        "function_name": function,
        "input_column_names": [one["column"] for one in arguments if "column" in one],
        "input_arguments": arguments,
    }


def _mask(statement: Statement, read: Reader) -> Guard:
    function = _function(statement, read)
    arguments = read.list(lambda: _argument(read)) if read.take("USING", "COLUMNS") else []
    return {
        "function_name": function,
        "using_column_names": [one["column"] for one in arguments if "column" in one],
        "using_arguments": arguments,
    }


def _function(statement: Statement, read: Reader) -> str:
    name = statement.unity.full_name(read.name("a function"), 3)
    try:
        statement.unity.get("functions", name)
    except Refused as refused:
        if not refused.missing:
            raise
        raise SqlError("ROUTINE_NOT_FOUND", f"The routine {name} cannot be found.", "42883") from None
    return name


def _argument(read: Reader) -> Guard:
    """A column, or a constant as it is written."""
    token = read.next("a column or a constant")
    if token.kind in (Kind.WORD, Kind.NAME) and not token.is_word("TRUE", "FALSE", "NULL"):
        return {"column": token.value}
    if token.is_mark("-"):
        return {"constant": "-" + read.next("a number").text}
    return {"constant": token.text}
