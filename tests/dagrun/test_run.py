"""``run_dag``: the verdict, the order, what a run leaves behind."""

from __future__ import annotations

import datetime
import gc
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from harness.dagrun import AirflowHome, DagRunFailed, DagRunResult, RunEvent, isolation
from harness.dagrun.isolation import left_open
from harness.dagrun.schedule import UnrunnableTasks

Run = Callable[..., DagRunResult]


def states(result: DagRunResult) -> dict[str, str]:
    return {task.name: task.state for task in result.tasks}


def test_a_run_whose_failure_lies_behind_a_clean_up_is_no_success(run: Run) -> None:
    result = run("failure_behind_a_clean_up")
    assert result.state == "success"  # Airflow's word: its leaf succeeded
    assert states(result) == {"load": "failed", "clean_up": "success"}
    assert not result.success
    with pytest.raises(DagRunFailed, match="no such meter") as caught:
        result.raise_for_failure()
    assert isinstance(caught.value.__cause__, ValueError)
    assert caught.value.__cause__ is result.task("load").error


def test_a_run_without_task_instances_is_no_success(run: Run) -> None:
    result = run("starts_later")
    assert result.state == "success"
    assert result.tasks == []
    assert not result.success
    assert "start_date after the logical date" in str(result)


def test_a_task_s_boto3_reads_the_environment_and_leaves_the_test_s_own_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given back at the end: a session that stays signs the requests of each later test with these keys.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for key in ("of the test", "of the task"):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        if key == "of the test":
            boto3.setup_default_session()
            mine = boto3.DEFAULT_SESSION
            assert mine.get_credentials().access_key == key
    with isolation.task_process():
        client = boto3.client("s3", region_name="us-east-1")
        assert client._request_signer._credentials.access_key == "of the task"
    assert boto3.DEFAULT_SESSION is mine


def test_failure_spreads_without_waiting_and_the_first_cause_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    naps: list[float] = []  # dag.test() takes one of a second at every level
    sleep, ours = time.sleep, threading.current_thread()
    # Threads of other tests' servers may sleep as they like.
    monkeypatch.setattr(time, "sleep", lambda s: naps.append(s) if threading.current_thread() is ours else sleep(s))
    result = run("spreading_failure")
    assert states(result) == {"root": "failed", "middle": "upstream_failed", "leaf": "upstream_failed"}
    assert result.first_failure is not None
    assert result.first_failure.task_id == "root"
    assert naps == []


def test_tasks_run_in_the_order_of_the_dag(run: Run) -> None:
    events: list[RunEvent] = []
    run("fixed_order", on_event=events.append)
    run("fixed_order", on_event=events.append)
    begun = [event.task_id for event in events if event.kind == "task" and event.state == "running"]
    assert begun == ["delta", "alpha", "charlie", "bravo"] * 2


def test_fail_fast_stops_a_sibling_that_was_ready(run: Run) -> None:
    assert states(run("one_fails_fast")) == {"first": "failed", "second": "skipped"}


def test_tasks_that_can_never_run_are_named_with_what_they_wait_for(run: Run) -> None:
    assert not run("depends_on_yesterday", logical_date="2024-03-01", conf={"fail": True}).success
    with pytest.raises(UnrunnableTasks, match=r"today \(not started\): .*depends_on_past"):
        run("depends_on_yesterday", logical_date="2024-03-02")


def test_a_task_that_asks_a_human_does_not_hang(run: Run) -> None:
    with pytest.raises(UnrunnableTasks, match="answer of a human"):
        run("asks_a_human")


def test_every_try_keeps_its_own_exception_and_log(run: Run) -> None:
    result = run("flaky")
    task = result.task("third_time_lucky")
    assert result.success
    assert (task.tries, task.xcom) == (3, 3)
    assert [str(error) for error in task.errors] == ["try 1 failed", "try 2 failed"]
    assert task.log is not None
    assert [path.name for path in sorted(task.log.parent.iterdir())] == ["1.log", "2.log", "3.log"]
    assert "this is try 3" in task.log_text()
    assert "this is try 2" not in task.log_text()


def test_events_tell_the_course_of_a_run(run: Run) -> None:
    events: list[RunEvent] = []
    run("flaky", on_event=events.append)
    assert [(event.kind, event.try_number, event.state) for event in events] == [
        ("run_started", 0, "running"),
        ("task", 1, "running"),
        ("task", 1, "up_for_retry"),
        ("task", 2, "running"),
        ("task", 2, "up_for_retry"),
        ("task", 3, "running"),
        ("task", 3, "success"),
        ("run_ended", 0, "success"),
    ]
    assert events[-1].duration > 0


def test_tasks_are_as_separate_as_processes(run: Run) -> None:
    before, folder = dict(os.environ), os.getcwd()
    result = run("leaky", conf={"size": 7})
    assert result.task("leave_traces").xcom == 7
    assert result.task("look_for_traces").xcom == [None, folder, 7]
    assert dict(os.environ) == before


