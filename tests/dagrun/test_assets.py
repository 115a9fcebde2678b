"""Asset events run the DAGs that they schedule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.dagrun import DagRunResult
from harness.dagrun.assets import AssetLoop

Run = Callable[..., DagRunResult]


def test_a_chain_of_three_runs_to_its_end_with_its_events(run: Run) -> None:
    result = run("extract", follow_assets=True)
    assert result.success, result
    assert [each.dag_id for each in result.runs()] == ["extract", "load", "transform"]
    assert result.run("load").task("write").xcom == [[3, "extract"]]
    assert result.run("transform").task("aggregate").xcom == ["loaded", "side"]


def test_a_second_pass_gives_each_consumer_the_new_events_only(run: Run) -> None:
    first = run("extract", follow_assets=True)
    second = run("extract", follow_assets=True)
    assert second.run("load").task("write").xcom == [[3, "extract"]]
    assert [each.dag_id for each in second.runs()] == ["extract", "load", "transform"]
    assert first.run("load").run_id != second.run("load").run_id


def test_nothing_follows_unless_asked_for(run: Run) -> None:
    assert run("extract").triggered == []


def test_dags_that_schedule_each_other_for_ever_are_stopped(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.dagrun.run.MAX_RUNS", 3)
    with pytest.raises(AssetLoop, match="more than 3 runs: on_ping → on_pong → on_ping"):
        run("on_ping", follow_assets=True)
