"""A run under way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from harness.runner.attempts import Attempt
from harness.runner.run import LifeCycle, Run, State, TaskRun, now
from harness.runner.scheduler import may_retry


@dataclass
class Work:
    """A run under way. ``attempts``: by task run. ``verdict``: how it is to end, when it is ended as a whole."""

    run: Run
    deadline: float | None
    attempts: dict[int, Attempt] = field(default_factory=dict)
    verdict: State | None = None

    @classmethod
    def of(cls, run: Run) -> Work:
        """A run that begins now, with the time that it is given."""
        seconds = int(run.settings.get("timeout_seconds") or 0)
        return cls(run, time.monotonic() + seconds if seconds else None)

    def end(self, verdict: State) -> None:
        """Have all that it does end, as was decided before, or like this."""
        self.verdict = self.verdict or verdict
        for attempt in list(self.attempts.values()):
            attempt.end(self.verdict)

    def attempt(self, task: TaskRun, owner: Attempt | None = None) -> Attempt:
        """Begin an attempt, with the time that its task, and the run, leave to it."""
        seconds = int(task.spec.get("timeout_seconds") or 0)
        deadlines = [time.monotonic() + seconds] if seconds else []
        deadlines += [self.deadline] if self.deadline is not None else []
        made = self.attempts[task.run_id] = Attempt(self.run, task, min(deadlines, default=None), owner=owner)
        return made

    def overdue(self, attempt: Attempt) -> bool:
        """Whether the run's own time is up, as one of its attempts counts it."""
        return self.deadline is not None and time.monotonic() >= self.deadline + attempt.paused

    def retries(self, attempt: Attempt, before: State) -> bool:
        """Whether a task gets another attempt after one that has just ended. ``before``: the state it was in.

        An attempt that its own time or Spark's death ended is tried again as any other; not so what somebody ended, nor
        what ends with its loop or its run.
        """
        called_off = before.life_cycle is LifeCycle.TERMINATING or (attempt.owner and attempt.owner.decided())
        if called_off or self.verdict is not None or self.overdue(attempt):
            return False
        return may_retry(attempt.task)


def call_off(run: Run, task: TaskRun | None, verdict: State) -> bool:
    """End a run, or one task of it, that is on its way to the runner, while its files come from Git: none will start.

    Returns: whether it is on its way.
    """
    if run.state.life_cycle not in (LifeCycle.PENDING, LifeCycle.TERMINATING):
        return False
    if task is None:
        run.state = State(LifeCycle.TERMINATING)
    elif not task.state.ended:
        task.end_time, task.state = now(), verdict
    return True
