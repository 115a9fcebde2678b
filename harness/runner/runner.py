"""Makes submitted runs happen: starts what may start, a thread per task under way, and ends what is to end.

States are changed here alone, under one lock that is never held during work; ``changed`` is called without it.
"""

from __future__ import annotations

import secrets
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.lake.paths import WorkspacePaths
from harness.runner.attempts import Attempt, Executor, Places, timed_out
from harness.runner.commands import Surroundings
from harness.runner.forks import Forks, kernel_environment
from harness.runner.render import Renderer
from harness.runner.run import LifeCycle, Output, Result, Run, State, TaskRun, now
from harness.runner.scheduler import CANCELLED, latest_tasks, may_retry, plan, roll_up

if TYPE_CHECKING:
    from harness.lake.engine import Engine

# Kernels at once. More would wait for the same few cores, each with 100 MB of its own.
KERNELS = 8
STOP_SECONDS = 5.0

CarryOut = Callable[[TaskRun, Callable[[], tuple[State, Output]]], tuple[State, Output]]


@dataclass
class Work:
    """A run under way. ``verdict``: how it is to end, when it is ended as a whole."""

    run: Run
    deadline: float | None
    attempts: dict[str, Attempt] = field(default_factory=dict)
    verdict: State | None = None
    stopped: threading.Event = field(default_factory=threading.Event)


