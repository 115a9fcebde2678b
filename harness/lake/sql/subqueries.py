"""``DELETE`` and ``UPDATE`` with a subquery in their condition, which Databricks takes and open-source Delta refuses.

They are carried out as a ``MERGE`` of the table with those of its rows that fulfil the condition. Rows are told apart
by all their columns: rows that are equal fulfil it alike. The table's history says MERGE.
"""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import types as S

from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import quoted

_UNCOMPARED = (S.MapType, S.VariantType)


def delete(statement: Statement) -> DataFrame:
    """``DELETE FROM table [[AS] alias] WHERE condition``."""
    if not _has_subquery(statement.text):
        return statement.verbatim()
    read = statement.reader()
    read.expect("DELETE", "FROM")
    target = _target(read, "WHERE")
    if not read.take("WHERE"):
        return statement.verbatim()
    return _merge(statement, target, _rest(read), "DELETE")


def update(statement: Statement) -> DataFrame:
    """``UPDATE table [[AS] alias] SET … WHERE condition``."""
    if not _has_subquery(statement.text):
        return statement.verbatim()
    read = statement.reader()
    read.expect("UPDATE")
    target = _target(read, "SET")
    read.expect("SET")
    start, depth = read.at, 0
    while (token := read.peek()) is not None and not (depth == 0 and token.is_word("WHERE")):
        depth += token.is_mark("(") - token.is_mark(")")
        read.at += 1
    if token is None or read.at == start:
        return statement.verbatim()
    changes = statement.text[read.tokens[start].start : token.start]
    read.take("WHERE")
    condition = _rest(read)
    if not _has_subquery(condition):  # Delta takes one in SET
        return statement.verbatim()
    return _merge(statement, target, condition, f"UPDATE SET {changes}")


def _has_subquery(text: str) -> bool:
    return any(token.is_word("SELECT") for token in Reader(text).tokens)


def _target(read: Reader, after: str) -> tuple[str, str]:
    """The table as written, and with its alias."""
    start = read.tokens[read.at].start if read.peek() is not None else 0
    read.name("a table")
    name = read.text[start : read.tokens[read.at - 1].end]
    read.take("AS")
    if not read.ahead(after) and read.peek() is not None:
        return name, f"{name} AS {quoted([read.identifier('an alias')])}"
    return name, name


def _rest(read: Reader) -> str:
    """The condition that ends the statement. Raises: ``SqlError`` when there is none."""
    start = read.next("a condition").start
    last = read.tokens[-1]
    return read.text[start : last.start if last.is_mark(";") else last.end]


def _merge(statement: Statement, target: tuple[str, str], condition: str, action: str) -> DataFrame:
    name, aliased = target
    # A name may be IDENTIFIER(:t).
    fields = statement.run(f"SELECT * FROM {name} LIMIT 0", statement.args if "(" in name else None).schema.fields
    if any(_uncompared(field.dataType) for field in fields):
        return statement.verbatim()  # Delta says that it takes no subquery
    columns = [(quoted([field.name]), f"`__harness_{i}`") for i, field in enumerate(fields)]
    chosen = ", ".join(f"{column} AS {alias}" for column, alias in columns)
    same = " AND ".join(f"{column} <=> {alias}" for column, alias in columns)
    merged = statement.run(
        f"MERGE INTO {aliased} USING (SELECT DISTINCT {chosen} FROM {aliased} WHERE {condition}) AS `__harness` "
        f"ON {same} WHEN MATCHED THEN {action}",
        statement.args,
    )
    return merged.select("num_affected_rows")


def _uncompared(kind: S.DataType) -> bool:
    if isinstance(kind, S.StructType):
        return any(_uncompared(field.dataType) for field in kind.fields)
    if isinstance(kind, S.ArrayType):
        return _uncompared(kind.elementType)
    return isinstance(kind, _UNCOMPARED)
