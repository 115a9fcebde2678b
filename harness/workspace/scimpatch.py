"""SCIM's PATCH: ``{"Operations": [{"op": "add", "path": "members", "value": [{"value": "7"}]}]}``. Pure.

Source: RFC 7644, 3.5.2, and what identity providers send: ``Add`` in capitals, and members to remove as a value.
"""

from __future__ import annotations

import re
from typing import Any

from harness.workspace.errors import InvalidParameter
from harness.workspace.scimfilter import Predicate, parse
from harness.workspace.store import Document

LISTS = ("emails", "entitlements", "roles", "members")
PATH = re.compile(r"(?P<name>[A-Za-z]\w*)(?:\[(?P<filter>.+)\])?(?:\.(?P<part>\w+))?")


class InvalidPatch(InvalidParameter):
    """Operations that are not understood, or have no target."""


def patched(document: Document, operations: Any) -> Document:
    """A document after operations, in their order. Raises: ``InvalidPatch``; ``InvalidFilter`` in a path."""
    if not isinstance(operations, list) or not operations:
        raise InvalidPatch("Operations must be a list of operations.")
    for operation in operations:
        if not isinstance(operation, dict):
            raise InvalidPatch("Each of Operations must be an object.")
        op = str(operation.get("op", "")).lower()
        if op not in ("add", "replace", "remove"):
            raise InvalidPatch(f"Invalid op: {operation.get('op')!r}. It must be add, replace or remove.")
        document = _apply(document, op, operation.get("path"), operation.get("value"))
    return document


def _apply(document: Document, op: str, path: object, value: Any) -> Document:
    if path is None:
        if op == "remove" or not isinstance(value, dict):
            raise InvalidPatch(f"An operation {op!r} without path needs an object as its value.")
        for name, part in value.items():
            document = _apply(document, op, name, part)
        return document
    match = PATH.fullmatch(path) if isinstance(path, str) else None
    if match is None:
        raise InvalidPatch(f"Invalid path: {path!r}.")
    if op != "remove" and value is None:
        raise InvalidPatch(f"An operation {op!r} needs a value.")
    name, part, test = match["name"], match["part"], parse(match["filter"]) if match["filter"] else None
    if name in LISTS:
        return {**document, name: _list(list(document.get(name, ())), op, value, test, part, path)}
    if test is not None:
        raise InvalidPatch(f"Invalid path: {path!r}. {name} is no list.")
    if part is not None:
        held = document.get(name, {})
        if not isinstance(held, dict):
            raise InvalidPatch(f"Invalid path: {path!r}. {name} has no parts.")
        return {**document, name: _single(held, op, part, value)}
    return _single(document, op, name, value)


def _single(held: Document, op: str, name: str, value: Any) -> Document:
    rest = {key: item for key, item in held.items() if key != name}
    return rest if op == "remove" else {**rest, name: value}


def _list(held: list[Any], op: str, value: Any, test: Predicate | None, part: str | None, path: object) -> list[Any]:
    if part is not None and test is None:
        raise InvalidPatch(f'Invalid path: {path!r}. Say which of the items, as in members[value eq "1"].')
    given = value if isinstance(value, list) else [] if value is None else [value]
    if test is not None:
        if not any(test(item) for item in held):
            raise InvalidPatch(f"No item matches {path!r}.")
        if op == "remove" and part is None:
            return [item for item in held if not test(item)]
        if part is None and not isinstance(value, dict):
            raise InvalidPatch(f"An operation {op!r} on {path!r} needs an object as its value.")
        changed = (lambda item: _single(item, op, part, value)) if part else (lambda item: {**item, **value})
        return [changed(item) if test(item) else item for item in held]
    if op == "replace":
        return given
    named = [item.get("value") if isinstance(item, dict) else item for item in given]
    if op == "remove":
        return [item for item in held if item.get("value") not in named] if named else []
    present = {item.get("value") for item in held}
    return [*held, *(item for item, name in zip(given, named, strict=True) if name not in present)]