class Runner:
    """Runs the tasks of runs.

    Parameters: ``engine``; ``paths``: where workspace paths rest; ``directory``: logs of its processes;
    ``workspace_url`` and ``token``: for what notebooks ask of the workspace; ``kernel_python``: their interpreter
    (empty: ours); ``changed``: called after each change of a run, from any thread; ``user``: who runs everything;
    ``carry_out``: carries attempts out, or lets them fail instead.
    """

    def __init__(
        self,
        engine: Engine,
        paths: WorkspacePaths,
        directory: Path,
        workspace_url: str,
        token: str,
        kernel_python: str | None,
        changed: Callable[[Run], None],
        user: str,
        carry_out: CarryOut = lambda task, execute: execute(),
    ) -> None:
        self._changed = changed
        self._carry_out = carry_out
        self._lock = threading.Lock()
        self._works: dict[int, Work] = {}
        self._threads: set[threading.Thread] = set()
        python = kernel_python or sys.executable
        self._forks = Forks(directory, python, kernel_environment(directory, python))
        self._renderer = Renderer(directory)
        self._places = Places(KERNELS)
        around = Surroundings(paths, workspace_url, token, user, s3_environment(engine))
        self._executor = Executor(engine, self._forks, around, self._places)
        engine.on_crash(self._engine_crashed)

    def start(self) -> None:
        """Start the fork server; returns at once."""
        self._forks.start()

    def submit(self, run: Run) -> None:
        """Begin a run; returns at once."""
        seconds = int(run.settings.get("timeout_seconds") or 0)
        work = Work(run, time.monotonic() + seconds if seconds else None)
        with self._lock:
            self._works[run.run_id] = work
            for task in run.tasks:
                # A repaired run comes again, with new attempts beside those that have ended.
                if not task.state.ended:
                    task.state = State(LifeCycle.BLOCKED if task.depends_on else LifeCycle.PENDING)
            run.start_time = run.start_time or now()
            run.state = State(LifeCycle.RUNNING)
        self._advance(work)

    def cancel(self, run: Run, task: TaskRun | None = None) -> None:
        """End a run, or one task of it, as cancelled: kill its processes and Spark jobs. Returns at once."""
        work = self._works.get(run.run_id)
        if work is None:
            return
        verdict = State(LifeCycle.TERMINATED, Result.CANCELED, CANCELLED)
        if task is None:
            self._end(work, verdict)
        else:
            self._end_task(work, latest_tasks(run)[task.task_key], verdict)
            self._advance(work)

    def html(self, task: TaskRun) -> Path | None:
        """The page of a task's executed notebook, or None when it has none. Raises: ``RenderFailed``."""
        notebook = Path(task.directory) / "executed.ipynb"
        return self._renderer.html(notebook) if notebook.is_file() else None

    def stop(self) -> None:
        """Kill everything that runs. The runs' records stay as they are."""
        with self._lock:
            works, self._works = list(self._works.values()), {}
            threads = list(self._threads)
        for work in works:
            work.stopped.set()
            work.verdict = work.verdict or State(LifeCycle.TERMINATED, Result.CANCELED, CANCELLED)
            for attempt in list(work.attempts.values()):
                attempt.end(work.verdict)
        self._places.wake()
        self._forks.stop()
        self._renderer.stop()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def status(self) -> dict[str, Any]:
        """Facts for people: runs and tasks under way, free places, the fork server."""
        with self._lock:
            tasks = sum(len(work.attempts) for work in self._works.values())
            return {"runs": len(self._works), "tasks": tasks, "free": self._places.free, "forks": self._forks.status()}

    # ---- progress ----------------------------------------------------------------------------------

    def _advance(self, work: Work) -> None:
        """Start the tasks that may start now, end those that never will, and the run when all have ended."""
        run = work.run
        starting: list[TaskRun] = []
        with self._lock:
            if self._works.get(run.run_id) is not work:
                return  # it has ended; its run may be under way again, repaired
            while (decisions := plan(run)).start or decisions.end:
                for task, state in decisions.end:
                    task.end_time = now()
                    task.state = state
                for task in decisions.start:
                    task.start_time = now()
                    task.state = State(LifeCycle.PENDING)
                    work.attempts[task.task_key] = self._attempt(work, task)
                starting += decisions.start
            end = roll_up(run)
            if end is not None:
                del self._works[run.run_id]
                run.end_time = now()
                run.state = work.verdict or end
            for task in starting:
                name = f"task-{task.run_id}"
                thread = threading.Thread(target=self._run_task, args=(work, task.task_key), name=name, daemon=True)
                self._threads.add(thread)
                thread.start()
        self._changed(run)

    def _attempt(self, work: Work, task: TaskRun) -> Attempt:
        seconds = int(task.spec.get("timeout_seconds") or 0)
        deadlines = [time.monotonic() + seconds] if seconds else []
        deadlines += [work.deadline] if work.deadline is not None else []
        return Attempt(work.run, task, min(deadlines, default=None))

    def _run_task(self, work: Work, task_key: str) -> None:
        """The thread of one task: its attempts, one after the other."""
        attempt = work.attempts[task_key]
        while True:
            state, output = self._try(work, attempt)
            again = self._finish(work, attempt, state, output)
            if again is None:
                break
            self._changed(work.run)
            pause = int(attempt.task.spec.get("min_retry_interval_millis") or 0) / 1000
            work.stopped.wait(pause)
            attempt = again
        if work.deadline is not None and time.monotonic() >= work.deadline:
            self._end(work, timed_out(attempt))
        self._advance(work)
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _try(self, work: Work, attempt: Attempt) -> tuple[State, Output]:
        try:
            started = partial(self._started, work, attempt)
            return self._carry_out(attempt.task, lambda: self._executor.execute(attempt, started))
        except Exception as error:
            # A mistake of ours must end the task, not leave it RUNNING for ever.
            message = f"The harness failed to run the task: {type(error).__name__}: {error}"
            trace = traceback.format_exc()
            return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message), Output(error=message, error_trace=trace)

    def _started(self, work: Work, attempt: Attempt) -> None:
        task = attempt.task
        with self._lock:
            if not task.state.ended:
                task.setup_duration = now() - task.start_time
                task.state = State(LifeCycle.RUNNING)
        self._changed(work.run)

    def _finish(self, work: Work, attempt: Attempt, state: State, output: Output) -> Attempt | None:
        """Record how an attempt ended. Returns: the next attempt, if the task gets one."""
        task = attempt.task
        notebook = Path(task.directory) / "executed.ipynb"
        if notebook.is_file():
            self._renderer.request(notebook)
        with self._lock:
            work.attempts.pop(task.task_key, None)
            if task.state.ended:
                return None
            task.output = output
            task.end_time = now()
            task.execution_duration = max(0, task.end_time - task.start_time - task.setup_duration)
            task.state = state
            if work.verdict is not None or attempt.verdict is not None or not may_retry(task):
                return None
            return self._again(work, task)

    def _again(self, work: Work, task: TaskRun) -> Attempt:
        run_id = (
            secrets.randbelow(10**15 - 10**12) + 10**12
        )  # as long as the service's, and none of the workspace's own
        directory = str(Path(task.directory).parent / str(run_id))
        new = TaskRun(run_id, task.task_key, task.spec, directory, task.attempt + 1, start_time=now())
        new.state = State(LifeCycle.WAITING_FOR_RETRY)
        work.run.tasks.append(new)
        attempt = work.attempts[task.task_key] = self._attempt(work, new)
        return attempt

    # ---- ends from outside -------------------------------------------------------------------------

    def _end(self, work: Work, verdict: State) -> None:
        """End a run as a whole."""
        with self._lock:
            if work.verdict is not None or work.run.state.ended:
                return
            work.verdict = verdict
            work.run.state = State(LifeCycle.TERMINATING)
            tasks = list(latest_tasks(work.run).values())
        work.stopped.set()
        for task in tasks:
            self._end_task(work, task, verdict)
        self._advance(work)

    def _end_task(self, work: Work, task: TaskRun, verdict: State) -> None:
        """End a task: at once when it has no process yet, else when that is dead."""
        with self._lock:
            if task.state.ended:
                return
            attempt = work.attempts.get(task.task_key)
            if attempt is None or attempt.fork is None:
                task.end_time = now()
                task.state = verdict
            else:
                task.state = State(LifeCycle.TERMINATING)
        if attempt is not None:
            attempt.end(verdict)
            self._places.wake()

    def _engine_crashed(self, reason: str) -> None:
        """Spark's JVM died: what was attached to it cannot go on."""
        with self._lock:
            attempts = [attempt for work in self._works.values() for attempt in work.attempts.values()]
        verdict = State(
            LifeCycle.INTERNAL_ERROR, Result.FAILED, f"Spark ended unexpectedly. {reason.partition(chr(10))[0]}"
        )
        for attempt in attempts:
            if attempt.attached:
                attempt.end(verdict, reason)


def s3_environment(engine: Engine) -> dict[str, str]:
    """What leads boto3 and its like in notebooks to the same S3 as Spark."""
    s3 = engine.config.s3
    if s3 is None:
        return {}
    return {
        "AWS_ENDPOINT_URL": s3.url,
        "AWS_ACCESS_KEY_ID": s3.access_key,
        "AWS_SECRET_ACCESS_KEY": s3.secret_key,
        "AWS_DEFAULT_REGION": s3.region,
    }
