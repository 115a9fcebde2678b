"""A TOML document with something added to it: every line that is there stays as it is."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

Table = Mapping[str, Any]  # values: texts, or tables of texts


class NotMerged(ValueError):
    """The document says it in a way that nothing can be added to. The message is what to add by hand."""


def merged(text: str, header: tuple[str, ...], wanted: Table) -> str:
    """``text`` with what its table ``header`` lacks of ``wanted``; values that are there win.

    Raises: ``NotMerged``.
    """
    before = tomllib.loads(text)
    present: Any = before
    for name in header:
        present = present.get(name, {})
    lines = text.splitlines()
    values = {name: value for name, value in wanted.items() if not isinstance(value, Mapping) and name not in present}
    _add(lines, header, values, known=bool(present) or not header)
    for name, table in wanted.items():
        if isinstance(table, Mapping):
            there = present.get(name, {})
            _add(lines, (*header, name), {k: v for k, v in table.items() if k not in there}, known=name in present)
    result = "\n".join(lines) + "\n" if lines else ""
    _check(before, result, header, wanted)
    return result


def _add(lines: list[str], header: tuple[str, ...], values: Table, *, known: bool) -> None:
    """Add values to a table: below its header, or below one that is made for it."""
    if not values:
        return
    new = [f"{_key(name)} = {json.dumps(value, ensure_ascii=False)}" for name, value in values.items()]
    if not header:
        at = 0
    elif (found := _header(lines, header)) is not None:
        at = found + 1
    elif known and not _implied(lines, header):
        raise NotMerged("\n".join([f"[{'.'.join(map(_key, header))}]", *new]))
    else:
        new = [*([""] if lines else []), f"[{'.'.join(map(_key, header))}]", *new]
        at = len(lines)
    lines[at:at] = new


def _header(lines: list[str], header: tuple[str, ...]) -> int | None:
    names = r"\s*\.\s*".join(rf"""["']?{re.escape(name)}["']?""" for name in header)
    pattern = re.compile(rf"\s*\[\s*{names}\s*\]\s*(?:#.*)?$")
    return next((at for at, line in enumerate(lines) if pattern.match(line)), None)


def _implied(lines: list[str], header: tuple[str, ...]) -> bool:
    """Whether a table is there only by tables within it, so that it may have a header of its own."""
    return any(re.match(rf"\s*\[\s*{re.escape('.'.join(header))}\.", line) for line in lines)


def _check(before: Table, result: str, header: tuple[str, ...], wanted: Table) -> None:
    """What comes out is what was there, and what was wanted. Raises: ``NotMerged``."""
    expected = json.loads(json.dumps(before, default=str))
    table = expected
    for name in header:
        table = table.setdefault(name, {})
    for name, value in wanted.items():
        if isinstance(value, Mapping):
            if value:
                table[name] = {**value, **table.get(name, {})}
        else:
            table.setdefault(name, value)
    try:
        if json.loads(json.dumps(tomllib.loads(result), default=str)) == expected:
            return
    except tomllib.TOMLDecodeError:
        pass
    raise NotMerged(json.dumps(wanted, indent=2))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