def test_the_conf_of_a_run_does_not_reach_the_next_run(run: Run) -> None:
    assert run("leaky", conf={"size": 7}).task("leave_traces").xcom == 7
    assert run("leaky").task("leave_traces").xcom == 1


def test_a_logical_date_can_be_run_again(run: Run) -> None:
    first = run("fixed_order", logical_date="2024-05-01")
    second = run("fixed_order", logical_date="2024-05-01")
    assert first.success
    assert second.success


def test_signal_handlers_and_timers_are_given_back(run: Run) -> None:
    ticks: list[int] = []
    kept = signal.signal(signal.SIGALRM, lambda *_: ticks.append(1))
    ours = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        signal.setitimer(signal.ITIMER_REAL, 60)
        result = run("timed_out")
        remaining, _ = signal.getitimer(signal.ITIMER_REAL)
        assert type(result.task("too_long").error).__name__ == "AirflowTaskTimeout"
        assert 50 < remaining < 60
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        signal.pause()
        assert ticks == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, kept)
        signal.signal(signal.SIGTERM, ours)


@pytest.mark.parametrize("dag_id", ["timed_out_in_a_stream", "timed_out_in_a_finaliser"])
def test_a_timeout_that_python_drops_is_told_again(dag_id: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation, "LEAVE_SECONDS", 0.5)
    result = run(dag_id)
    assert type(result.task("polls").error).__name__ == "AirflowTaskTimeout"
    assert result.task("polls").log_text().count("Process timed out") == 2


def test_ctrl_c_in_a_task_stops_the_run_instead_of_failing_the_task(run: Run) -> None:
    events: list[RunEvent] = []
    with pytest.raises(KeyboardInterrupt):
        run("interrupted", on_event=events.append)
    assert [event.try_number for event in events if event.state == "running" and event.kind == "task"] == [1]


def test_variables_and_connections_are_those_of_the_run(run: Run) -> None:
    result = run(
        "settings_of_one_run",
        variables={"region": "north", "limits": {"rows": 5}},
        connections={"warehouse_db": {"conn_type": "postgres", "host": "db.local"}},
    )
    assert result.task("read_them").xcom == ["north", {"rows": 5}, "db.local"]
    assert not run("settings_of_one_run").success


def test_a_warning_in_a_task_does_not_fail_it(run: Run) -> None:
    with pytest.warns(DeprecationWarning, match="this is deprecated"):
        assert run("warns").success


def test_what_a_task_leaves_open_ends_with_it(run: Run) -> None:
    result = run("leaves_open")
    with left_open():
        result.release()
    del result
    gc.collect()  # a ResourceWarning here would fail this test
    assert not run("leaves_open").success


def test_a_dag_made_in_a_test_runs(run: Run) -> None:
    from airflow.sdk import DAG, task

    with DAG("made_here", schedule=None) as dag:

        @task
        def greet(params: Any = None) -> str:
            return "hello"

        greet()
    assert run(dag).task("greet").xcom == "hello"


def test_logs_go_to_files_and_not_to_the_terminal(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    result = run("failure_behind_a_clean_up")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    log = result.task("load").log_text()
    assert "reading the meter" in log
    assert "ValueError: no such meter" in log
    assert "Returned value was: cleaned" in result.task("clean_up").log_text()


def test_logs_are_echoed_when_asked_for(run: Run, tmp_path: Path) -> None:
    with (tmp_path / "echo").open("w+") as echo:
        run("failure_behind_a_clean_up", echo=echo)
        echo.seek(0)
        assert "reading the meter" in echo.read()


def test_the_diagnosis_says_where_and_why(run: Run) -> None:
    text = repr(run("spreading_failure"))
    assert "DAG spreading_failure failed" in text
    assert "First cause: task root" in text
    assert "ValueError: at the root" in text
    assert "upstream_failed  leaf" in text
    assert "1.log" in text


def test_a_clean_home_has_forgotten_every_run(run: Run, home: AirflowHome) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    assert run("fixed_order").success
    home.clean()
    with create_session(scoped=False) as session:
        assert session.scalar(select(func.count()).select_from(DagRun)) == 0
    assert run("fixed_order").success


def test_a_run_that_takes_longer_than_its_timeout_fails_and_skips_the_rest(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk import DAG, task

    now, told = [0.0], []
    monkeypatch.setattr("harness.dagrun.schedule.monotonic", lambda: now[0])
    with DAG(
        "takes_too_long",
        schedule=None,
        dagrun_timeout=datetime.timedelta(minutes=1),
        on_failure_callback=lambda context: told.append(context["reason"]),
    ) as dag:

        @task
        def long() -> None:
            now[0] += 61

        @task
        def never() -> None: ...

        long() >> never()
    result = run(dag)
    assert (result.state, states(result)) == ("failed", {"long": "success", "never": "skipped"})
    assert not result.success
    assert "dagrun_timeout had passed" in str(result)
    assert told == ["timed_out"]
    with DAG("just_in_time", schedule=None, dagrun_timeout=datetime.timedelta(minutes=1)) as dag:
        long()
    assert run(dag).success
