"""The statements of an SQL cell, and where each begins."""

from __future__ import annotations

from collections.abc import Iterator

from harness.lake.sql.split import split
from harness.lake.sql.tokens import tokens


def statements(text: str, line: int) -> Iterator[tuple[str, int]]:
    """The statements of a text and the line of each one's first word, which comments may precede.

    Parameters: ``line``: that of the text's first line. Raises: ``UnclosedToken``.
    """
    position = 0
    for statement in split(text):
        start = text.index(statement, position)
        first = start + next(tokens(statement)).start
        yield statement, line + text.count("\n", 0, first)
        position = start + len(statement)
