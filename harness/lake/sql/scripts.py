"""Parameters of scripts (``BEGIN … END``): their values are put in the place of the markers.

Databricks takes them (docs: sql/language-manual/sql-ref-scripting and "Parameter markers"); Spark 4.2.0, which binds
parameters to one plan, does not bind those of a script's statements.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyspark.sql import DataFrame

from harness.lake.sql.statement import Statement
from harness.lake.sql.tokens import Kind, Token

_AS_IT_IS = ("int", "string")
_NESTED = ("array", "map", "struct")


def run(statement: Statement) -> DataFrame:
    """``BEGIN … END``."""
    if not statement.args:
        return statement.verbatim()
    text, places = statement.text, list(_markers(statement, statement.reader().tokens))
    if not isinstance(statement.args, Mapping) and len(places) != len(statement.args):
        return statement.verbatim()  # Spark says what it thinks of them
    # The value of a lone ? is asked for by name: in a query of its own it would be any of them.
    known: dict[str, str] = {}
    for number, (start, end) in reversed(list(enumerate(places))):
        marker = text[start:end]
        key = f"{marker}{number if marker == '?' else ''}"
        if key not in known:
            known[key] = _literal(statement, marker, number)
        text = f"{text[:start]}{known[key]}{text[end:]}"
    return statement.run(text)


def _markers(statement: Statement, tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Where markers begin and end: ``?``, and ``:name`` of an argument, not ``column:field`` or ``label: …``."""
    named = statement.args if isinstance(statement.args, Mapping) else {}
    for before, token, after in zip(tokens[:-1], tokens[1:], [*tokens[2:], tokens[-1]], strict=True):
        if token.is_mark("?") and not named:
            yield token.start, token.end
        apart = before.end < token.start or (before.kind is Kind.MARK and not before.is_mark(")"))
        if token.is_mark(":") and apart and after.start == token.end and after.text in named:
            yield token.start, after.end


def _literal(statement: Statement, marker: str, number: int) -> str:
    """A parameter as it can be written in SQL."""
    args = {marker[1:]: statement.args[marker[1:]]} if isinstance(statement.args, Mapping) else statement.args
    if not isinstance(args, Mapping):
        assert args is not None
        marker, args = ":given", {"given": args[number]}
    asked = f"SELECT typeof(given), CAST(given AS STRING), to_json(struct(given)) FROM (SELECT {marker} AS given)"
    kind, value, document = statement.run(asked, args).collect()[0]
    if value is None:
        return "NULL" if kind == "void" else f"CAST(NULL AS {kind})"
    if kind.startswith(_NESTED):
        return f"from_json({_quoted(document)}, 'given {kind}').given"
    written = _quoted(value) if kind != "int" else value
    return written if kind in _AS_IT_IS else f"CAST({written} AS {kind})"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
