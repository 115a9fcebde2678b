"""One text for a value, whichever door it came through. The notebook of the corpus has this module as a cell."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any


def row_text(values: list[Any]) -> str:
    """A row as the corpus writes it."""
    return " | ".join(cell(value) for value in values)


def cell(value: Any) -> str:
    """A value as the corpus writes it: ``NULL``, ``''`` for the empty string, ``[1, 2]``, ``{a: 1}``."""
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return value if value.strip() else "''"
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return str(value).lower()
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex().upper()
    if isinstance(value, datetime.datetime):
        return str(value.replace(tzinfo=None))
    if hasattr(value, "toJson"):  # a variant of PySpark
        return str(value.toJson())
    if hasattr(value, "asDict"):
        value = value.asDict()
    if isinstance(value, dict):
        return _pairs(list(value.items()))
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        # The SQL connector gives maps as lists of pairs.
        if value and all(isinstance(one, tuple) and len(one) == 2 and not hasattr(one, "asDict") for one in value):
            return _pairs(list(value))
        return "[" + ", ".join(cell(one) for one in value) + "]"
    return str(value)


def _pairs(pairs: list[Any]) -> str:
    return "{" + ", ".join(f"{cell(key)}: {cell(one)}" for key, one in pairs) + "}"


def of_text(text: str | None, kind: str) -> Any:
    """A value of a JSON_ARRAY result, whose every value is a string. ``kind``: its type."""
    if text is None:
        return None
    kind = kind.upper()
    if kind.startswith(("ARRAY", "MAP", "STRUCT")):
        return json.loads(text, parse_float=str) if "DECIMAL" in kind else json.loads(text)
    if kind in ("DOUBLE", "FLOAT"):
        return float(text)
    if kind.startswith("TIMESTAMP"):
        moment = text.replace("T", " ").removesuffix("Z")
        whole, _, part = moment.partition(".")
        return f"{whole}.{part:0<6}" if part.strip("0") else whole
    return text


def error_text(message: str) -> str:
    """The condition and the SQLSTATE that a message names."""
    condition = re.search(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]", message)
    state = re.search(r"SQLSTATE: (\w{5})", message)
    return f"{condition[1] if condition else '?'} {state[1] if state else '?'}"
