from __future__ import annotations

import pytest

from harness.kernel.magics import Unsupported, run_arguments
from harness.kernel.packages import PackageNotInstalled, pip, require


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


def test_packages_are_checked_against_what_is_installed() -> None:
    assert require(["pytest>=1", "packaging; python_version < '3'"])[0].startswith("pytest ")
    with pytest.raises(PackageNotInstalled, match="'nothing-like-it' is not installed"):
        require(["pytest", "nothing-like-it"])
    with pytest.raises(PackageNotInstalled, match="only names of packages"):
        require(["./local.whl"])


def test_pip_installs_nothing_and_says_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    pip("install -U 'pytest>1' packaging")
    assert capsys.readouterr().out.count("Requirement already satisfied: ") == 2
    for line in ("install -r requirements.txt", "uninstall pytest", ""):
        with pytest.raises(PackageNotInstalled, match=r"is not supported here"):
            pip(line)
