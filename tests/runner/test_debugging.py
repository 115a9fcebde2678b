"""The clock of a task that stands at a breakpoint."""

from __future__ import annotations

import time
from typing import Any, cast

from harness.runner.attempts import Attempt
from harness.runner.debugging import Debugging
from harness.runner.run import Run, TaskRun


class Process:
    """Ends at the third look. Notes how long each would have waited."""

    def __init__(self) -> None:
        self.looks: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.looks.append(timeout)
        return len(self.looks) == 3


def attempt(owner: Attempt | None = None) -> Attempt:
    task = TaskRun(2, "t", {"task_key": "t"}, "/runs/2")
    # Its time is up already.
    return Attempt(Run(1, 7, "job", {"tasks": []}, [task]), task, time.monotonic() - 60, owner=owner)


def test_the_time_of_a_task_does_not_run_out_at_a_breakpoint_nor_that_of_its_loop() -> None:
    debugging, loop = Debugging(), attempt()
    task, process = attempt(loop), Process()
    debugging.begin(task)
    debugging.pause(2, True)
    assert (task.remaining(), loop.remaining()) == (None, None)
    assert task.wait(cast(Any, process))
    debugging.pause(2, False)
    assert (task.remaining(), loop.remaining()) == (0.0, 0.0)
    assert task.paused > 0
    assert not task.wait(cast(Any, Process()))
    debugging.end(task)
    debugging.pause(2, True)
    assert task.remaining() == 0.0
