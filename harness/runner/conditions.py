"""``condition_task``: an If/else task compares two texts; the tasks of the branch that was not taken are excluded.

Source: docs.databricks.com, "Add branching logic to a job with the If/else task", and databricks-sdk (ConditionTask).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

# "EQUAL_TO, NOT_EQUAL operators perform string comparison of their operands": "12.0" is not "12".
OF_TEXTS: dict[str, Callable[[str, str], bool]] = {"EQUAL_TO": operator.eq, "NOT_EQUAL": operator.ne}
# These "perform numeric comparison of their operands".
OF_NUMBERS: dict[str, Callable[[Decimal, Decimal], bool]] = {
    "GREATER_THAN": operator.gt,
    "GREATER_THAN_OR_EQUAL": operator.ge,
    "LESS_THAN": operator.lt,
    "LESS_THAN_OR_EQUAL": operator.le,
}
OPERATORS = frozenset({*OF_TEXTS, *OF_NUMBERS})
OUTCOMES = frozenset({"true", "false"})


class NotComparable(ValueError):
    """An operand of a numeric comparison is no number. The message names it."""


def invalid(body: Mapping[str, Any]) -> str | None:
    """Say what is missing or unknown in a ``condition_task``, or None."""
    if body.get("op") not in OPERATORS:
        return f"condition_task.op must be one of {', '.join(sorted(OPERATORS))}"
    missing = [name for name in ("left", "right") if not isinstance(body.get(name), str)]
    return f"condition_task.{missing[0]} is required" if missing else None


def outcome(body: Mapping[str, Any]) -> str:
    """Compare. Parameters: ``body``: a ``condition_task`` with its references replaced. Returns: "true" or "false".

    Raises: ``NotComparable``.
    """
    op, left, right = body["op"], body["left"], body["right"]
    met = OF_TEXTS[op](left, right) if op in OF_TEXTS else OF_NUMBERS[op](_number(left), _number(right))
    return "true" if met else "false"


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("NaN")
    if number.is_nan():
        raise NotComparable(f"The condition compares numbers, and '{text}' is none.")
    return number
