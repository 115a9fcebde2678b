"""Faults on demand: which call is hit, how often, and how often it was. What a hit does is decided where it happens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

WHEN = ("before", "after")


class BadFault(ValueError):
    """A fault that means nothing, and why."""


@dataclass
class Fault:
    """One fault. ``spec``: as it was given; ``nth``: the first of the calls it is about that is hit, from 1; ``times``:
    how many are hit, -1 is without end; ``seen``, ``hits``: how many of them there were, and were hit."""

    id: int
    spec: dict[str, Any]
    nth: int
    times: int
    seen: int = 0
    hits: int = 0

    @property
    def after(self) -> bool:
        """Whether the call does its work, and only its answer is lost."""
        return self.spec.get("when") == "after"

    def document(self) -> dict[str, Any]:
        return {**self.spec, "id": self.id, "seen": self.seen, "hits": self.hits}


class Faults:
    """The faults of one service, in the order in which they were made; any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._next = 1

    def add(self, spec: dict[str, Any]) -> Fault:
        """Make a fault. Raises: ``BadFault`` when ``nth``, ``times`` or ``when`` is none."""
        nth, times = spec.get("nth", 1), spec.get("times", 1)
        if type(nth) is not int or nth < 1:
            raise BadFault("Expected nth to be an integer, 1 or more.")
        if type(times) is not int or (times < 1 and times != -1):
            raise BadFault("Expected times to be an integer, 1 or more, or -1 for without end.")
        if spec.get("when", "before") not in WHEN:
            raise BadFault(f"Expected when to be one of {', '.join(WHEN)}.")
        with self._lock:
            fault = Fault(self._next, spec, nth, times)
            self._next += 1
            self._faults.append(fault)
            return fault

    def hit(self, about: Callable[[dict[str, Any]], bool]) -> Fault | None:
        """Count a call, and find the fault that hits it. ``about``: whether a fault is about this call."""
        found = None
        with self._lock:
            for fault in self._faults:
                if not about(fault.spec):
                    continue
                fault.seen += 1
                if found is None and fault.seen >= fault.nth and (fault.times < 0 or fault.hits < fault.times):
                    fault.hits += 1
                    found = fault
        return found

    def holds(self, fault: Fault) -> bool:
        """Whether a fault has not been taken back."""
        return any(kept is fault for kept in self._faults)

    def documents(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.document() for fault in self._faults]

    def clear(self) -> None:
        """Take every fault back."""
        with self._lock:
            self._faults = []
