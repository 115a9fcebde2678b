"""A table's columns and types as Spark writes them: ``id bigint not null, tags array<string>``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

NAMES = {"long": "bigint", "integer": "int", "short": "smallint", "byte": "tinyint"}
ALIASES = {**NAMES, "dec": "decimal", "numeric": "decimal", "real": "float", "text": "string"}

Schema = Mapping[str, str] | str


def of_delta(fields: list[dict[str, Any]]) -> dict[str, str]:
    """The columns of a Delta schema (its JSON form): name to type."""
    return {
        field["name"]: _type(field["type"]) + ("" if field.get("nullable", True) else " not null") for field in fields
    }


def wanted(schema: Schema) -> dict[str, str]:
    """What a test wrote, ``{"id": "BIGINT"}`` or ``"id BIGINT, name STRING"``, in the same form.

    Raises: ``ValueError`` for a column without a type.
    """
    if isinstance(schema, Mapping):
        return {name: _normal(kind) for name, kind in schema.items()}
    columns: dict[str, str] = {}
    for part in _parts(schema):
        name, _, kind = part.strip().partition(" ")
        if not kind.strip():
            raise ValueError(f"column {part.strip()!r} has no type: write the schema as 'id BIGINT, name STRING'")
        columns[name.strip("`")] = _normal(kind)
    return columns


def difference(expected: Mapping[str, str], found: Mapping[str, str], *, ordered: bool = True) -> list[str]:
    """What differs, a line each. Parameters: ``ordered``: the order of the columns counts."""
    lines = [f"missing: {name} {kind}" for name, kind in expected.items() if name not in found]
    lines += [f"not expected: {name} {kind}" for name, kind in found.items() if name not in expected]
    both = [name for name in expected if name in found]
    lines += [f"{name} is {found[name]}, not {expected[name]}" for name in both if found[name] != expected[name]]
    if ordered and not lines and list(expected) != list(found):
        lines = [f"the order is {', '.join(found)}, not {', '.join(expected)}"]
    return lines


def _type(kind: Any) -> str:
    if isinstance(kind, str):
        return NAMES.get(kind, kind)
    if kind["type"] == "array":
        return f"array<{_type(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<{_type(kind['keyType'])},{_type(kind['valueType'])}>"
    return "struct<" + ",".join(f"{field['name']}:{_type(field['type'])}" for field in kind["fields"]) + ">"


def _normal(kind: str) -> str:
    lower = re.sub(r"\s+", " ", kind.strip().lower())
    lower = re.sub(r"\s*([<>(),:])\s*", r"\1", lower)
    lower = re.sub(r"[a-z_]+", lambda word: ALIASES.get(word[0], word[0]), lower)
    return lower.removesuffix(" null") if not lower.endswith(" not null") else lower


def _parts(schema: str) -> list[str]:
    """Split at the commas that are in no bracket."""
    parts, depth = [""], 0
    for sign in schema:
        depth += (sign in "<(") - (sign in ">)")
        if sign == "," and not depth:
            parts.append("")
        else:
            parts[-1] += sign
    return [part for part in parts if part.strip()]
