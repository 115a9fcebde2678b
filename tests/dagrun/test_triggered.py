"""``TriggerDagRunOperator`` runs its child."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.dagrun import DagRunFailed, DagRunResult

Run = Callable[..., DagRunResult]


@pytest.mark.parametrize("parent", ["parent_waits", "parent_waits_deferred", "parent_goes_on"])
def test_the_child_runs_and_the_parent_goes_on(run: Run, parent: str) -> None:
    result = run(parent)
    assert result.success, result
    assert [task.state for task in result.tasks] == ["success", "success"]
    assert [child.dag_id for child in result.triggered] == ["child"]
    assert result.run("child").task("work").xcom == "done by the child"


def test_a_child_that_fails_fails_the_parent_that_waits(run: Run) -> None:
    result = run("parent_waits_in_vain")
    assert result.task("trigger").state == "failed"
    assert not result.success
    assert "DagRun finished with failed state" in result.task("trigger").log_text()
    assert "ValueError: the child failed" in str(result)


def test_a_child_that_fails_unwatched_is_still_no_success(run: Run) -> None:
    result = run("parent_goes_on_in_vain")
    assert [task.state for task in result.tasks] == ["success", "success"]
    assert not result.success
    assert "because of DAG child" in str(result)
    with pytest.raises(DagRunFailed) as caught:
        result.raise_for_failure()
    assert str(caught.value.__cause__) == "the child failed"


def test_a_parent_that_allows_failure_judges_its_child_itself(run: Run) -> None:
    result = run("parent_tolerates")
    assert not result.run("child").success
    assert result.success
