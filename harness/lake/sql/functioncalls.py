"""Calls of catalog functions in the body of a function that is being made.

Spark checks a new function as a temporary one, whose body may name no function of three parts. So it is shown
stand-ins: temporary functions with the parameters and results of those that are called.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.lake.sql.failures import SqlError
from harness.lake.sql.tokens import Kind, tokens
from harness.lake.sql.unity import Document, Refused, Unity, quoted

# What Spark's own functions may be called by.
SPARKS = ("builtin", "session", "system")
STAND_IN = "__harness_stand_in_"


@dataclass
class Calls:
    """A text with stand-ins. ``made``: the statements that make them; ``originals``: stand-in to what was written."""

    text: str
    made: list[str] = field(default_factory=list)
    originals: dict[str, str] = field(default_factory=dict)

    def restored(self, value: Any) -> Any:
        """A document, or a text in it, with the calls as they were written."""
        if isinstance(value, dict):
            return {key: self.restored(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.restored(item) for item in value]
        if isinstance(value, str):
            for name, original in self.originals.items():
                value = value.replace(name, original)
        return value


def stand_ins(text: str, unity: Unity, is_sparks: Callable[[str], bool]) -> Calls:
    """A text in which stand-ins are called for functions of the catalog.

    Parameters: ``is_sparks``: whether a name of one part is a function of Spark's own, or a temporary one.
    """
    calls = Calls(text)
    found = list(tokens(text))
    names: dict[str, str] = {}  # what was written to its stand-in
    pieces: list[tuple[int, int, str]] = []
    at = 0
    while at < len(found):
        first, parts = at, []
        while at < len(found) and found[at].kind in (Kind.WORD, Kind.NAME):
            parts.append(found[at].value)
            if not (at + 1 < len(found) and found[at + 1].is_mark(".")):
                break
            at += 2
        called = at + 1 < len(found) and found[at + 1].is_mark("(") and at < len(found)
        if parts and called and len(parts) <= 3 and not (len(parts) == 1 and is_sparks(parts[0])):
            start, end = found[first].start, found[at].end
            written = text[start:end]
            if written not in names:
                names[written] = _stand_in(calls, unity, parts)
            if stand_in := names[written]:
                calls.originals[stand_in] = written
                pieces.append((start, end, stand_in))
        at += 1
    for start, end, stand_in in reversed(pieces):
        calls.text = calls.text[:start] + stand_in + calls.text[end:]
    return calls


def _stand_in(calls: Calls, unity: Unity, parts: list[str]) -> str:
    """The stand-in of a function of the catalog; none for what is no function of it, such as a type.

    Raises: ``SqlError`` for a function of a schema that has none of that name.
    """
    if parts[0].lower() in SPARKS and len(parts) > 1:
        return ""
    try:
        document = unity.get("functions", unity.full_name(parts, 3))
    except Refused:
        if len(parts) == 1:
            return ""
        here = quoted(unity.full_name(["f"], 3).split(".")[:2])
        path = f"[`system`.`builtin`, `system`.`session`, {here}]"
        message = f"Cannot resolve routine {quoted(parts)} on search path {path}."
        raise SqlError("UNRESOLVED_ROUTINE", message, "42883") from None
    name = f"{STAND_IN}{len(calls.made)}__"
    calls.made.append(f"CREATE OR REPLACE TEMPORARY FUNCTION {name}{_signature(document)}")
    return name


def _signature(document: Document) -> str:
    listed = ", ".join(_parameter(each) for each in document.get("input_params", {}).get("parameters", []))
    if document["data_type"] != "TABLE_TYPE":
        returned = document["full_data_type"]
        return f"({listed}) RETURNS {returned} RETURN CAST(NULL AS {returned})"
    columns = document.get("return_params", {}).get("parameters", [])
    names = ", ".join(f"{quoted([each['name']])} {each['type_text']}" for each in columns)
    nulls = ", ".join(f"CAST(NULL AS {each['type_text']})" for each in columns)
    return f"({listed}) RETURNS TABLE ({names}) RETURN SELECT {nulls}"


def _parameter(parameter: Document) -> str:
    default = f" DEFAULT {parameter['parameter_default']}" if "parameter_default" in parameter else ""
    return f"{quoted([parameter['name']])} {parameter['type_text']}{default}"
