"""What crosses from checks to reports: a finding, and the rule that it breaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One defect. ``path`` is relative to the project, ``line`` and ``column`` count from 1."""

    path: str
    line: int
    column: int
    rule: str
    message: str
    hint: str = ""

    def document(self) -> dict[str, object]:
        """The finding as JSON has it."""
        return {
            "rule": self.rule,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "message": self.message,
            **({"hint": self.hint} if self.hint else {}),
        }


@dataclass(frozen=True)
class Rule:
    """What may be broken. ``summary``: one sentence that says what is wrong and what comes of it."""

    name: str
    summary: str
