"""What a module of checks offers, in `checks` at its foot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.validate.finding import Finding, Rule
from harness.validate.project import Project


@dataclass(frozen=True)
class Check:
    """A pass over the project, and the rules that it may find broken."""

    run: Callable[[Project], Iterator[Finding]]
    rules: tuple[Rule, ...]
