"""``INSERT INTO … REPLACE USING | ON``: rows take the place of those that match them; open-source Delta refuses it.

They are carried out as one ``MERGE``, which removes and inserts in one commit; the table's history says MERGE.
``REPLACE WHERE`` is Delta's own. Source: docs.databricks.com/sql/language-manual/sql-ref-syntax-dml-insert-into.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame

from harness.lake.sql.failures import SqlError
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement
from harness.lake.sql.unity import quoted

_QUERY = ("SELECT", "VALUES", "FROM", "WITH", "TABLE")
# Before a parenthesis, these say that the subquery in it belongs to the condition.
_OPERATORS = ("IN", "EXISTS", "AND", "OR", "NOT", "ANY", "SOME", "ALL", "LIKE", "BETWEEN")
_REMOVES = "`__harness_removes`"


@dataclass
class _Insert:
    """The parts of the statement, as written; ``using``: columns, or else ``on``, a condition."""

    evolves: bool
    table: str
    alias: str
    columns: list[str]
    by_name: bool
    using: list[str]
    on: str
    query: str
    query_alias: str


def insert(statement: Statement) -> DataFrame:
    """``INSERT [WITH SCHEMA EVOLUTION] INTO table [alias] [(…) | BY NAME] REPLACE {USING (…) | ON …} query``."""
    read = statement.reader()
    replaces = any(token.is_word("REPLACE") for token in read.tokens)
    parts = _parse(read) if replaces else None
    if parts is None:
        return statement.verbatim()
    if any(token.is_word("SELECT") for token in Reader(parts.on).tokens):
        raise statement.refused(
            "INSERT INTO … REPLACE ON with a subquery in its condition", "Delta's MERGE takes none."
        )
    named = statement.args if "(" in parts.table else None  # IDENTIFIER(:t)
    target = statement.run(f"SELECT * FROM {parts.table} LIMIT 0", named).columns
    given = statement.run(f"SELECT * FROM ({parts.query}) LIMIT 0", statement.args).columns
    columns = _aligned(parts, target, given)
    alias, source, names = parts.alias, parts.query_alias, given
    if parts.using:
        absent = {column.lower() for column in parts.using} - {column.lower() for column in columns}
        if absent:
            message = f"A column with name {quoted([absent.pop()])} cannot be resolved among those that are inserted."
            raise SqlError("UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", message, "42703")
        condition = " AND ".join(f"{alias}.{quoted([c])} = {source}.{quoted([c])}" for c in parts.using)
        # Schema evolution takes a new column from one of the same name.
        names, source_named = columns, f"{source}({', '.join(quoted([c]) for c in columns)})"
    else:
        condition, source_named = parts.on, source
    # Each row twice: once to remove what it replaces, once to be inserted. The query runs once.
    merged = statement.run(
        f"MERGE {'WITH SCHEMA EVOLUTION ' if parts.evolves else ''}INTO {parts.table} AS {alias} USING ("
        f"SELECT * FROM ({parts.query}) AS {source_named} "
        f"CROSS JOIN (VALUES (true), (false)) AS `__harness`({_REMOVES})) AS {source} "
        f"ON {source}.{_REMOVES} AND ({condition}) WHEN MATCHED THEN DELETE "
        f"WHEN NOT MATCHED AND NOT {source}.{_REMOVES} THEN INSERT ({', '.join(quoted([c]) for c in columns)}) "
        f"VALUES ({', '.join(f'{source}.{quoted([name])}' for name in names)})",
        statement.args,
    )
    return merged.selectExpr("num_inserted_rows AS num_affected_rows", "num_inserted_rows")


def _parse(read: Reader) -> _Insert | None:
    """The statement's parts; ``None`` when it is an ``INSERT`` of another kind."""
    read.expect("INSERT")
    evolves = read.take("WITH", "SCHEMA", "EVOLUTION")
    if not read.take("INTO"):
        return None
    read.take("TABLE")
    start = read.at
    name = read.name("a table")
    table = read.text[read.tokens[start].start : read.tokens[read.at - 1].end]
    alias = quoted(name[-1:])
    columns: list[str] = []
    if read.is_mark("("):
        columns = read.list(lambda: read.identifier("a column"))
    elif read.take("AS") or not (read.ahead("BY", "NAME") or read.ahead("REPLACE")):
        alias = quoted([read.identifier("an alias")])
    by_name = read.take("BY", "NAME")
    using, on = [], ""
    if read.take("REPLACE", "USING"):
        using = read.list(lambda: read.identifier("a column"))
    elif read.take("REPLACE", "ON"):
        on = _condition(read)
    else:
        return None
    query, query_alias = _query(read)
    return _Insert(evolves, table, alias, columns, by_name, using, on, query, query_alias)


def _condition(read: Reader) -> str:
    start, depth = read.next("a condition").start, 0
    read.at -= 1
    while (token := read.peek()) is not None:
        following = read.tokens[read.at + 1] if read.at + 1 < len(read.tokens) else None
        before = read.tokens[read.at - 1]
        opens = token.is_mark("(") and following is not None and following.is_word(*_QUERY)
        if depth == 0 and token.start > start:
            if token.is_word(*_QUERY):
                break
            if opens and not before.is_word(*_OPERATORS) and (before.text[-1].isalnum() or before.text[-1] in "_`'\")"):
                break
        depth += token.is_mark("(") - token.is_mark(")")
        read.at += 1
    return read.text[start : read.tokens[read.at - 1].end]


def _query(read: Reader) -> tuple[str, str]:
    """The query without its parentheses, and its alias."""
    start = read.next("a query")
    last = read.tokens[-1]
    end = last.start if last.is_mark(";") else last.end
    if not start.is_mark("("):
        return read.text[start.start : end], "`__harness_source`"
    depth = 1
    while depth:
        token = read.next("a closing parenthesis")
        depth += token.is_mark("(") - token.is_mark(")")
    inner = read.text[start.end : read.tokens[read.at - 1].start]
    alias = "`__harness_source`"
    if read.take("AS") or not (read.peek() is None or read.is_mark(";")):
        alias = quoted([read.identifier("an alias")])
    read.end()
    return inner, alias


def _aligned(parts: _Insert, target: list[str], given: list[str]) -> list[str]:
    """The table's column for each of the query's. Raises: ``SqlError`` when their numbers differ."""
    if parts.by_name:
        return given
    columns = parts.columns or (target + given[len(target) :] if parts.evolves else target)
    if len(columns) != len(given):
        kind = "NOT_ENOUGH" if len(given) < len(columns) else "TOO_MANY"
        message = (
            f"Cannot write to {parts.table}, the reason is {kind.lower().replace('_', ' ')} data columns: "
            f"Table columns: {', '.join(map(repr, columns))}. Data columns: {', '.join(map(repr, given))}."
        )
        raise SqlError(f"INSERT_COLUMN_ARITY_MISMATCH.{kind}_DATA_COLUMNS", message, "21S01")
    return columns
