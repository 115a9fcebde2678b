"""Which task runs next: Airflow's own scheduling decision, one task at a time, in a fixed order, never for ever.

``dag.test()`` asks ``DagRun.update_state`` what may run, and takes the answers in the order of a Python set. Here the
same question is asked, and its answers are handed over one by one; and when nothing will ever become ready, that is
said, with the unmet dependencies, where ``dag.test()`` looks again every second for ever (apache/airflow#41972).
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

Key = tuple[str, int]


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
        self._states: dict[Key, str | None] = {}

    def __call__(self, *, session: Any, execute_callbacks: bool = True) -> tuple[list[Any], Any]:
        """What ``DagRun.update_state`` returns, with at most one task instance that may start.

        Raises: ``UnrunnableTasks``.
        """
        while True:
            instances = self._look(session)
            if any(instance.state == "scheduled" for instance in instances.values()):
                return [], None  # resumed from a deferral: it runs before anything else starts
            if (following := self._next_ready(instances)) is not None:
                return [following], None
            before = dict(self._states)
            ready, callback = self._decide(session=session, execute_callbacks=execute_callbacks)
            session.commit()
            instances = self._look(session)
            if self.run.state != "running":
                return [], callback
            self._ready = sorted(((ti.task_id, ti.map_index) for ti in ready), key=self._place)
            # Failures and skips spread one level a decision: look again as long as something changes.
            if not self._ready and self._states == before:
                self._wait(instances, session)

    def _look(self, session: Any) -> dict[Key, Any]:
        session.expire_all()
        instances = {(ti.task_id, ti.map_index): ti for ti in self.run.get_task_instances(session=session)}
        states = {key: ti.state for key, ti in instances.items()}
        for key, state in states.items():
            if state in ("skipped", "upstream_failed", "removed") and self._states.get(key) != state:
                self._changed(*key, state)
        self._states = states
        return instances

    def _place(self, key: Key) -> tuple[int, int]:
        return self._order[key[0]], key[1]

    def _next_ready(self, instances: dict[Key, Any]) -> Any | None:
        """The next of those that were ready, unless another task's end has since decided otherwise (``fail_fast``)."""
        while self._ready:
            instance = instances.get(self._ready.pop(0))
            if instance is not None and instance.state in (None, "up_for_retry", "up_for_reschedule"):
                return instance
        return None

    def _wait(self, instances: dict[Key, Any], session: Any) -> None:
        """Wait until the first delay is over; there being none, nothing will ever happen."""
        dag = self.run.get_dag()
        due = []
        for instance in instances.values():
            instance.task = dag.get_task(instance.task_id)
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

    def _explain(self, instances: dict[Key, Any], session: Any) -> str:
        from airflow.ti_deps.dep_context import DepContext
        from airflow.utils.state import State

        lines = [f"DAG {self.run.dag_id}: these tasks will never run:"]
        waiting = [key for key in instances if instances[key].state in State.unfinished]
        for key in sorted(waiting, key=self._place):
            instance = instances[key]
            reasons = [status.reason for status in instance.get_failed_dep_statuses(DepContext(), session=session)]
            if instance.state == "awaiting_input":
                reasons = ["It waits for the answer of a human; a local run has none."]
            name = key[0] if key[1] < 0 else f"{key[0]}[{key[1]}]"
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
