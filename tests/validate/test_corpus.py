"""Broken projects, one defect each, found where it is; and good ones, in which nothing is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.validate.run import RULES
from tests.validate.projects import unpack

HERE = Path(__file__).parent
BROKEN = sorted((HERE / "corpus").glob("*.txt"))
GOOD = sorted((HERE / "good").glob("*.txt"))
ROOT = HERE.parents[1]


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.stem)
def test_the_defect_is_found_where_it_is(case, tmp_path, found):
    marked = unpack(case.read_text(), tmp_path)
    assert marked, "the case marks no defect"
    seen = found(tmp_path)
    assert sorted((f.rule, f.path, f.line) for f in seen) == marked, seen


@pytest.mark.parametrize("case", GOOD, ids=lambda case: case.stem)
def test_nothing_is_found_in_a_good_project(case, tmp_path, found):
    assert unpack(case.read_text(), tmp_path) == []
    assert found(tmp_path) == []


def test_nothing_is_found_in_our_own_pipeline(found):
    assert found(ROOT) == []


def test_every_rule_is_broken_by_a_project():
    broken = {rule for case in BROKEN for rule in _marks(case)}
    assert broken == {rule.name for rule in RULES}


def _marks(case: Path) -> set[str]:
    return {line.rpartition("<- ")[2] for line in case.read_text().splitlines() if "<- " in line}
