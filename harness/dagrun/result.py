"""What became of a run, as objects; a failed one prints its own diagnosis."""

from __future__ import annotations

import ast
import contextlib
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.dagrun.lineage import Lineage
from harness.dagrun.logs import masked
from harness.dagrun.work import NO_OBJECTS, DatabricksRun, NotObserved, ObjectAccess, Statement, TableWrite, Work
from harness.netguard import Attempt

BAD = ("failed", "upstream_failed")
ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
LOG_LINES = 15
LOG_WIDTH = 240


class DagRunFailed(AssertionError):
    """A DAG run did not succeed. The message is the diagnosis; the cause is the failing task's own exception."""


@dataclass(frozen=True)
class TaskResult:
    """One task instance.

    ``map_index`` is -1 for a task that is not mapped; ``errors`` holds the exception of each try that failed, ``error``
    the last one; ``duration`` is in seconds, over all tries; ``log`` is the last try's file; ``xcom`` is what the task
    returned, ``xcoms`` all that it pushed, by key; ``rendered`` are its template fields as they were rendered;
    ``page`` is the address of its Databricks run; ``databricks_key``: its task's key in a Databricks workflow;
    ``spans``: from when to when it ran, in epoch seconds.
    """

    task_id: str
    map_index: int = -1
    state: str = ""
    tries: int = 0
    duration: float = 0.0
    errors: tuple[BaseException, ...] = ()
    log: Path | None = None
    xcom: Any = None
    page: str = ""
    xcoms: Mapping[str, Any] = field(default_factory=dict)
    rendered: Mapping[str, Any] = field(default_factory=dict)
    databricks_key: str = ""
    spans: tuple[tuple[float, float], ...] = ()

    @property
    def error(self) -> BaseException | None:
        return self.errors[-1] if self.errors else None

    @property
    def name(self) -> str:
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    def log_text(self) -> str:
        """What the last try logged and printed."""
        return self.log.read_text(encoding="utf-8") if self.log is not None and self.log.exists() else ""


