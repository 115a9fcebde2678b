"""The record of a run, as the Jobs API knows it: a run, its task runs, their states and outputs.

Plain data. The runner owns a :class:`Run` while it works and calls ``changed`` after each step; the workspace
reads it to answer polls and writes it to the store.
"""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class LifeCycle(StrEnum):
    """``life_cycle_state`` of the Jobs API."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    TERMINATING = "TERMINATING"
    TERMINATED = "TERMINATED"
    SKIPPED = "SKIPPED"
    INTERNAL_ERROR = "INTERNAL_ERROR"
    BLOCKED = "BLOCKED"
    WAITING_FOR_RETRY = "WAITING_FOR_RETRY"
    QUEUED = "QUEUED"


ENDED = frozenset({LifeCycle.TERMINATED, LifeCycle.SKIPPED, LifeCycle.INTERNAL_ERROR})


class Result(StrEnum):
    """``result_state`` of the Jobs API."""

    SUCCESS = "SUCCESS"
    FAILED = "FAILED"
    TIMEDOUT = "TIMEDOUT"
    CANCELED = "CANCELED"
    UPSTREAM_FAILED = "UPSTREAM_FAILED"
    UPSTREAM_CANCELED = "UPSTREAM_CANCELED"
    EXCLUDED = "EXCLUDED"
    SUCCESS_WITH_FAILURES = "SUCCESS_WITH_FAILURES"


@dataclass
class State:
    """Where a run or task run is. ``message`` is the service's ``state_message``."""

    life_cycle: LifeCycle = LifeCycle.PENDING
    result: Result | None = None
    message: str = ""

    @property
    def ended(self) -> bool:
        return self.life_cycle in ENDED


@dataclass
class Output:
    """What ``runs/get-output`` tells of a task run. ``result``: the notebook's exit value. ``logs``: its prints.

    ``place``: where in which notebook the error is, in words; "" when it is in none. ``outcome``: of a condition task.
    ``child_run_id``: the run that a ``run_job_task`` started. ``sql``: what a ``sql_task`` executed (sqltask.py).
    ``dbt``: where a ``dbt_task`` left its artifacts, and the secret of the link to them.
    """

    result: str | None = None
    error: str | None = None
    error_trace: str | None = None
    place: str = ""
    logs: str = ""
    truncated: bool = False
    logs_truncated: bool = False
    task_values: dict[str, Any] = field(default_factory=dict)
    outcome: str = ""
    child_run_id: int = 0
    sql: dict[str, Any] = field(default_factory=dict)
    dbt: dict[str, Any] = field(default_factory=dict)


@dataclass
class TaskRun:
    """One attempt of one task. ``spec`` is the task's settings as submitted; times are epoch milliseconds.

    ``iterations``: the task runs of a ``for_each_task``, all attempts; each has its place in the array (``index``) and
    the element that is there (``input``, a list of it alone; empty outside of loops). ``tag``: what its jobs in Spark
    carry.
    """

    run_id: int
    task_key: str
    spec: dict[str, Any]
    directory: str
    attempt: int = 0
    state: State = field(default_factory=State)
    start_time: int = 0
    end_time: int = 0
    setup_duration: int = 0
    execution_duration: int = 0
    output: Output = field(default_factory=Output)
    index: int = -1
    input: list[Any] = field(default_factory=list)
    iterations: list[TaskRun] = field(default_factory=list)
    tag: str = ""

    @property
    def depends_on(self) -> list[str]:
        return [d["task_key"] for d in self.spec.get("depends_on") or []]


@dataclass
class Run:
    """A run of a job, or a submitted run.

    ``settings``: the job's (or submit's) settings with ``tasks`` always multi-task; beside them
    ``existing_clusters``, the specifications of the all-purpose clusters that tasks name, by id,
    ``cluster_libraries``, what is installed on them, and ``git_folder`` (gitfiles.py).
    ``parameters``: what ``run-now`` gave, by its own field names (``notebook_params``, ``job_parameters``, …).
    ``trigger``: what started it, as ``TriggerType`` of the Jobs API; ``repairs``: how often it was repaired;
    ``parent_run_id``: the task run that started it; ``run_as``: whom ``current_user()`` names in its notebooks, if not
    the workspace's own user.
    """

    run_id: int
    job_id: int
    name: str
    settings: dict[str, Any]
    tasks: list[TaskRun]
    run_type: str = "JOB_RUN"
    parameters: dict[str, Any] = field(default_factory=dict)
    state: State = field(default_factory=State)
    start_time: int = field(default_factory=lambda: now())
    end_time: int = 0
    creator: str = ""
    number_in_job: int = 0
    idempotency_token: str = ""
    trigger: str = "ONE_TIME"
    repairs: int = 0
    parent_run_id: int = 0
    run_as: str = ""

    def task(self, task_key: str) -> TaskRun:
        """The latest attempt of a task. Raises: ``KeyError``."""
        return max((t for t in self.tasks if t.task_key == task_key), key=lambda t: t.attempt)

    def task_runs(self) -> list[TaskRun]:
        """All attempts of all tasks, and of the iterations of those that loop."""
        return [each for task in self.tasks for each in (task, *task.iterations)]

    def document(self) -> dict[str, Any]:
        """Plain JSON-able form, for the store."""
        return dataclasses.asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Run:
        """The run that :meth:`document` described."""
        tasks = [_task(task) for task in document["tasks"]]
        return cls(**{**document, "tasks": tasks, "state": _state(document["state"])})


def _task(document: dict[str, Any]) -> TaskRun:
    state, output = _state(document["state"]), Output(**document["output"])
    iterations = [_task(each) for each in document.get("iterations", ())]
    return TaskRun(**{**document, "state": state, "output": output, "iterations": iterations})


def _state(document: dict[str, Any]) -> State:
    result = document["result"]
    return State(LifeCycle(document["life_cycle"]), Result(result) if result else None, document["message"])


def now() -> int:
    """Epoch milliseconds, as the Jobs API counts time."""
    return int(time.time() * 1000)
