"""A run under way."""

from __future__ import annotations

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
