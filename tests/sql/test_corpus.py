"""Databricks SQL as its documentation has it, through every door.

Every statement goes through Thrift, the beginning of every family through the other two doors as well; ``-m corpus``
sends all of them through those.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.stack import Stack
from tests.sql.doors import Door, Notebook, Statements, Thrift
from tests.sql.entries import Family, Outcome, families

FAMILIES = {family.name: family for family in families()}
DOORS: dict[str, type[Door]] = {door.name: door for door in (Thrift, Statements, Notebook)}
WHOLE = 1000
BEGINNING = 8
CASES = [
    *(pytest.param(name, Thrift.name, WHOLE, id=f"{name}-{Thrift.name}") for name in FAMILIES),
    *(
        pytest.param(name, door, count, id=f"{name}-{door}{also}", marks=marks)
        for door in (Statements.name, Notebook.name)
        for count, also, marks in ((BEGINNING, "-beginning", ()), (WHOLE, "", pytest.mark.corpus))
        for name, family in FAMILIES.items()
        if door in family.doors
    ),
]
# Two cores: more at once would only wait for each other.
AT_ONCE = 4

Outcomes = dict[tuple[str, str], list[Outcome]]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, stack: Stack, connected: None) -> Outcomes:
    """What comes of the statements that the selected tests are about, executed at once."""
    stack.reset()
    counts: dict[tuple[str, str], int] = {}
    for item in request.session.items:
        if isinstance(item, pytest.Function) and item.function is test_family_is_as_documented:
            name, door, count = (item.callspec.params[key] for key in ("name", "door", "count"))
            counts[name, door] = max(count, counts.get((name, door), 0))
    wanted = {door: [FAMILIES[n].beginning(c) for (n, d), c in counts.items() if d == door] for door in DOORS}
    works = [
        (DOORS[door](stack), [family]) for door, some in wanted.items() if door != Notebook.name for family in some
    ]
    if noted := wanted[Notebook.name]:
        works.insert(0, (Notebook(stack), noted))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = [(door.name, pool.submit(door.run, some)) for door, some in works]
        return {(name, door): came for door, future in done for name, came in future.result().items()}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "door", "count"), CASES)
def test_family_is_as_documented(name: str, door: str, count: int, outcomes: Outcomes, stack: Stack) -> None:
    family = FAMILIES[name].beginning(count)
    faults = list(differences(family, DOORS[door](stack), outcomes[name, door][: len(family.entries)]))
    assert not faults, f"{len(faults)} of {len(family.entries)}, through {door}:\n\n" + "\n\n".join(faults)


def differences(family: Family, door: Door, came: list[Outcome]) -> list[str]:
    """What came otherwise than expected, to read."""
    faults = []
    for entry, outcome in zip(family.entries, came, strict=True):
        expected = entry.expected(door.name)
        if expected is not None:
            rows = tuple(door.filled_in(family, row) for row in expected.rows)
            # The connector's cursor tells the columns in words of its own.
            columns = "" if door.name == Thrift.name else expected.columns
            expected = type(expected)(expected.error, rows, columns)
        if not outcome.meets(expected, entry.sql):
            faults.append(f"{entry.place} ({entry.page})\n{entry.sql}\n-- expected\n{expected}\n-- came\n{outcome}")
    return faults
