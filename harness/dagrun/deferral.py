"""One task instance, run as a worker and a triggerer would.

``dag.test()`` drops the kwargs of a deferral, ignores its timeout, fails a task at once when its trigger fails, and
calls it a success when the trigger ends without an event (measured on 3.3.2). Here the database is brought into the
state that the triggerer and the scheduler give it, mostly by their own functions, and the task is resumed from that.
"""

from __future__ import annotations

import asyncio
import datetime
import traceback
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from harness.dagrun.record import Recorder, interrupts


class TriggerEnded(RuntimeError):
    """A trigger ended without an event; its task can never be resumed."""


def run_task(recorder: Recorder, *, ti: Any, task: Any, run_triggerer: bool = True) -> None:
    """Run ``ti`` until it ends, is deferred and resumable, or is rescheduled. Stands in for ``dag.test()``'s own.

    Raises: ``KeyboardInterrupt`` and the like; a failing task raises nothing, its error is in ``recorder``.
    """
    from airflow.sdk.api.datamodels._generated import TaskInstance
    from airflow.sdk.execution_time import supervisor

    ti.set_state("queued")
    described = TaskInstance(
        id=UUID(str(ti.id)),
        task_id=ti.task_id,
        dag_id=ti.dag_id,
        run_id=ti.run_id,
        try_number=ti.try_number,
        map_index=ti.map_index,
        dag_version_id=UUID(str(ti.dag_version_id)),
    )
    with recorder.trying(ti) as attempt:
        try:
            result = supervisor.run_task_in_process(ti=described, task=task)
            attempt.state, attempt.error = str(result.state.value), result.error
            if attempt.state == "deferred":
                _trigger(described, result.msg)
        except Exception as error:
            # Airflow itself failed (its API refused, the trigger cannot be imported): this must not look unfinished.
            attempt.state, attempt.error = "failed", error
            traceback.print_exc()
        if attempt.state == "failed":
            _make_failed(described)
    if interrupts(attempt.error):
        assert attempt.error is not None
        raise attempt.error


def _trigger(described: Any, message: Any) -> None:
    """Wait for the trigger's first event and make the task resumable, as the triggerer does."""
    from airflow.models.trigger import TRIGGER_FAIL_REPR, TriggerFailureReason, handle_event_submit
    from airflow.utils.session import create_session

    failure: dict[str, Any] = {}
    event = None
    try:
        event = _first_event(described, message)
    except _TriggerTimeout:
        failure = {"error": TriggerFailureReason.TRIGGER_TIMEOUT}
    except Exception as error:
        failure = {"error": TriggerFailureReason.TRIGGER_FAILURE, "traceback": traceback.format_exception(error)}
    with create_session(scoped=False) as session:
        stored = _stored(described, session)
        if event is not None:
            handle_event_submit(event, task_instance=stored, session=session)
        else:
            # What `Trigger.submit_failure` and the scheduler's `check_trigger_timeouts` write: the worker resumes the
            # task only to fail it, so that retries and callbacks apply.
            stored.next_method, stored.next_kwargs = TRIGGER_FAIL_REPR, failure
            stored.trigger_id, stored.state = None, "scheduled"


def _first_event(described: Any, message: Any) -> Any:
    from airflow.sdk._shared.module_loading import import_string
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
    from airflow.sdk.serde import deserialize

    trigger = import_string(message.classpath)(**deserialize(message.trigger_kwargs))
    trigger.task_instance = described
    bounded = _Bounded(trigger, message.trigger_timeout)
    event = InProcessTestSupervisor.run_trigger_in_process(trigger=bounded, ti=described)
    if event is None:
        raise TriggerEnded("Trigger exited without sending an event. Dependent tasks will be failed.")
    return event


class _TriggerTimeout(Exception):
    """The deferral's own ``timeout=`` passed."""


class _Bounded:
    """A trigger with the time limit that its deferral gave it."""

    def __init__(self, trigger: Any, limit: datetime.timedelta | None) -> None:
        self._trigger = trigger
        self._limit = limit.total_seconds() if limit is not None else None

    async def run(self) -> AsyncIterator[Any]:
        events = self._trigger.run()
        try:
            async with asyncio.timeout(self._limit) as clock:
                event = await anext(events, None)
        except TimeoutError:
            if clock.expired():
                raise _TriggerTimeout from None
            raise
        finally:
            await events.aclose()
            await self._trigger.cleanup()
        if event is not None:
            yield event


def _make_failed(described: Any) -> None:
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        stored = _stored(described, session)
        if stored.state in ("queued", "running", "deferred"):
            stored.set_state("failed", session=session)


def _stored(described: Any, session: Any) -> Any:
    from airflow.models.taskinstance import TaskInstance
    from sqlalchemy import select

    # By its natural key: a retry gives the row a new id.
    return session.scalars(
        select(TaskInstance).where(
            TaskInstance.dag_id == described.dag_id,
            TaskInstance.run_id == described.run_id,
            TaskInstance.task_id == described.task_id,
            TaskInstance.map_index == described.map_index,
        )
    ).one()
