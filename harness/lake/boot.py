"""One life of the JVM: how far it has come, and how long each part of its start took."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from harness.lake.archive import Archive
from harness.lake.gateway import Jvm
from harness.lake.java import Java


@dataclass
class Boot:
    """One life of the JVM. ``done``: it can be used, or ``error`` says why not; ``process`` is there before ``jvm``.
    ``warm``: its warm-up has succeeded; ``tried``: or has failed."""

    done: threading.Event = field(default_factory=threading.Event)
    warm: threading.Event = field(default_factory=threading.Event)
    tried: threading.Event = field(default_factory=threading.Event)
    error: str = ""
    java: Java | None = None
    process: subprocess.Popen[bytes] | None = None
    jvm: Jvm | None = None
    root: Any = None
    slots: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)
    archive: Archive | None = None
    archive_used: bool = False


class Clock:
    """Takes the time of the parts of a start, in seconds, into ``timings``."""

    def __init__(self, timings: dict[str, float]) -> None:
        self.timings = timings
        self.last = time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self.timings[name] = round(now - self.last, 3)
        self.last = now
