"""Makes submitted runs happen: starts what may start, a thread per task under way, and ends what is to end.

States are changed here alone, under one lock that is never held during work; ``changed`` is called without it.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.lake.paths import WorkspacePaths
from harness.runner import loops
from harness.runner.attempts import Attempt, Executor, timed_out
from harness.runner.commands import Surroundings, notebook_environment
from harness.runner.forks import Forks, kernel_environment
from harness.runner.interactive import Shells
from harness.runner.loops import Loop
from harness.runner.places import Places
from harness.runner.render import Renderer
from harness.runner.rules import RULES, Rules
from harness.runner.run import LifeCycle, Output, Result, Run, State, TaskRun, now
from harness.runner.scheduler import CANCELLED, latest_tasks, plan, roll_up
from harness.runner.service import Service
from harness.runner.standby import Standby
from harness.runner.work import Work, call_off

if TYPE_CHECKING:
    from harness.lake.engine import Engine

# Kernels at once. More would wait for the same few cores, each with 100 MB of its own.
KERNELS = 8
STOP_SECONDS = 5.0

CarryOut = Callable[[TaskRun, Callable[[], tuple[State, Output]]], tuple[State, Output]]


class Runner:
    """Runs the tasks of runs.

    Parameters: ``engine``; ``paths``: where workspace paths rest; ``directory``: logs of its processes;
    ``workspace_url``, ``workspace_id`` and ``token``: for what notebooks ask of the workspace; ``kernel_python``: their
    interpreter (empty: ours); ``changed``: called after each change of a run, from any thread; ``user``: who runs all;
    ``service``: what tasks ask of it; ``carry_out``: carries attempts out, or fails them; ``mlflow``: MLflow's runs;
    ``rules``: of kernels.
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
        workspace_id: str = "0",
        service: Service | None = None,
        carry_out: CarryOut = lambda task, execute: execute(),
        mlflow: Path | None = None,
        rules: Rules = RULES,
    ) -> None:
        self._changed = changed
        self._carrier = carry_out
        self._lock = threading.Lock()
        self._works: dict[int, Work] = {}
        self._threads: set[threading.Thread] = set()
        python = kernel_python or sys.executable
        self._standby = Standby(engine, Forks(directory, python, kernel_environment(directory, python)), rules.standby)
        self._renderer = Renderer(directory)
        self._places = Places(KERNELS)
        around, cache = notebook_environment(engine, mlflow), engine.config.cache
        self._around = Surroundings(paths, workspace_url, token, user, around, cache, workspace_id, rules)
        self._executor = Executor(engine, self._standby, self._around, self._places, service)
        self.debugging = self._executor.debugging
        self.shells = Shells(engine, self._around)
        engine.on_crash(self._engine_crashed)

    def start(self) -> None:
        """Start the fork server; returns at once."""
        self._standby.start()

    def submit(self, run: Run) -> None:
        """Begin a run; returns at once."""
        work = Work.of(run)
        with self._lock:
            self._works[run.run_id] = work
            for task in run.tasks:
                # A repaired run comes again, with new attempts beside those that have ended.
                if not task.state.ended:
                    task.state = State(LifeCycle.BLOCKED if task.depends_on else LifeCycle.PENDING)
            run.start_time = run.start_time or now()
            called_off = run.state.life_cycle is LifeCycle.TERMINATING
            run.state = State(LifeCycle.RUNNING)
        if called_off:
            self._end(work, State(LifeCycle.TERMINATED, Result.CANCELED, CANCELLED))
        self._advance(work)

    def cancel(self, run: Run, task: TaskRun | None = None) -> None:
        """End a run, or one task of it, as cancelled: kill its processes and Spark jobs. Returns at once."""
        verdict = State(LifeCycle.TERMINATED, Result.CANCELED, CANCELLED)
        with self._lock:
            work = self._works.get(run.run_id)
            coming = work is None and call_off(run, task, verdict)
        if coming:
            self._changed(run)
        if work is None:
            return
        if task is None:
            self._end(work, verdict)
        else:
            self._end_task(work, task if task.input else latest_tasks(run)[task.task_key], verdict)
            self._advance(work)

    def html(self, task: TaskRun) -> Path | None:
        """The page of a task's executed notebook, or None when it has none. Raises: ``RenderFailed``."""
        notebook = Path(task.directory) / "executed.ipynb"
        return self._renderer.html(notebook) if notebook.is_file() else None

    def stop(self) -> None:
        """Kill everything that runs. The runs' records stay as they are."""
        with self._lock:
            works, self._works, threads = list(self._works.values()), {}, list(self._threads)
        for work in works:
            work.end(State(LifeCycle.TERMINATED, Result.CANCELED, CANCELLED))
        self._places.wake()
        self._standby.stop()
        self._renderer.stop()
        deadline = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def status(self) -> dict[str, Any]:
        """Facts for people: runs and tasks under way, free places, the fork server."""
        with self._lock:
            tasks = sum(len(work.attempts) for work in self._works.values())
            facts = {"runs": len(self._works), "tasks": tasks, "free": self._places.free}
        return {**facts, "forks": self._standby.status()}

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
                    work.attempt(task)
                starting += decisions.start
            end = roll_up(run)
            if end is not None:
                del self._works[run.run_id]
                run.end_time = now()
                run.state = work.verdict or end
            for task in starting:
                name = f"task-{task.run_id}"
                attempt = work.attempts[task.run_id]
                thread = threading.Thread(target=self._run_task, args=(work, attempt), name=name, daemon=True)
                self._threads.add(thread)
                thread.start()
        self._changed(run)

    def _run_task(self, work: Work, attempt: Attempt) -> None:
        """The thread of one task."""
        attempt = self._carry_out(work, attempt)
        if work.overdue(attempt):
            self._end(work, timed_out(attempt))
        self._advance(work)
        with self._lock:
            self._threads.discard(threading.current_thread())

    def _carry_out(self, work: Work, attempt: Attempt) -> Attempt:
        """Make the attempts of a task, one after the other. Returns: the last one."""
        while True:
            state, output = self._try(work, attempt)
            again = self._finish(work, attempt, state, output)
            if again is None:
                return attempt
            self._changed(work.run)
            again.called_off.wait(int(attempt.task.spec.get("min_retry_interval_millis") or 0) / 1000)
            attempt = again

    def _loop(self, work: Work, attempt: Attempt) -> Loop:
        """The iterations of a ``for_each_task``, about to begin. Raises: ``CannotRun``, ``UnknownReference``."""
        task = attempt.task
        made = loops.iterations(task, loops.inputs(work.run, task, self._around.workspace))
        with self._lock:
            task.iterations = made

        def iterate(iteration: TaskRun) -> None:
            with self._lock:
                if iteration.state.ended:
                    return
                iteration.start_time = now()
                inner = work.attempt(iteration, attempt)
            self._carry_out(work, inner)
            self._changed(work.run)

        def end() -> None:
            with self._lock:
                tasks = [each for each in task.iterations if not each.state.ended]
            for each in tasks:
                self._end_task(work, each, attempt.verdict or timed_out(attempt))

        return Loop(task, iterate, end)

    def _try(self, work: Work, attempt: Attempt) -> tuple[State, Output]:
        try:
            started, loop = partial(self._started, work, attempt), partial(self._loop, work, attempt)
            return self._carrier(attempt.task, lambda: self._executor.execute(attempt, started, loop))
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
            work.attempts.pop(task.run_id, None)
            if task.state.ended:
                return None
            task.output, task.end_time = output, now()
            task.execution_duration = max(0, task.end_time - task.start_time - task.setup_duration)
            before, task.state = task.state, state
            return self._again(work, attempt) if work.retries(attempt, before) else None

    def _again(self, work: Work, attempt: Attempt) -> Attempt:
        task, run_id = attempt.task, loops.new_run_id()
        directory = str(Path(task.directory).parent / str(run_id))
        new = TaskRun(run_id, task.task_key, task.spec, directory, task.attempt + 1, start_time=now())
        new.state, new.index, new.input = State(LifeCycle.WAITING_FOR_RETRY), task.index, task.input
        (attempt.owner.task.iterations if attempt.owner else work.run.tasks).append(new)
        return work.attempt(new, attempt.owner)

    # ---- ends from outside -------------------------------------------------------------------------

    def _end(self, work: Work, verdict: State) -> None:
        """End a run as a whole."""
        with self._lock:
            if work.verdict is not None or work.run.state.ended:
                return
            work.verdict = verdict
            work.run.state = State(LifeCycle.TERMINATING)
            tasks = list(latest_tasks(work.run).values())
        for task in tasks:
            self._end_task(work, task, verdict)
        self._advance(work)

    def _end_task(self, work: Work, task: TaskRun, verdict: State) -> None:
        """End a task: at once when it has no process yet, else when that is dead."""
        with self._lock:
            if task.state.ended:
                return
            attempt = work.attempts.get(task.run_id)
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
        said = f"Spark ended unexpectedly. {reason.splitlines()[0]}"
        verdict = State(LifeCycle.INTERNAL_ERROR, Result.FAILED, said)
        for attempt in attempts:
            if attempt.attached:
                attempt.end(verdict, reason)
