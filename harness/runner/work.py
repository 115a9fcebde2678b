"""A run under way."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from harness.runner.attempts import Attempt
from harness.runner.run import Run, State


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
