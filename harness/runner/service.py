"""What tasks ask of the workspace they run in, beside its wire: runs of other jobs, saved queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from harness.runner.run import LifeCycle, Output, Result, Run, State, TaskRun

if TYPE_CHECKING:
    from harness.lake.sql.operations import SqlEngine


class Service(Protocol):
    """The workspace as a task sees it. Its methods may be called from any thread."""

    def start_job(self, run: Run, task: TaskRun, body: Mapping[str, Any]) -> Run:
        """Start the job of a ``run_job_task`` of a run. Parameters: ``body``: the task's, its references replaced.

        Raises: ``CannotRun`` when there is no such job, or it would run itself.
        """

    def start_update(self, run: Run, task: TaskRun, body: Mapping[str, Any]) -> Run:
        """Start an update of the pipeline of a ``pipeline_task``. Parameters: ``body``: the task's, its references
        replaced. Raises: ``CannotRun`` when there is no such pipeline, it cannot be run, or another update runs."""

    def ended(self, run: Run, seconds: float | None) -> bool:
        """Wait for a run's end. Returns: False when the time passed first."""

    def cancel(self, run: Run) -> None:
        """Ask for a run's end; returns at once."""

    def query(self, query_id: str) -> Mapping[str, Any]:
        """A saved query. Raises: ``CannotRun`` when there is none, or it is in the trash."""

    @property
    def sql(self) -> SqlEngine:
        """What executes SQL statements."""


class Delegate(Protocol):
    """What does a task's work without a kernel: to its attempt what a process is to others."""

    def start(self) -> None:
        """Begin; returns at once."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end. Returns: False when ``timeout`` seconds passed first."""

    def kill(self) -> None:
        """End it; :meth:`wait` tells when it has ended. Returns at once."""

    def outcome(self) -> tuple[State, Output]:
        """How the task ends, once it has ended by itself."""


@dataclass
class ChildRun:
    """The run that a ``run_job_task`` waits for."""

    run: Run
    service: Service

    def start(self) -> None:
        """The run has been started when it was made."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the run's end. Returns: False when ``timeout`` seconds passed first."""
        return self.service.ended(self.run, timeout)

    def kill(self) -> None:
        """Cancel the run; :meth:`wait` tells when it has ended."""
        self.service.cancel(self.run)

    def outcome(self) -> tuple[State, Output]:
        """How the task ends whose run has ended: as the run, whose cancelling or skipping it is not."""
        state, made = self.run.state, Output(child_run_id=self.run.run_id)
        if state.result in (Result.SUCCESS, Result.SUCCESS_WITH_FAILURES):
            return State(LifeCycle.TERMINATED, state.result), made
        how = state.result or state.life_cycle
        made.error = f"Run {self.run.run_id} of job {self.run.job_id} ({self.run.name}) ended {how}: {state.message}"
        return State(LifeCycle.TERMINATED, Result.FAILED, made.error), made


@dataclass
class PipelineUpdate(ChildRun):
    """The update that a ``pipeline_task`` waits for."""

    def outcome(self) -> tuple[State, Output]:
        """As the update ended; what failed in it is the task's error."""
        state, made = self.run.state, self.run.tasks[-1].output
        if state.result is Result.SUCCESS:
            return State(LifeCycle.TERMINATED, Result.SUCCESS), Output()
        how = "CANCELED" if state.result is Result.CANCELED else "FAILED"
        head = f"Update {self.run.settings['update_id']} of pipeline {self.run.name} is {how}"
        error = f"{head}: {made.error or state.message}"
        output = Output(error=error, error_trace=made.error_trace, place=made.place, logs=made.logs)
        return State(LifeCycle.TERMINATED, Result.FAILED, error.partition("\n")[0]), output
