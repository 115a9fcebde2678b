"""One attempt of one task: a place among those that run, a slot in Spark, a process, its end, its output."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from harness.kernel.spec import Gateway
from harness.lake.engine import EngineFailed
from harness.lake.submission import submission
from harness.runner import gitfiles, outputs, sqltask
from harness.runner.channel import ChannelClosed
from harness.runner.commands import Surroundings, dbt_commands, kernel_spec
from harness.runner.conditions import NotComparable, outcome
from harness.runner.debugging import Debugging
from harness.runner.forks import Fork
from harness.runner.loops import Loop
from harness.runner.places import Places
from harness.runner.references import UnknownReference, context_of, resolve
from harness.runner.run import LifeCycle, Output, Result, Run, State, TaskRun
from harness.runner.scheduler import WORKLOAD_FAILED
from harness.runner.service import ChildRun, Delegate, PipelineUpdate, Service
from harness.runner.sqltask import Statements
from harness.runner.standby import Standby
from harness.runner.taskkinds import CannotRun

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from harness.lake.engine import Engine

# How long a task that failed because Spark died waits to be told why Spark died.
OBITUARY_SECONDS = 5.0
# How often a task that stands at a breakpoint is looked after.
PAUSE_SECONDS = 1.0
# Kinds of specifications whose program is not Python's.
OF_THE_JVM = ("jar", "submit")


@dataclass
class Attempt:
    """An attempt that is under way. ``deadline``: seconds of the monotonic clock. ``verdict``: how it is to end, when
    that was decided from outside (cancelled, timed out, Spark gone); ``why``: more about it. ``owner``: the attempt
    of the loop that it is an iteration of. ``called_off``: set with the verdict. ``paused``: seconds it stood at
    breakpoints, which do not count."""

    run: Run
    task: TaskRun
    deadline: float | None = None
    verdict: State | None = None
    why: str = ""
    fork: Fork | Delegate | None = None
    attached: bool = False
    owner: Attempt | None = None
    paused: float = 0.0
    _paused_at: float | None = None
    called_off: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def end(self, verdict: State, why: str = "") -> None:
        """Decide how it ends, unless that is decided, and kill its process."""
        with self._lock:
            if self.verdict is None:
                self.verdict, self.why = verdict, why
            fork = self.fork
        self.called_off.set()
        if fork is not None:
            fork.kill()

    def forked(self, fork: Fork | Delegate) -> None:
        """Take up its process, or what stands for one; it is killed at once when the attempt was ended meanwhile."""
        with self._lock:
            self.fork = fork
            decided = self.verdict is not None
        if decided:
            fork.kill()

    def decided(self) -> bool:
        """Whether it is to end, whatever its process does."""
        return self.verdict is not None or (self.owner is not None and self.owner.decided())

    def remaining(self) -> float | None:
        """Seconds until the deadline, or None without one, and while it stands at a breakpoint."""
        if self.deadline is None or self._paused_at is not None:
            return None
        return max(0.0, self.deadline + self.paused - time.monotonic())

    def pause(self, paused: bool) -> None:
        """Stop its clock, or let it go on."""
        with self._lock:
            if self._paused_at is not None:
                self.paused += time.monotonic() - self._paused_at
            self._paused_at = time.monotonic() if paused else None

    def wait(self, work: Fork | Delegate) -> bool:
        """Wait for the end of its process, or what stands for one. Returns: False when its time was up first."""
        while not work.wait(self.remaining() if self._paused_at is None else PAUSE_SECONDS):
            if self.remaining() == 0.0:
                return False
        return True


class Executor:
    """Carries attempts out, each in the thread that calls it."""

    def __init__(
        self, engine: Engine, standby: Standby, around: Surroundings, places: Places, service: Service | None
    ) -> None:
        self._engine = engine
        self._standby = standby
        self._around = around
        self._places = places
        self._service = service
        self.debugging = Debugging()

    def execute(self, attempt: Attempt, started: Callable[[], None], loop: Callable[[], Loop]) -> tuple[State, Output]:
        """Carry an attempt out.

        Parameters: ``started``: called when its process runs; ``loop``: makes the iterations of a ``for_each_task``.
        Returns: how it ended, and its output.
        """
        if attempt.decided():
            return self._ended(attempt)
        try:
            if "for_each_task" in attempt.task.spec:
                return self._awaited(attempt, loop(), started)
            if "condition_task" in attempt.task.spec:
                return self._compared(attempt, started)
            if "run_job_task" in attempt.task.spec:
                return self._delegated(attempt, started)
            if "pipeline_task" in attempt.task.spec:
                update = self._asked().start_update(attempt.run, attempt.task, self._body(attempt))
                return self._awaited(attempt, PipelineUpdate(update, self._asked()), started)
            if "sql_task" in attempt.task.spec:
                return self._awaited(attempt, self._statements(attempt), started)
            if "dbt_task" in attempt.task.spec:
                return self._awaited(attempt, dbt_commands(attempt.run, attempt.task, self._around), started)
        except (CannotRun, NotComparable, UnknownReference) as error:
            return _failed(str(error))
        if not self._places.take(attempt):
            return self._ended(attempt)
        try:
            return self._in_place(attempt, started)
        except CannotRun as error:
            return _failed(str(error))
        except (EngineFailed, ChannelClosed, Py4JError, OSError) as error:
            if attempt.decided() or attempt.remaining() == 0.0:
                return self._ended(attempt)
            return _failed(str(error))
        finally:
            self._places.leave()

    def _compared(self, attempt: Attempt, started: Callable[[], None]) -> tuple[State, Output]:
        """A condition task: no process, no place among those that run."""
        started()
        return State(LifeCycle.TERMINATED, Result.SUCCESS), Output(outcome=outcome(self._body(attempt)))

    def _delegated(self, attempt: Attempt, started: Callable[[], None]) -> tuple[State, Output]:
        """A Run Job task: the run it starts does the work."""
        service, body = self._asked(), self._body(attempt)
        # What older jobs are given by kind of task cannot be given together with job parameters.
        by_kind = any(value for name, value in body.items() if name not in ("job_id", "job_parameters"))
        if not by_kind and (pushed := self._pushed_down(attempt)):
            body = {**body, "job_parameters": {**(body.get("job_parameters") or {}), **pushed}}
        child = ChildRun(service.start_job(attempt.run, attempt.task, body), service)
        attempt.task.output = Output(child_run_id=child.run.run_id)
        return self._awaited(attempt, child, started)

    def _asked(self) -> Service:
        if self._service is None:
            raise CannotRun("There is no workspace here that could be asked for jobs and queries.")
        return self._service

    def _statements(self, attempt: Attempt) -> Statements:
        """What a SQL task executes. Raises: ``CannotRun``."""
        service, body = self._asked(), self._body(attempt)
        own = {**(body.get("parameters") or {}), **(attempt.run.parameters.get("sql_params") or {})}
        given = {**own, **self._pushed_down(attempt)}
        if body.get("file"):
            path = gitfiles.path_of("file", body["file"], attempt.run.settings)
            script = sqltask.of_file(path, given, self._around.paths)
        else:
            script = sqltask.of_query(service.query(body["query"]["query_id"]), given)
        return Statements(service.sql, body["warehouse_id"], script)

    def _awaited(self, attempt: Attempt, work: Delegate, started: Callable[[], None]) -> tuple[State, Output]:
        """Wait for what an attempt has others do."""
        attempt.forked(work)
        started()
        work.start()
        if not attempt.wait(work):
            attempt.end(timed_out(attempt))
            work.wait()
        state, made = work.outcome()
        if attempt.verdict is not None:
            return attempt.verdict, replace(made, error=attempt.verdict.message)
        return state, made

    def _body(self, attempt: Attempt) -> Any:
        """What a task says of its kind, its references replaced. Raises: ``UnknownReference``."""
        spec = attempt.task.spec
        body = next(spec[name] for name in spec if name.endswith("_task"))
        return resolve(body, context_of(attempt.run, attempt.task, self._around.workspace))

    def _pushed_down(self, attempt: Attempt) -> Mapping[str, str]:
        """The job parameters, which go to all tasks of key-value parameters, before the task's own of the same key.

        Source: docs.databricks.com, "Configure task parameters" and "Parameterize jobs" (job parameter pushdown).
        """
        return context_of(attempt.run, attempt.task, self._around.workspace).job_parameters

    def _in_place(self, attempt: Attempt, started: Callable[[], None]) -> tuple[State, Output]:
        task = attempt.task
        directory = Path(task.directory)
        directory.mkdir(parents=True, exist_ok=True)
        # Before Spark is waited for: what cannot run should say so at once.
        kernel_spec(attempt.run, task, Gateway(0, "", ""), self._around)
        self._engine.wait(attempt.remaining())
        if attempt.decided():
            return self._ended(attempt)
        attempt.attached = True
        kernel = self._standby.obtain(f"task-{task.run_id}", attempt.run.run_as)
        gateway, task.tag = kernel.gateway, kernel.gateway.tag
        try:
            spec = kernel_spec(attempt.run, task, gateway, self._around)
            if spec.kind in OF_THE_JVM:
                spec = replace(spec, jvm=submission(self._engine, directory))
            self.debugging.begin(attempt)
            self.debugging.told(spec).write(directory / "spec.json")
            attempt.forked(fork := self._standby.begin(kernel, directory, Path(spec.path).parent))
            started()
            if not attempt.wait(fork):
                attempt.end(timed_out(attempt))
                fork.wait()
            lost = self._engine.has_lost(gateway.tag)
        except BaseException:
            self._standby.drop(kernel)
            raise
        finally:
            self.debugging.end(attempt)
            self._engine.close_slot(gateway.tag)
            (directory / "spec.json").unlink(missing_ok=True)  # it holds secrets
        if attempt.decided():
            return self._ended(attempt)
        state, output = self._finished(fork, directory)
        # Not the notebook's lost connection is the reason, but why Spark died.
        if lost and state.result is not Result.SUCCESS and attempt.called_off.wait(OBITUARY_SECONDS):
            return self._ended(attempt)
        return state, output

    def _finished(self, fork: Fork, directory: Path) -> tuple[State, Output]:
        result = outputs.read_result(directory)
        made = outputs.output(directory, result)
        if result is None:
            reason = outputs.death(fork.code)
            made.error = made.error_trace = reason
            return State(LifeCycle.TERMINATED, Result.FAILED, reason), made
        if result.succeeded:
            return State(LifeCycle.TERMINATED, Result.SUCCESS), made
        return State(LifeCycle.TERMINATED, Result.FAILED, WORKLOAD_FAILED), made

    def _ended(self, attempt: Attempt) -> tuple[State, Output]:
        """How an attempt ended that was ended from outside, or whose time was up before it began."""
        state = attempt.verdict or (attempt.owner and attempt.owner.verdict) or timed_out(attempt)
        made = outputs.output(Path(attempt.task.directory), None)
        made.error = state.message
        made.error_trace = attempt.why or None
        return state, made


def timed_out(attempt: Attempt) -> State:
    seconds = attempt.task.spec.get("timeout_seconds") or attempt.run.settings.get("timeout_seconds")
    return State(LifeCycle.TERMINATED, Result.TIMEDOUT, f"Timed out after {seconds} seconds.")


def _failed(reason: str) -> tuple[State, Output]:
    """What did not even start."""
    state = State(LifeCycle.INTERNAL_ERROR, Result.FAILED, reason.partition("\n")[0])
    return state, Output(error=state.message, error_trace=reason)
