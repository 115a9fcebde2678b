from __future__ import annotations

import pytest

from harness.runner.conditions import NotComparable, invalid, outcome


@pytest.mark.parametrize(
    ("left", "op", "right", "expected"),
    [
        ("12.0", "EQUAL_TO", "12", "false"),
        ("a", "EQUAL_TO", "a", "true"),
        ("a", "NOT_EQUAL", "b", "true"),
        ("12.0", "GREATER_THAN_OR_EQUAL", "12", "true"),
        ("10.0", "GREATER_THAN_OR_EQUAL", "12", "false"),
        ("9", "GREATER_THAN", "10", "false"),
        (" 1e3 ", "GREATER_THAN", "10", "true"),
        ("9", "LESS_THAN", "10", "true"),
        ("10", "LESS_THAN_OR_EQUAL", "9", "false"),
    ],
)
def test_equality_compares_texts_and_order_compares_numbers(left: str, op: str, right: str, expected: str) -> None:
    assert outcome({"left": left, "op": op, "right": right}) == expected


@pytest.mark.parametrize("operand", ["", "many", "nan"])
def test_the_order_of_what_is_no_number_is_an_error_that_names_it(operand: str) -> None:
    with pytest.raises(NotComparable, match=f"'{operand}' is none"):
        outcome({"left": operand, "op": "GREATER_THAN", "right": "1"})


def test_an_incomplete_condition_says_what_is_missing() -> None:
    assert "condition_task.op must be one of EQUAL_TO" in (invalid({"op": "LIKE", "left": "", "right": ""}) or "")
    assert invalid({"op": "EQUAL_TO", "left": "1"}) == "condition_task.right is required"
    assert invalid({"op": "EQUAL_TO", "left": "", "right": ""}) is None
