"""The mark: read in order, refused when misspelled, applied to the stack and to every run of a test."""

from __future__ import annotations

from typing import Any

import pytest

from harness.testing.marks import Marked

pytestmark = pytest.mark.harness(variables={"region": "south", "kept": "yes"}, secrets={"team/token": "hush"})


@pytest.mark.harness(variables={"region": "north"}, logical_date="2024-01-01", faults={"request": [{"status": 503}]})
def test_the_nearest_mark_wins_and_mappings_are_merged(request: pytest.FixtureRequest) -> None:
    marked = Marked.of(request.node)
    assert marked.run == {"variables": {"region": "north", "kept": "yes"}, "logical_date": "2024-01-01"}
    assert marked.faults == [("request", {"status": 503})]
    assert marked.secrets == {"team/token": "hush"}
    assert marked.options({"logical_date": None, "variables": {"kept": "no"}}) == {
        "variables": {"region": "north", "kept": "no"},
        "logical_date": None,
    }


def marked(item: pytest.Item, *arguments: Any, **options: Any) -> Marked:
    item.add_marker(pytest.mark.harness(*arguments, **options))
    return Marked.of(item)


def test_an_option_that_there_is_not_is_refused(request: pytest.FixtureRequest) -> None:
    with pytest.raises(pytest.UsageError, match="no option variable; it has conf, params"):
        marked(request.node, variable={})


def test_a_fault_that_there_is_not_is_refused(request: pytest.FixtureRequest) -> None:
    with pytest.raises(pytest.UsageError, match="knows no fault 'disk'"):
        marked(request.node, faults={"disk": {}})


@pytest.mark.harness(faults={"request": {"operation": "identity.me", "status": 418, "expected": False}}, hold=0)
def test_secrets_and_faults_are_there_from_the_start(workspace: Any, faults: Any) -> None:
    assert [each.key for each in workspace.secrets.list_secrets("team")] == ["token"]
    assert [fault["status"] for fault in faults.all()] == [418]
