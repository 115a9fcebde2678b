"""No waiting, and everything as it was afterwards."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable

from harness.dagrun import AirflowHome, DagRunResult

MINUTE = 60


def test_retries_are_not_waited_for(run: Callable[..., DagRunResult]) -> None:
    started = time.monotonic()
    assert run("flaky").success
    assert time.monotonic() - started < MINUTE  # it says an hour, then two


def test_sensors_poke_and_reschedule_without_waiting(run: Callable[..., DagRunResult]) -> None:
    started = time.monotonic()
    result = run("sensors")
    assert result.success
    assert time.monotonic() - started < MINUTE  # it says an hour between two pokes
    assert result.task("rescheduled").tries == 1


def test_a_sensor_that_stays_false_times_out_as_it_says(run: Callable[..., DagRunResult]) -> None:
    result = run("never_true")
    assert {task.name: task.state for task in result.tasks} == {"skips": "skipped", "fails": "failed"}
    fails = result.task("fails")
    assert type(fails.error).__name__ == "AirflowSensorTimeout"
    assert fails.tries == 1  # a sensor's timeout is not retried


def test_delays_are_given_back(run: Callable[..., DagRunResult], home: AirflowHome) -> None:
    dags = home.registry.dags
    lucky, poked = dags["flaky"].get_task("third_time_lucky"), dags["sensors"].get_task("poked")
    mapped = dags["sensors"].get_task("mapped")
    partial = dict(mapped.partial_kwargs)
    run("flaky")
    assert lucky.retry_delay == datetime.timedelta(hours=1)
    assert lucky.retry_exponential_backoff
    assert (poked.poke_interval, poked.timeout) == (3600, 5 * 3600)
    assert mapped.partial_kwargs == partial


def test_with_the_clock_left_alone_a_delay_is_served(run: Callable[..., DagRunResult]) -> None:
    from airflow.sdk import DAG, task

    with DAG("served", schedule=None) as dag:

        @task(retries=1, retry_delay=datetime.timedelta(seconds=0.4))
        def once_more(ti=None) -> None:
            if ti.try_number == 1:
                raise ValueError

        once_more()
    started = time.monotonic()
    assert run(dag, fast=False).success
    assert time.monotonic() - started > 0.4
