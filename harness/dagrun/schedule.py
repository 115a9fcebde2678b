"""Which task runs next: Airflow's own scheduling decision, one task at a time, in a fixed order, never for ever.

``dag.test()`` asks ``DagRun.update_state`` what may run, and takes the answers in the order of a Python set. Here the
same question is asked, and its answers are handed over one by one; and when nothing will ever become ready, that is
said, with the unmet dependencies, where ``dag.test()`` looks again every second for ever (apache/airflow#41972).
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from time import monotonic
from typing import Any

Key = tuple[str, int]
FINISHED = ("success", "failed", "skipped", "upstream_failed", "removed")


class UnrunnableTasks(RuntimeError):
    """Tasks are neither finished nor ever going to run. The message names them and what they wait for."""


class Steps:
    """Stands in for one run's ``update_state``.

    Parameters: ``run``: the ``DagRun``; ``dag``: its DAG; ``changed(task_id, map_index, state)``: told of every state
    that scheduling itself gives (``skipped``, ``upstream_failed``, ``removed``).
    """

    def __init__(self, run: Any, dag: Any, changed: Callable[[str, int, str], None]) -> None:
        self.run = run
        self._decide = run.update_state
        self._order = {task.task_id: place for place, task in enumerate(dag.topological_sort())}
        self._changed = changed
        self._ready: list[Key] = []
        # Not from the run's start_date, which dag.test() sets to the logical date.
        self._deadline = monotonic() + dag.dagrun_timeout.total_seconds() if dag.dagrun_timeout else None
        self._states: dict[Key, str | None] = {}

    def __call__(self, *, session: Any, execute_callbacks: bool = True) -> tuple[list[Any], Any]:
        """What ``DagRun.update_state`` returns, with at most one task instance that may start.

        Raises: ``UnrunnableTasks``.
        """
        while True:
            states = self._look(session)
            if self._deadline is not None and monotonic() > self._deadline:
                return self._time_out(session, execute_callbacks)
            if "scheduled" in states.values():
                return [], None  # resumed from a deferral: it runs before anything else starts
            if (following := self._next_ready(states)) is not None:
                return [self._instance(following, session)], None
            ready, callback = self._decide(session=session, execute_callbacks=execute_callbacks)
            session.commit()
            if self.run.state != "running":
                self._look(session)
                return [], callback
            self._ready = sorted(((ti.task_id, ti.map_index) for ti in ready), key=self._place)
            # Failures and skips spread one level a decision: look again as long as something changes.
            if not self._ready and self._look(session) == states:
                self._wait(session)

    def _time_out(self, session: Any, execute_callbacks: bool) -> tuple[list[Any], Any]:
        """What the scheduler does when ``dagrun_timeout`` has passed; ``dag.test()`` ignores it."""
        instances = self.run.get_task_instances(session=session)
        if any(instance.state not in FINISHED for instance in instances):
            self.run.set_state("failed")
            for instance in instances:
                if instance.state not in FINISHED:
                    instance.state = "skipped"
            session.merge(self.run)
            session.commit()
            self._look(session)
            last = max(instances, key=lambda ti: (ti.start_date is not None, ti.start_date or 0), default=None)
            callback = self.run.produce_dag_callback(
                dag=self.run.dag, success=False, relevant_ti=last, reason="timed_out", execute=execute_callbacks
            )
            return [], callback
        self._deadline = None  # all is done: how it ended is decided as ever
        return self(session=session, execute_callbacks=execute_callbacks)

    def _look(self, session: Any) -> dict[Key, str | None]:
        from airflow.models.taskinstance import TaskInstance as Row
        from sqlalchemy import select

        session.expire_all()
        columns = select(Row.task_id, Row.map_index, Row.state)
        rows = session.execute(columns.where(Row.dag_id == self.run.dag_id, Row.run_id == self.run.run_id))
        states = {(task_id, map_index): state for task_id, map_index, state in rows}
        for key, state in states.items():
            if state in ("skipped", "upstream_failed", "removed") and self._states.get(key) != state:
                self._changed(*key, state)
        self._states = states
        return states

    def _place(self, key: Key) -> tuple[int, int]:
        return self._order[key[0]], key[1]

    def _next_ready(self, states: dict[Key, str | None]) -> Key | None:
        """The next of those that were ready, unless another task's end has since decided otherwise (``fail_fast``)."""
        while self._ready:
            key = self._ready.pop(0)
            if key in states and states[key] in (None, "up_for_retry", "up_for_reschedule"):
                return key
        return None

    def _instance(self, key: Key, session: Any) -> Any:
        return self.run.get_task_instance(key[0], map_index=key[1], session=session)

    def _wait(self, session: Any) -> None:
        """Wait until the first delay is over; there being none, nothing will ever happen."""
        instances = self.run.get_task_instances(session=session)
        due = []
        for instance in instances:
            instance.task = self.run.get_dag().get_task(instance.task_id)
            if instance.state == "up_for_retry":
                due.append(instance.next_retry_datetime())
            elif instance.state == "up_for_reschedule":
                due.append(_rescheduled_to(instance, session))
        if not due:
            raise UnrunnableTasks(self._explain(instances, session))
        pause = (min(due) - datetime.datetime.now(datetime.UTC)).total_seconds()
        session.commit()
        # A retry or reschedule delay of the DAG, served in full: the clock has shortened it if that was asked for.
        time.sleep(max(0.0, pause))

    def _explain(self, instances: list[Any], session: Any) -> str:
        from airflow.ti_deps.dep_context import DepContext
        from airflow.utils.state import State

        lines = [f"DAG {self.run.dag_id}: these tasks will never run:"]
        waiting = [instance for instance in instances if instance.state in State.unfinished]
        for instance in sorted(waiting, key=lambda ti: self._place((ti.task_id, ti.map_index))):
            reasons = [status.reason for status in instance.get_failed_dep_statuses(DepContext(), session=session)]
            if instance.state == "awaiting_input":
                reasons = ["It waits for the answer of a human; a local run has none."]
            name = instance.task_id if instance.map_index < 0 else f"{instance.task_id}[{instance.map_index}]"
            lines.append(f"  {name} ({instance.state or 'not started'}): {' '.join(reasons) or 'no reason given'}")
        return "\n".join(lines)


def _rescheduled_to(instance: Any, session: Any) -> datetime.datetime:
    from airflow.models.taskreschedule import TaskReschedule
    from sqlalchemy import select

    latest = (
        select(TaskReschedule.reschedule_date)
        .where(TaskReschedule.ti_id == instance.id)
        .order_by(TaskReschedule.id.desc())
        .limit(1)
    )
    date: datetime.datetime = session.scalar(latest)
    return date
