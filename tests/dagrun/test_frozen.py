"""Tasks see the time that a test says; Airflow, waiting and the test itself see the real one."""

from __future__ import annotations

import asyncio
import datetime
import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from airflow.triggers.base import BaseTrigger, TriggerEvent

from harness.dagrun import DagRunResult

Run = Callable[..., DagRunResult]
LEAP_DAY = datetime.datetime(2024, 2, 29, 23, 59, 30, tzinfo=datetime.UTC)
PAST, FUTURE = LEAP_DAY, datetime.datetime(2051, 1, 1, tzinfo=datetime.UTC)


class Clock(BaseTrigger):
    """Tells the time that it sees, as the provider's triggers do to find out when to give up."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.Clock", {}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        before = time.time()
        await asyncio.sleep(0.25)
        yield TriggerEvent([before, time.time()])


def one_task(function: Callable[..., Any], **options: Any) -> Any:
    from airflow.sdk import DAG, task

    with DAG("frozen", schedule=None, start_date=datetime.datetime(2020, 1, 1)) as dag:
        task(task_id="asked", **options)(function)()
    return dag


def test_every_way_to_ask_for_the_time_gives_the_frozen_one(run: Run) -> None:
    def ask() -> list[Any]:
        import pendulum
        from airflow.sdk import timezone as sdk_timezone
        from airflow.utils import timezone

        return [
            datetime.datetime.now(datetime.UTC).isoformat(),
            datetime.datetime.now().isoformat(),
            datetime.date.today().isoformat(),
            time.time(),
            time.strftime("%d.%m.%Y"),
            pendulum.now("UTC").isoformat(),
            timezone.utcnow().isoformat(),
            sdk_timezone.utcnow().isoformat(),
        ]

    moment = LEAP_DAY.isoformat()
    seen = run(one_task(ask), freeze=LEAP_DAY, expect="success").task("asked").xcom
    naive = moment.removesuffix("+00:00")
    assert seen == [moment, naive, "2024-02-29", LEAP_DAY.timestamp(), "29.02.2024", moment, moment, moment]


def test_the_run_is_of_the_frozen_time_unless_said_otherwise(run: Run) -> None:
    def ask(ds: Any = None, dag_run: Any = None) -> list[str]:
        return [ds, dag_run.run_after.isoformat()]

    dag = one_task(ask)
    assert run(dag, freeze="2024-02-29T23:59:30").task("asked").xcom == ["2024-02-29", LEAP_DAY.isoformat()]
    said = run(dag, freeze=LEAP_DAY, logical_date="2024-01-01", run_after="2024-01-02")
    assert said.task("asked").xcom == ["2024-01-01", "2024-01-02T00:00:00+00:00"]


def test_templates_and_callbacks_see_it_too(run: Run) -> None:
    from airflow.providers.standard.operators.python import PythonOperator
    from airflow.sdk import DAG

    told: list[datetime.datetime] = []

    def tell(context: Any) -> None:
        told.append(datetime.datetime.now(datetime.UTC))

    start = datetime.datetime(2020, 1, 1)
    with DAG("told", schedule=None, start_date=start, on_success_callback=tell) as dag:
        PythonOperator(
            task_id="asked",
            python_callable=lambda day: day,
            op_args=["{{ macros.datetime.utcnow().strftime('%Y-%m-%d') }}"],
            on_execute_callback=tell,
            on_success_callback=tell,
        )
    assert run(dag, freeze=LEAP_DAY, expect="success").task("asked").xcom == "2024-02-29"
    assert told == [LEAP_DAY] * 3


def test_sleeping_moves_the_clock_so_that_waiting_loops_end(run: Run) -> None:
    def wait() -> float:
        deadline = time.time() + 0.3
        while time.time() < deadline:
            time.sleep(0.1)
        return time.time()

    seen = run(one_task(wait), freeze=LEAP_DAY, expect="success").task("asked").xcom
    assert seen == pytest.approx(LEAP_DAY.timestamp() + 0.3, abs=0.11)


@pytest.mark.parametrize("moment", [PAST, FUTURE])
def test_retries_reschedules_and_timeouts_go_by_the_real_clock(run: Run, moment: datetime.datetime) -> None:
    started = time.monotonic()
    assert run("flaky", freeze=moment).success
    sensors = run("sensors", freeze=moment)
    assert sensors.success, sensors
    assert sensors.task("rescheduled").tries == 1
    never = run("never_true", freeze=moment)
    assert {task.name: task.state for task in never.tasks} == {"skips": "skipped", "fails": "failed"}
    assert time.monotonic() - started < 60
    assert abs(never.task("fails").spans[0][0] - time.time()) < 60


def test_a_trigger_sees_the_time_of_its_task(run: Run) -> None:
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger
    from airflow.sdk import DAG, BaseOperator

    class Ask(BaseOperator):
        def execute(self, context: Any) -> None:
            self.defer(trigger=Clock(), method_name="asked", timeout=datetime.timedelta(minutes=1))

        def asked(self, context: Any, event: Any) -> None:
            # In half a year: nothing else has to happen until then, so nobody waits for it.
            moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=180)
            self.defer(trigger=DateTimeTrigger(moment), method_name="later", kwargs={"seen": event})

        def later(self, context: Any, seen: Any, event: Any) -> Any:
            return [*seen, time.time()]

    with DAG("deferred", schedule=None, start_date=datetime.datetime(2020, 1, 1)) as dag:
        Ask(task_id="asked")
    start = LEAP_DAY.timestamp()
    assert run(dag, freeze=LEAP_DAY, expect="success").task("asked").xcom == [start, start + 0.25, start]


def test_requests_to_s3_are_signed_with_the_real_time(run: Run) -> None:
    def sign() -> str:
        import boto3
        from botocore.config import Config

        given = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}
        s3 = boto3.client("s3", config=Config(signature_version="s3v4"), **given)
        return str(s3.generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"}))

    url = run(one_task(sign), freeze=LEAP_DAY, expect="success").task("asked").xcom
    assert f"X-Amz-Date={datetime.datetime.now(datetime.UTC).year}" in url


def test_the_test_itself_keeps_the_real_time(run: Run) -> None:
    before = datetime.datetime.now(datetime.UTC)
    failed = run(one_task(lambda: 1 / 0), freeze=FUTURE)
    assert not failed.success
    assert before <= datetime.datetime.now(datetime.UTC) < FUTURE
    assert before.timestamp() <= failed.span[0] <= time.time()


def test_without_the_package_it_says_what_to_install(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.dagrun.frozen import FreezeUnavailable

    monkeypatch.setitem(sys.modules, "time_machine", None)
    with pytest.raises(FreezeUnavailable, match="pip install"):
        run(one_task(lambda: None), freeze=LEAP_DAY)
