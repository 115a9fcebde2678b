"""Quartz cron expressions, which schedules of Databricks jobs are written in: six or seven fields, with a ``?``."""

from __future__ import annotations

import re

_MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
_DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
# Name, least, most, names of values. quartz-scheduler.org, "CronTrigger Tutorial".
_FIELDS: tuple[tuple[str, int, int, list[str]], ...] = (
    ("seconds", 0, 59, []),
    ("minutes", 0, 59, []),
    ("hours", 0, 23, []),
    ("day of month", 1, 31, []),
    ("month", 1, 12, _MONTHS),
    ("day of week", 1, 7, _DAYS),
    ("year", 1970, 2099, []),
)
_SPECIAL = {
    "day of month": re.compile(r"\?|L|LW|L-\d{1,2}|\d{1,2}W"),
    "day of week": re.compile(r"\?|L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])"),
}


def problem(expression: str) -> str | None:
    """Say what is wrong with an expression, or None."""
    fields = expression.upper().split()
    if len(fields) not in (6, 7):
        return f"it has {len(fields)} fields, and Quartz wants 6 or 7, the first for seconds"
    for text, (name, least, most, names) in zip(fields, _FIELDS, strict=False):
        for item in text.split(","):
            if not _fits(item, name, least, most, names):
                return f"{item!r} is no value for {name}"
    if (fields[3] == "?") == (fields[5] == "?"):
        return "one of day of month and day of week must be ?"
    return None


def _fits(item: str, name: str, least: int, most: int, names: list[str]) -> bool:
    if name in _SPECIAL and _SPECIAL[name].fullmatch(item):
        return True
    base, slash, step = item.partition("/")
    if slash and not step.isdigit():
        return False
    if base in ("*", "") and (slash or base):
        return True
    return all(_number(part, least, most, names) for part in base.split("-", 1))


def _number(text: str, least: int, most: int, names: list[str]) -> bool:
    return text in names or (text.isdigit() and least <= int(text) <= most)
