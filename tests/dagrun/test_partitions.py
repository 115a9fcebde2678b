"""Asset events of partitions run what they schedule, partition by partition; what they do not run is explained."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.dagrun import DagRunResult

Run = Callable[..., DagRunResult]


def caused(result: DagRunResult) -> list[tuple[str, str]]:
    return sorted((run.dag_id, run.partition_key) for run in result.triggered)


def test_a_partition_goes_down_the_chain_and_the_quarter_waits_for_its_months(run: Run) -> None:
    first = run("month", follow_assets=True, partition_key="2024-01")
    assert first.success, first
    assert caused(first) == [("copy_month", "2024-01"), ("either_month", "2024-01")]
    # The key, its date in the zone of the schedule, and the keys of the events that caused the run.
    assert first.task("work").xcom == ["2024-01", "2023-12-31 23:00:00+00:00", []]
    assert first.run("copy_month").task("work").xcom == ["2024-01", "2023-12-31 23:00:00+00:00", ["2024-01"]]
    assert set(first.waiting) == {
        "both_months has not run of partition 2024-01: nothing of other_rows has come",
        "knows_no_months has not run: the event of month_rows has a partition key, so it starts only DAGs with a "
        "PartitionedAssetTimetable",
        "quarter has not run of partition 2024-Q1: 1 of 3 of copied_rows have come, not 2024-02, 2024-03",
    }
    with pytest.raises(KeyError, match=r"no run of 'quarter'; .*1 of 3 of copied_rows have come"):
        first.run("quarter")
    run("month", follow_assets=True, partition_key="2024-03")
    # An asset of the same quarter that comes late completes it.
    last = run("month", follow_assets=True, partition_key="2024-02")
    assert ("quarter", "2024-Q1") in caused(last)
    months = ["2024-01", "2024-02", "2024-03"]
    assert last.run("quarter").task("work").xcom == ["2024-Q1", "2023-12-31 23:00:00+00:00", months]


def test_a_condition_is_met_partition_by_partition(run: Run) -> None:
    run("month", follow_assets=True, partition_key="2024-01")
    other = run("other_month", follow_assets=True, partition_key="2024-02")
    assert caused(other) == [("either_month", "2024-02")]
    both = run("other_month", follow_assets=True, partition_key="2024-01")
    assert caused(both) == [("both_months", "2024-01"), ("either_month", "2024-01")]
    assert both.run("both_months").task("work").xcom[2] == ["2024-01", "2024-01"]


def test_a_run_without_a_key_has_that_of_the_schedule_s_last_tick(run: Run) -> None:
    # In Berlin it is February already.
    assert run("month", run_after="2024-01-31T23:30").partition_key == "2024-02"
    assert run("month", logical_date="2024-01-31").partition_key == "2024-01"
    assert run("month_before", freeze="2024-05-17").task("work").xcom[0] == "2024-04"


def test_one_partition_may_start_many_runs_and_a_task_may_find_its_partitions(run: Run) -> None:
    year = run("year", follow_assets=True, partition_key="2024")
    assert caused(year) == [("each_month", f"2024-{month:02}") for month in range(1, 13)]
    found = run("finds_regions", follow_assets=True)
    assert caused(found) == [("a_region", "north"), ("a_region", "south")]
    (lost,) = found.waiting
    assert "Could not map partition_key 'west'" in lost
    assert "Key 'west' not in allowed keys ['north', 'south']" in lost


def test_what_reaches_a_partitioned_dag_without_a_key_is_said_once(run: Run) -> None:
    first = run("plain", follow_assets=True)
    assert (first.success, first.triggered) == (True, [])
    assert "the run has no partition key (listening_dags=['on_no_partition']" in first.waiting[0]
    assert run("month", follow_assets=True, partition_key="2024-01").waiting[0].startswith("knows_no_months")


@pytest.mark.parametrize(
    ("dag", "key", "message"),
    [
        ("plain", "2024-01", "'plain' is not a partitioned Dag"),
        ("month", "January", "'January' does not match the timetable's key_format '%Y-%m'"),
        ("month", " ", "must not be empty"),
    ],
)
def test_a_key_that_airflow_s_api_refuses_is_refused(run: Run, dag: str, key: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(dag, partition_key=key)
