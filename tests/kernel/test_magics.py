from __future__ import annotations

import pytest

from harness.kernel.runline import Unsupported, run_arguments


@pytest.mark.parametrize(
    ("text", "target", "arguments"),
    [
        ("./helpers", "./helpers", {}),
        ('"/Shared/my helpers" $day="2026 01" $n=1', "/Shared/my helpers", {"day": "2026 01", "n": "1"}),
    ],
)
def test_run_takes_a_notebook_and_arguments(text: str, target: str, arguments: dict[str, str]) -> None:
    assert run_arguments(text) == (target, arguments)


@pytest.mark.parametrize("text", ["", "./a\nx = 1", "./a day=1", "./a $day"])
def test_run_refuses_anything_else(text: str) -> None:
    with pytest.raises(Unsupported, match="%run"):
        run_arguments(text)
