"""Rows against rows: what is equal, which row stands for which, and the differences as a reader wants them."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
SHOWN = 10  # differences
COMPARED = 250_000  # pairs of rows looked at for a resemblance


class Cell(str):
    """A value known by its text alone, as a CSV file holds it."""


def difference(
    expected: Sequence[Row],
    found: Sequence[Row],
    *,
    ordered: bool = False,
    tolerance: float | None = None,
    key: Sequence[str] = (),
) -> list[str]:
    """What differs, a line each, nothing for equal rows. All rows have the same columns.

    Parameters: ``ordered``: the order counts; ``tolerance``: how far numbers may be apart, absolutely and in
    proportion; ``key``: columns that say which row is which; without it, rows that resemble each other are compared.
    """
    if ordered:
        pairs = list(zip(expected, found, strict=False))
        missing, extra = list(expected[len(found) :]), list(found[len(expected) :])
        names = [f"row {place + 1}" for place in range(len(pairs))]
    else:
        pairs, missing, extra = _matched(expected, found, tolerance, key)
        names = [_name(row, key) for row, _ in pairs]
    lines: list[str] = []
    for name, (wanted, got) in zip(names, pairs, strict=True):
        cells = [column for column in wanted if not same(wanted[column], got[column], tolerance)]
        if cells:
            lines.append(f"{name}: " + ", ".join(f"{c} is {got[c]!r}, not {_shown(wanted[c])}" for c in cells))
    lines += [f"missing: {_text(row)}" for row in missing]
    lines += [f"not expected: {_text(row)}" for row in extra]
    if len(lines) > SHOWN:
        lines = [*lines[:SHOWN], f"… and {len(lines) - SHOWN} differences more"]
    return lines


def same(expected: Any, found: Any, tolerance: float | None = None) -> bool:
    """Whether two values are one: NaN is NaN, times without a zone are UTC, a ``Cell`` is compared by its text."""
    if isinstance(expected, Cell):
        if not _number(plain(found)):
            return text(found) == str(expected)
        number = _read(expected)
        return number is not None and _same_number(number, plain(found), tolerance)
    if expected is None or found is None:
        return expected is found
    expected, found = plain(expected), plain(found)
    if _number(expected) and _number(found):
        return _same_number(expected, found, tolerance)
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return expected.keys() == found.keys() and all(same(expected[k], found[k], tolerance) for k in expected)
    if isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)):
        return len(expected) == len(found) and all(map(lambda e, f: same(e, f, tolerance), expected, found))
    return bool(type(expected) is type(found) and expected == found)


def plain(value: Any) -> Any:
    """A value without numpy's and pandas' types, times in UTC."""
    if hasattr(value, "to_pydatetime"):
        value = value.to_pydatetime()
    elif hasattr(value, "tolist") and hasattr(value, "dtype"):
        value = value.tolist()
    if isinstance(value, datetime.datetime):
        zoned = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
        return zoned.astimezone(datetime.UTC)
    return bytes(value) if isinstance(value, (bytearray, memoryview)) else value


def text(value: Any) -> str:
    """A value as a cell of a CSV file; empty for null."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _same_number(expected: Any, found: Any, tolerance: float | None) -> bool:
    if math.isnan(expected) or math.isnan(found):
        return math.isnan(expected) and math.isnan(found)
    if tolerance is not None:
        return math.isclose(expected, found, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(expected, Decimal) or isinstance(found, Decimal):
        # A literal 1.1 stands for the decimal 1.1, not for the nearest binary fraction.
        return Decimal(str(expected)) == Decimal(str(found))
    return bool(expected == found)


def _matched(
    expected: Sequence[Row], found: Sequence[Row], tolerance: float | None, key: Sequence[str]
) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    """Pairs of rows that differ, and what is left of either side."""
    left, right = _without_equals(expected, found, tolerance)
    if key:
        return _by_key(left, right, tolerance, key)
    if len(left) * len(right) > COMPARED:
        return [], left, right
    pairs: list[tuple[Row, Row]] = []
    missing: list[Row] = []
    for row in left:
        scores = [sum(same(row[c], other[c], tolerance) for c in row) for other in right]
        best = max(range(len(right)), key=scores.__getitem__, default=None)
        # Rows that share fewer than half of their cells are strangers.
        if best is None or scores[best] * 2 < len(row) or not scores[best]:
            missing.append(row)
        else:
            pairs.append((row, right.pop(best)))
    return pairs, missing, right


def _without_equals(
    expected: Sequence[Row], found: Sequence[Row], tolerance: float | None
) -> tuple[list[Row], list[Row]]:
    """What is left when equal rows are taken from both sides; rows are looked up, so that large tables are fast."""
    columns = list(expected[0]) if expected else []
    numbers = {c for c in columns if any(_number(plain(row[c])) for row in found)}
    near = [c for c in numbers if tolerance is not None and _fractional(c, found)]
    exact = [c for c in columns if c not in near]

    def order(row: Row) -> list[float]:
        return [_as_float(row[c]) for c in near]

    places: dict[tuple[str, ...], list[int]] = {}
    for place in sorted(range(len(found)), key=lambda place: order(found[place])):
        places.setdefault(tuple(_lookup(found[place][c], c in numbers) for c in exact), []).append(place)
    left = []
    # Both sides in the order of what may only be near: a row's twin is then among the first that are left.
    for row in sorted(expected, key=order) if near else expected:
        candidates = places.get(tuple(_lookup(row[c], c in numbers) for c in exact), [])
        twin = next((p for p in candidates if all(same(row[c], found[p][c], tolerance) for c in columns)), None)
        if twin is None:
            left.append(row)
        else:
            candidates.remove(twin)
    kept = sorted(place for many in places.values() for place in many)
    return left, [found[place] for place in kept]


def _fractional(column: str, rows: Sequence[Row]) -> bool:
    return any(isinstance(plain(row[column]), (float, Decimal)) for row in rows)


def _lookup(value: Any, is_number: bool) -> str:
    # 1, 1.0, Decimal("1.00") and a cell that says 1 are one number.
    return repr(_as_float(value)) if is_number and value is not None else text(value)


def _as_float(value: Any) -> float:
    """What a number is looked up and sorted by; null and NaN, and what is none, come first."""
    number: Any = _read(value) if isinstance(value, str) else plain(value)
    return float(number) if _number(number) and not math.isnan(number) else -math.inf


def _read(cell: str) -> Decimal | float | None:
    try:
        return float(cell) if cell.lower() in ("nan", "inf", "-inf") else Decimal(cell)
    except ArithmeticError:
        return None


def _by_key(
    left: list[Row], right: list[Row], tolerance: float | None, key: Sequence[str]
) -> tuple[list[tuple[Row, Row]], list[Row], list[Row]]:
    pairs, missing = [], []
    for row in left:
        twin = next((other for other in right if all(same(row[c], other[c], tolerance) for c in key)), None)
        if twin is None:
            missing.append(row)
        else:
            right = [other for other in right if other is not twin]
            pairs.append((row, twin))
    return pairs, missing, right


def _name(row: Row, key: Sequence[str]) -> str:
    shown: Iterable[str] = key or list(row)[:1]
    return "row with " + ", ".join(f"{column} = {_shown(row[column])}" for column in shown)


def _text(row: Row) -> str:
    return "{" + ", ".join(f"{column}: {_shown(value)}" for column, value in row.items()) + "}"


def _shown(value: Any) -> str:
    return str.__str__(value) or "null" if isinstance(value, Cell) else repr(plain(value))
