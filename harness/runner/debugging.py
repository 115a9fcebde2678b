"""Tasks that stand at a breakpoint: where they find a debugger, and that their time does not run out meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.kernel.spec import KernelSpec
    from harness.runner.attempts import Attempt


class Debugging:
    """The attempts that have a process, by their task run's id. ``socket``: where a front process waits for
    breakpoints (harness/debugging.py); empty when none does. ``coverage``: settings of a front process that wants to
    know which lines tasks execute (harness/notebookcoverage.py). ``port``: at which tasks wait for a debugger
    (kernel/ide.py); 0: they do not."""

    def __init__(self) -> None:
        self.socket = ""
        self.coverage: dict[str, Any] = {}
        self.port = 0
        self._attempts: dict[int, Attempt] = {}

    def told(self, spec: KernelSpec) -> KernelSpec:
        """What a kernel is told beside its task."""
        return replace(spec, debugger=self.socket, coverage=self.coverage, debugpy=self.port)

    def begin(self, attempt: Attempt) -> None:
        self._attempts[attempt.task.run_id] = attempt

    def end(self, attempt: Attempt) -> None:
        self._attempts.pop(attempt.task.run_id, None)

    def pause(self, task_run_id: int, paused: bool) -> None:
        """Stop the clock of a task, and of the loop it is in, or let it go on. One that has ended is left alone."""
        attempt = self._attempts.get(task_run_id)
        while attempt is not None:
            attempt.pause(paused)
            attempt = attempt.owner