@dataclass(frozen=True, repr=False)
class DagRunResult:
    """One DAG run and the runs that it caused.

    ``tasks`` are in the order of the DAG, then of the map index; ``triggered`` are the runs that
    ``TriggerDagRunOperator`` made and, when assets are followed, those that asset events scheduled; ``awaited`` says
    that the triggering task judged this run itself (``wait_for_completion``). ``span``: from when to when it ran, in
    epoch seconds. ``work``: what its tasks did on the stack. ``blocked``: attempts to reach other machines, which
    the guard refused; with one, the run is no success whatever its tasks made of it. ``partition_key``: of a run of a
    partitioned DAG. ``waiting``: where assets were followed, why DAGs that an event has reached have not run.
    """

    dag_id: str
    run_id: str
    state: str
    tasks: list[TaskResult]
    duration: float = 0.0
    triggered: list[DagRunResult] = field(default_factory=list)
    awaited: bool = False
    first_failure: TaskResult | None = None
    span: tuple[float, float] = (0.0, 0.0)
    work: Work | None = None
    blocked: tuple[Attempt, ...] = ()
    partition_key: str = ""
    waiting: tuple[str, ...] = ()

    @property
    def databricks_runs(self) -> list[DatabricksRun]:
        """The runs that its tasks started in the workspace. Raises: ``NotObserved``."""
        return self._work().runs

    @property
    def statements(self) -> list[Statement]:
        """What its tasks executed on SQL warehouses. Raises: ``NotObserved``."""
        return self._work().statements

    @property
    def tables(self) -> list[TableWrite]:
        """The commits to Delta tables that are still there and known to the workspace. Raises: ``NotObserved``."""
        return self._work().tables()

    @property
    def objects(self) -> list[ObjectAccess]:
        """The S3 objects that it read, wrote and deleted, Spark's included.

        Raises: ``NotObserved``, also where the S3 server is not the built-in one.
        """
        objects = self._work().objects
        if objects is None:
            raise NotObserved(NO_OBJECTS)
        return objects

    @property
    def lineage(self) -> Lineage:
        """The tables and objects that its tasks read and wrote, task by task. Raises: ``NotObserved``."""
        return self._work().lineage()

    def _work(self) -> Work:
        if self.work is None:
            raise NotObserved(NotObserved.__doc__)
        return self.work

    @property
    def success(self) -> bool:
        """Whether everything ran and nothing failed.

        Judged on the task instances: Airflow calls a run a success when its leaves are, whatever failed before them
        (apache/airflow#34282), and also when it has no task instances at all.
        """
        done = (
            not self.blocked
            and bool(self.tasks)
            and self.state == "success"
            and not any(task.state in BAD for task in self.tasks)
        )
        return done and all(run.success for run in self.triggered if not run.awaited)

    def task(self, task_id: str, map_index: int = -1) -> TaskResult:
        """The task instance of that name. Raises ``KeyError`` naming those there are."""
        for task in self.tasks:
            if (task.task_id, task.map_index) == (task_id, map_index):
                return task
        raise KeyError(f"no task {task_id!r} in {self.dag_id}; it has {', '.join(task.name for task in self.tasks)}")

    def run(self, dag_id: str) -> DagRunResult:
        """The last run of ``dag_id`` among this one and those it caused. Raises ``KeyError`` naming those there are."""
        runs = list(self.runs())
        for run in reversed(runs):
            if run.dag_id == dag_id:
                return run
        there = f"there are runs of {', '.join(run.dag_id for run in runs)}"
        raise KeyError("; ".join([f"no run of {dag_id!r}", there, *self.waiting]))

    def runs(self) -> Iterator[DagRunResult]:
        """This run, then those that it caused, in the order in which they ran."""
        yield self
        for run in self.triggered:
            yield from run.runs()

    def raise_for_failure(self) -> DagRunResult:
        """Return the run if it succeeded; else raise ``DagRunFailed`` from the original exception."""
        if self.success:
            return self
        failed = self._to_blame()
        raise DagRunFailed(str(self)) from (failed.first_failure.error if failed.first_failure else None)

    def raise_unless(self, outcome: str) -> DagRunResult:
        """Return the run if it ended as ``outcome`` says, ``success`` or ``failed``; else raise ``DagRunFailed``."""
        if outcome == "success":
            return self.raise_for_failure()
        if outcome != "failed":
            raise ValueError(f"a run ends as success or failed, not {outcome!r}")
        if self.success:
            raise DagRunFailed(f"expected to fail, but {_headline(self)}")
        return self

    def release(self) -> None:
        """Let go of what the tracebacks of the errors hold, such as open connections; messages and lines remain."""
        for run in self.runs():
            for task in run.tasks:
                for error in task.errors:
                    traceback.clear_frames(error.__traceback__)

    def __repr__(self) -> str:
        return diagnosis(self) if not self.success else _headline(self)

    def _to_blame(self) -> DagRunResult:
        for run in self.runs():
            if not run.awaited and (run.state != "success" or not run.tasks or any(t.state in BAD for t in run.tasks)):
                return run
        return self


