"""Databricks SQL as its documentation has it, through every door."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.stack import Stack
from tests.sql.doors import Door, Notebook, Statements, Thrift
from tests.sql.entries import Outcome, families

FAMILIES = {family.name: family for family in families()}
DOORS: dict[str, type[Door]] = {door.name: door for door in (Thrift, Statements, Notebook)}
CASES = [(name, door) for name, family in FAMILIES.items() for door in family.doors]
# Two cores: more at once would only wait for each other.
AT_ONCE = 4

Outcomes = dict[tuple[str, str], list[Outcome]]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, stack: Stack, connected: None) -> Outcomes:
    """What comes of the statements of the families and doors that the selected tests are about, executed at once."""
    stack.reset()
    wanted = {
        (item.callspec.params["name"], item.callspec.params["door"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.function is test_family_is_as_documented
    }
    works = [(DOORS[door](stack), [FAMILIES[name]]) for name, door in wanted if door != Notebook.name]
    if noted := [FAMILIES[name] for name, door in sorted(wanted) if door == Notebook.name]:
        works.insert(0, (Notebook(stack), noted))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [(door.name, pool.submit(door.run, some)) for door, some in works]
        return {(name, door): came for door, future in done for name, came in future.result().items()}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "door"), CASES, ids=["-".join(case) for case in CASES])
def test_family_is_as_documented(name: str, door: str, outcomes: Outcomes, stack: Stack) -> None:
    family, speaking = FAMILIES[name], DOORS[door](stack)
    faults = []
    for entry, came in zip(family.entries, outcomes[name, door], strict=True):
        expected = entry.expected(door)
        if expected is not None:
            rows = tuple(speaking.filled_in(family, row) for row in expected.rows)
            # The connector's cursor tells the columns in words of its own.
            columns = "" if door == Thrift.name else expected.columns
            expected = type(expected)(expected.error, rows, columns)
        if not came.meets(expected, entry.sql):
            faults.append(f"{entry.place} ({entry.page})\n{entry.sql}\n-- expected\n{expected}\n-- came\n{came}")
    assert not faults, f"{len(faults)} of {len(family.entries)}, through {door}:\n\n" + "\n\n".join(faults)
