"""Checks of SQL: statements that no parser of Databricks' SQL would take. What is uncertain is let pass.

sqlglot parses queries and the changes of rows well, and other statements only in part (measured on the 639 statements
of databricks-demos/dbdemos-notebooks: it refused 19 good ones, none of them a query or a change of rows). So only those
are judged by it; of all others, that their quotes and brackets are closed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from itertools import product

from harness.lake.sql.tokens import Token, UnclosedToken, tokens
from harness.validate import spark
from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.project import Project
from harness.validate.texts import HOLE, Statement, is_databricks, of_files, of_notebook, of_operator

JUDGED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE")
# Good SQL that sqlglot 30.30 refuses, each seen to be refused.
UNKNOWN = re.compile(
    r"SCHEMA\s+EVOLUTION|RECURSION\s+LEVEL|\bREPLACE\s+ON\b|OVERWRITE\s+(LOCAL\s+)?DIRECTORY|\bWINDOW\s*\(|\bTABLE\s*\(|"
    r"\bSAMPLE\s*\(|\bTRANSFORM\b.*\bUSING\b|\bCONSTRAINT\b|\bMASK\b|\|>",
    re.I | re.S,
)
# What may stand in a hole: a name, a value, a list of values, nothing.
FILLINGS = ("x", "1", "(1)", "")
MOST_HOLES = 4
_OPEN, _CLOSE = {"(": ")", "[": "]"}, {")": "(", "]": "["}


def parses(project: Project) -> Iterator[Finding]:
    """Statements that do not parse."""
    seen: set[tuple[str, int]] = set()
    for statement in every(project):
        place = (str(statement.at.path), statement.at.line)
        if statement.text.lstrip().startswith("%") or place in seen:
            continue
        if problem := _problem(statement) or _of_spark(project, statement):
            seen.add(place)
            line, message = problem
            yield project.finding("sql-syntax", statement.line(line), message)


def every(project: Project) -> Iterator[Statement]:
    """Every statement that Databricks gets."""
    for _, task in project.tasks():
        if is_databricks(task):
            yield from of_operator(project, task)
    for notebook in project.notebooks:
        yield from of_notebook(notebook)
    yield from of_files(project)


def _problem(statement: Statement) -> tuple[int, str] | None:
    text = statement.text
    try:
        found = list(tokens(text))
    except UnclosedToken as error:
        return text.count("\n", 0, error.start) + 1, str(error).partition(" at ")[0]
    if unbalanced := _unbalanced(text, found):
        return unbalanced
    if not found or found[0].text.upper() not in JUDGED or UNKNOWN.search(text) or text.count(HOLE) > MOST_HOLES:
        return None
    first: tuple[int, str] | None = None
    for filling in product(FILLINGS, repeat=text.count(HOLE)):
        refused = _refused(_filled(text, filling))
        if refused is None:
            return None
        first = first or refused
    return first


def _of_spark(project: Project, statement: Statement) -> tuple[int, str] | None:
    if project.endpoints is None or HOLE in statement.text:
        return None
    return spark.problem(project.endpoints, statement.text)


def _unbalanced(text: str, found: list[Token]) -> tuple[int, str] | None:
    opened: list[Token] = []
    for token in found:
        if token.text in _OPEN:
            opened.append(token)
        elif token.text in _CLOSE:
            if not opened or opened[-1].text != _CLOSE[token.text]:
                return text.count("\n", 0, token.start) + 1, f"{token.text!r} closes nothing"
            opened.pop()
    if opened:
        return text.count("\n", 0, opened[-1].start) + 1, f"{opened[-1].text!r} is not closed"
    return None


def _filled(text: str, filling: tuple[str, ...]) -> str:
    parts = text.split(HOLE)
    return parts[0] + "".join(value + part for value, part in zip(filling, parts[1:], strict=True))


def _refused(text: str) -> tuple[int, str] | None:
    import sqlglot
    from sqlglot.errors import ParseError, SqlglotError

    # It warns of statements that it passes on unread.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        sqlglot.parse(text, dialect="databricks")
    except ParseError as error:
        first = error.errors[0] if error.errors else {}
        near = f" near {first['highlight']!r}" if first.get("highlight") else ""
        message = str(first.get("description") or error).partition(" but got <")[0].rstrip(".")
        return int(first.get("line") or 1), f"{message}{near}"
    except SqlglotError as error:
        return 1, str(error).partition("\n")[0]
    return None


checks = [Check(parses, (Rule("sql-syntax", "An SQL statement of an operator, notebook or file does not parse."),))]
