"""``for_each_task``: one task for each element of an array, some of them at once, each as a task run of its own.

Source: docs.databricks.com, "Use a For each task to run another task in a loop", and databricks-sdk, ``ForEachTask``.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.runner.references import context_of, resolve
from harness.runner.run import LifeCycle, Output, Result, Run, State, TaskRun
from harness.runner.taskkinds import CannotRun

GOOD = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES})


def inputs(run: Run, task: TaskRun, workspace: Mapping[str, str]) -> list[Any]:
    """The array that a task goes through. Raises: ``CannotRun`` when it is none; ``UnknownReference``."""
    text = resolve(task.spec["for_each_task"]["inputs"], context_of(run, task, workspace))
    try:
        elements = json.loads(text)
    except (ValueError, RecursionError):
        elements = None
    if not isinstance(elements, list):
        raise CannotRun(f"The inputs of task {task.task_key} are not a JSON array: {text[:200]}")
    return elements


def iterations(task: TaskRun, elements: list[Any]) -> list[TaskRun]:
    """A task run for each element, none of them begun."""
    spec = task.spec["for_each_task"]["task"]
    made = []
    for index, element in enumerate(elements):
        run_id = new_run_id()
        directory = str(Path(task.directory).parent / str(run_id))
        made.append(TaskRun(run_id, spec["task_key"], spec, directory, index=index, input=[element]))
    return made


def new_run_id() -> int:
    """An id for a task run that the workspace did not number: as long as the service's, and none of the workspace's."""
    return secrets.randbelow(10**15 - 10**12) + 10**12


def latest_iterations(task: TaskRun) -> list[TaskRun]:
    """The last attempt of each iteration, in the order of the array."""
    return list({each.index: each for each in sorted(task.iterations, key=lambda e: (e.index, e.attempt))}.values())


@dataclass
class Loop:
    """The iterations of a task under way: to its attempt what a process is to others.

    Parameters: ``iterate``: carries one out, in the thread that calls it; ``end``: ends all that have not ended.
    """

    task: TaskRun
    iterate: Callable[[TaskRun], None]
    end: Callable[[], None]
    _threads: list[threading.Thread] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Begin, with as many iterations at once as ``concurrency`` says; by default one."""
        waiting = iter(list(self.task.iterations))
        lock = threading.Lock()

        def work() -> None:
            while True:
                with lock:
                    task = next(waiting, None)
                if task is None:
                    return
                self.iterate(task)

        def all_of_them() -> None:
            for thread in self._threads:
                thread.start()
            for thread in self._threads:
                thread.join()
            self._ended.set()

        workers = min(int(self.task.spec["for_each_task"].get("concurrency") or 1), len(self.task.iterations))
        name = f"loop-{self.task.run_id}"
        self._threads = [threading.Thread(target=work, name=f"{name}-{at}", daemon=True) for at in range(workers)]
        threading.Thread(target=all_of_them, name=name, daemon=True).start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the last iteration's end. Returns: False when ``timeout`` seconds passed first."""
        return self._ended.wait(timeout)

    def kill(self) -> None:
        """End the iterations; :meth:`wait` tells when they have."""
        self.end()

    def outcome(self) -> tuple[State, Output]:
        """How the task ends whose iterations have: failed, when any of them did not succeed."""
        latest = latest_iterations(self.task)
        failed = [each for each in latest if each.state.result not in GOOD]
        if not failed:
            return State(LifeCycle.TERMINATED, Result.SUCCESS), Output()
        message = f"{len(failed)} of {len(latest)} iterations failed."
        first = failed[0]
        why = first.output.error or first.state.message
        return State(LifeCycle.TERMINATED, Result.FAILED, message), Output(
            error=f"{message} The first: iteration {first.index} with input {json.dumps(first.input[0])}: {why}",
            error_trace=first.output.error_trace,
            place=first.output.place,
        )