def diagnosis(result: DagRunResult) -> str:
    """Why a run failed: the states, the first cause with its error text, its Databricks page and its log's end."""
    run = result._to_blame()
    lines = [_headline(result)]
    if run is not result:
        lines += [f"because of {_headline(run)}"]
    if not run.tasks:
        lines += ["It has no task instances, so nothing ran. Is a task's start_date after the logical date?"]
    lines += [f"  {task.state or 'not started':<16} {task.name}{_tries(task)}" for task in run.tasks if _notable(task)]
    cause = run.first_failure
    if run.tasks and run.state == "failed" and not any(task.state in BAD for task in run.tasks):
        lines += ["No task failed: the DAG's dagrun_timeout had passed, and what was left was skipped."]
    lines += [f"  blocked          {attempt}" for attempt in result.blocked]
    if cause is None:
        return "\n".join(lines)
    lines += ["", f"First cause: task {cause.name}"]
    # Airflow gives none when it fails a task itself, as for a triggered run that failed.
    lines += _indented(error_text(cause.error) if cause.error is not None else "no exception; its log says more")
    if cause.page:
        lines += [f"  Databricks run: {cause.page}"]
    lines += _seen(run, cause)
    if tail := log_tail(cause.log_text()):
        lines += [f"  End of {cause.log}:", *_indented("\n".join(tail), "    ")]
    for child in run.triggered:
        if child.awaited and not child.success:
            lines += ["", "It had triggered:", *_indented(diagnosis(child))]
    return "\n".join(lines)


def _seen(run: DagRunResult, cause: TaskResult) -> list[str]:
    """What the failing task's own error may not say: the Databricks tasks and the statements that failed in it."""
    work = run.work or Work()
    told = error_text(cause.error) if cause.error is not None else ""
    lines = []
    for each in work.runs:
        for task in each.tasks if each.task_id == cause.name else ():
            head = task.error.strip().partition("\n")[0]
            if task.state == "FAILED" and head and head not in told:
                where = f" ({task.notebook})" if task.notebook else ""
                lines += [f"  Databricks task {task.key}{where}:", *_indented(ANSI.sub("", task.error.strip()), "    ")]
    for statement in work.statements:
        if statement.task_id == cause.name and statement.state == "FAILED":
            text = " ".join(statement.text.split())
            lines += [f"  Failed statement: {text[:LOG_WIDTH]}{'…' if len(text) > LOG_WIDTH else ''}"]
            if statement.error.partition("\n")[0] not in told:
                lines += _indented(statement.error, "    ")
    return lines


def error_text(error: BaseException) -> str:
    """An exception's type and message, readable.

    The Databricks provider puts the errors of a run's tasks, tracebacks and all, into one line, as the ``repr`` of a
    list (operators/databricks.py of 7.23.0); here they are lines again.
    """
    message = str(error)
    errors: list[dict[str, Any]] = []
    if found := re.search(r" and with the errors (\[\{.*\}\])", message, re.DOTALL):
        with contextlib.suppress(ValueError, SyntaxError):
            errors = ast.literal_eval(found[1])
            message = message[: found.start()] + message[found.end() :]
    lines = [f"{type(error).__name__}: {message}"]
    lines += [f"Databricks task {each.get('task_key')}: {each.get('error')}" for each in errors]
    return masked(ANSI.sub("", "\n".join(lines)))


def log_tail(text: str) -> list[str]:
    """The last lines of a task's log, without the marks that fold it in Airflow's interface."""
    lines = [line for line in text.splitlines() if "::group::" not in line and "::endgroup::" not in line]
    return [line if len(line) <= LOG_WIDTH else f"{line[:LOG_WIDTH]}…" for line in lines[-LOG_LINES:]]


def _headline(run: DagRunResult) -> str:
    outcome = "succeeded" if run.success else "failed"
    count = f"{len(run.tasks)} task instance{'s' if len(run.tasks) != 1 else ''}"
    caused = f", caused {len(run.triggered)} runs" if run.triggered else ""
    of = f", partition {run.partition_key}" if run.partition_key else ""
    return f"DAG {run.dag_id} {outcome}: {count}, {run.duration:.1f} s{caused} (run {run.run_id}{of})"


def _notable(task: TaskResult) -> bool:
    return task.state not in ("success", "skipped")


def _tries(task: TaskResult) -> str:
    return f"  after {task.tries} tries" if task.tries > 1 else ""


def _indented(text: str, margin: str = "  ") -> list[str]:
    return [f"{margin}{line}" for line in text.splitlines()]
