"""Mapped tasks and task groups."""

from __future__ import annotations

from collections.abc import Callable

from harness.dagrun import DagRunResult

Run = Callable[..., DagRunResult]


def test_a_mapped_task_group_hands_its_values_on(run: Run) -> None:
    result = run("mapped_group")
    assert result.success, result
    assert result.task("total").xcom == 100
    assert [task.name for task in result.tasks] == [
        "sites",
        "per_site.measure[0]",
        "per_site.measure[1]",
        "per_site.scale[0]",
        "per_site.scale[1]",
        "total",
    ]
    assert "measuring south" in result.task("per_site.measure", 1).log_text()


def test_one_failing_instance_is_named_by_its_index(run: Run) -> None:
    result = run("one_of_many_fails")
    assert [task.state for task in result.tasks] == ["success", "failed", "success"]
    assert "First cause: task check[1]" in str(result)
