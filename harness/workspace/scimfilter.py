"""SCIM's filters: ``userName eq "x" and active eq true``. Pure.

Databricks serves the operators eq, ne, co and sw, and simple expressions of ``and`` and ``or`` (docs: api/workspace/
users/list); parentheses, ``not`` and other operators are refused by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document

Predicate = Callable[[Document], bool]

ATTRIBUTES = frozenset(
    {
        "id", "username", "displayname", "applicationid", "externalid", "active", "name", "emails", "groups", "members",
        "entitlements", "roles", "value", "display", "type", "primary",
    }
)  # fmt: skip
# Within brackets nothing but the space ends a bare word: Databricks' own examples leave quotes out.
TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s"()]+|[()])')
OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "eq": lambda held, asked: held == asked,
    "ne": lambda held, asked: held != asked,
    "co": lambda held, asked: asked in held,
    "sw": lambda held, asked: held.startswith(asked),
}


class InvalidFilter(InvalidParameter):
    """A filter that is not understood."""


def parse(text: str) -> Predicate:
    """The test that a filter stands for. Raises: ``InvalidFilter``."""
    words = list(_words(text))
    alternatives: list[list[Predicate]] = [[]]
    for at in range(0, len(words) or 1, 4):
        comparison = words[at : at + 3]
        if len(comparison) < 3:
            raise InvalidFilter(f"Invalid filter: {text!r}. Expected: attribute operator value.")
        alternatives[-1].append(_comparison(*comparison))
        if at + 3 < len(words):
            joint = words[at + 3].lower()
            if joint not in ("and", "or") or at + 4 == len(words):
                raise InvalidFilter(f"Invalid filter: {text!r}. Comparisons are joined by 'and' or 'or'.")
            if joint == "or":
                alternatives.append([])
    return lambda document: any(all(test(document) for test in tests) for tests in alternatives)


def _words(text: str) -> Iterator[str]:
    position, text = 0, text.strip()
    while position < len(text):
        match = TOKEN.match(text, position)
        if match is None or match[1] in "()":
            raise InvalidFilter(f"Invalid filter: {text!r}. Only simple comparisons are supported.")
        yield match[1]
        position = match.end()


def _comparison(attribute: str, operator: str, value: str) -> Predicate:
    path = attribute.lower().split(".")
    if path[0] not in ATTRIBUTES:
        raise InvalidFilter(f"Invalid filter: there is no attribute {attribute!r}.")
    compare = OPERATORS.get(operator.lower())
    if compare is None:
        raise InvalidFilter(f"Invalid filter: the operator {operator!r} is not one of {', '.join(OPERATORS)}.")
    try:
        asked = _text(json.loads(value) if value.startswith('"') else value)
    except ValueError:
        raise InvalidFilter(f"Invalid filter: {value} is not a value.") from None
    if operator.lower() == "ne":
        return lambda document: all(compare(held, asked) for held in values(document, path))
    return lambda document: any(compare(held, asked) for held in values(document, path))


def values(held: Any, path: list[str]) -> Iterator[str]:
    """What a document holds at a path, as texts in lower case. Of a list of objects each one's ``value`` counts."""
    if isinstance(held, list):
        for item in held:
            yield from values(item, path)
    elif isinstance(held, dict):
        name, rest = (path[0], path[1:]) if path else ("value", [])
        for key, item in held.items():
            if key.lower() == name:
                yield from values(item, rest)
    elif not path:
        yield _text(held)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value).lower()
