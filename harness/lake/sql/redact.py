"""Secrets out of a statement's text, before it is kept anywhere.

Databricks shows ``[REDACTED]`` in the query history (docs: "Query history", security); Spark hides the settings whose
names match ``spark.redaction.regex``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from harness.lake.sql.tokens import Kind, Token, UnclosedToken, tokens

REDACTED = "[REDACTED]"
# Spark's default of spark.redaction.regex, and the names that COPY INTO and cloud storage give to keys.
_SECRET = re.compile(
    r"secret|password|passwd|pwd|token|access.?key|account.?key|credential|encryption|sas|api.?key", re.I
)
_BLOCKS = ("CREDENTIAL", "ENCRYPTION")
_ASSIGNS = ("=", "=>", ":", "==")


def redacted(statement: str) -> str:
    """A statement with its secrets starred: options and settings with telling names, ``CREDENTIAL (…)`` blocks.

    Strings elsewhere stay: a statement that names a secret only in prose, or compares with it, is the author's own.
    """
    if not _SECRET.search(statement):
        return statement
    try:
        found = list(tokens(statement))
    except UnclosedToken:  # nobody can say where a secret ends
        return REDACTED
    if found and found[0].is_word("SET"):
        return _setting(statement, found)
    for token in reversed(list(_secrets(found))):
        statement = f"{statement[: token.start]}'{REDACTED}'{statement[token.end :]}"
    return statement


def _setting(statement: str, found: list[Token]) -> str:
    mark = next((token for token in found if token.is_mark("=")), None)
    if mark is None or not _SECRET.search(statement[: mark.start]):
        return statement
    return f"{statement[: mark.end]} {REDACTED}"


def _secrets(found: list[Token]) -> Iterator[Token]:
    """The strings that are values of a secret's name, or stand in a block of credentials."""
    depth = 0
    for at, token in enumerate(found):
        if token.is_mark("("):
            opens = at > 0 and found[at - 1].is_word(*_BLOCKS)
            depth += depth > 0 or opens
        elif token.is_mark(")") and depth:
            depth -= 1
        elif token.kind is Kind.STRING and at > 1 and any(found[at - 1].is_mark(mark) for mark in _ASSIGNS):
            yield from [token] if depth or _SECRET.search(_name(found, at - 2)) else []


def _name(found: list[Token], at: int) -> str:
    """The option's name that ends at a token: a string, or words joined by dots."""
    parts = [found[at].value]
    while at >= 2 and found[at - 1].is_mark("."):
        at -= 2
        parts.append(found[at].value)
    return ".".join(reversed(parts))
