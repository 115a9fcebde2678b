"""The processes of tasks, and those that stand by: forked and attached to Spark ahead of the task that will claim them.

Each has a slot of its own in Spark. It knows nothing of a task until one claims it, serves that one, and ends with it.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError

from harness.kernel.spec import Gateway
from harness.lake.engine import EngineFailed
from harness.runner.channel import ChannelClosed
from harness.runner.forks import Fork, Forks

if TYPE_CHECKING:
    from harness.lake.engine import Engine

log = logging.getLogger(__name__)

# How long the first of them wait for Spark's warm-up: they would only be in its way.
WARM_SECONDS = 30.0


@dataclass(frozen=True)
class Kernel:
    """A slot in Spark, and the process that is attached to it, if there is one yet. ``catalogs``: which catalogs its
    session knows (``Engine.catalogs_changed``)."""

    gateway: Gateway
    fork: Fork | None = None
    catalogs: int = 0


class Standby:
    """Keeps some kernels ready. Parameters: ``number`` of them; 0: none, and every task's process is forked anew."""

    def __init__(self, engine: Engine, forks: Forks, number: int) -> None:
        self._engine = engine
        self._forks = forks
        self._number = number
        self._ready: deque[Kernel] = deque()
        self._changed = threading.Condition()
        self._failed = False
        self._stopped = False
        engine.on_crash(lambda reason: self._clear())

    def start(self) -> None:
        """Start the fork server, and make kernels once Spark has nothing more urgent to do; returns at once."""
        self._forks.start()
        if self._number:
            threading.Thread(target=self._serve, name="standby", daemon=True).start()

    def wait_full(self, seconds: float) -> bool:
        """Wait until all kernels stand by that are to. For measurements and tests; nobody needs to."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._ready) >= self._number, seconds)

    def obtain(self, tag: str, user: str = "") -> Kernel:
        """A kernel that stands by, or a slot for one, with this tag. Raises: ``EngineFailed``.

        Parameters: ``user``: who its session acts as, if not the workspace's own; no kernel stands by for others.
        """
        while not user and (kernel := self._take()) is not None:
            if self._usable(kernel):
                return kernel
            self.drop(kernel)
        slot = self._engine.open_slot(tag, user)
        return Kernel(Gateway(slot.port, slot.secret, slot.tag))

    def begin(self, kernel: Kernel, directory: Path, cwd: Path) -> Fork:
        """Give a kernel the task whose specification is in a directory. Returns: its process. Raises:
        ``ChannelClosed``."""
        spec, logged = directory / "spec.json", directory / "log.txt"
        if kernel.fork is None:
            return self._forks.fork(spec, cwd, logged)
        self._forks.claim(kernel.fork, spec, cwd, logged)
        return kernel.fork

    def stop(self) -> None:
        """End the processes of all tasks, and those that stand by."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._clear()
        self._forks.stop()

    def status(self) -> dict[str, Any]:
        """What runs: the fork server's process id, how many tasks it holds, and how many kernels stand by."""
        facts, waiting = self._forks.status(), len(self._ready)
        return {**facts, "tasks": max(0, facts["tasks"] - waiting), "standby": waiting}

    def _take(self) -> Kernel | None:
        with self._changed:
            self._failed = False
            self._changed.notify_all()
            return self._ready.popleft() if self._ready else None

    def _usable(self, kernel: Kernel) -> bool:
        """Whether it lives, in the JVM of now, and its session, which lists catalogs as they were, is as a new one."""
        alive = kernel.fork is not None and not kernel.fork.ended.is_set()
        current = kernel.catalogs == self._engine.catalogs_changed
        return alive and current and not self._engine.has_lost(kernel.gateway.tag)

    def _clear(self) -> None:
        while (kernel := self._take()) is not None:
            self.drop(kernel)

    def drop(self, kernel: Kernel) -> None:
        """Let go of a kernel that no task will have: its process would wait for one for ever."""
        if kernel.fork is not None:
            kernel.fork.kill()
        self._engine.close_slot(kernel.gateway.tag)

    def _serve(self) -> None:
        with contextlib.suppress(EngineFailed):
            self._engine.wait_warm(WARM_SECONDS)
        while self._called_for():
            try:
                kernel = self._made()
            except (EngineFailed, ChannelClosed, Py4JError, OSError) as error:
                log.warning("No kernel stands by: %s", error)
                self._failed = True
                continue
            with self._changed:
                self._ready.append(kernel)
                self._changed.notify_all()
            if self._stopped:
                self._clear()

    def _called_for(self) -> bool:
        """Wait until there are too few. After one that failed, the next task asks anew. Returns: False at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or (not self._failed and len(self._ready) < self._number))
            return not self._stopped

    def _made(self) -> Kernel:
        """A kernel whose process has begun to attach itself."""
        tag, catalogs = f"standby-{secrets.token_hex(8)}", self._engine.catalogs_changed
        slot = self._engine.open_slot(tag)
        gateway = Gateway(slot.port, slot.secret, slot.tag)
        try:
            return Kernel(gateway, self._forks.prepare(gateway), catalogs)
        except BaseException:
            self._engine.close_slot(tag)
            raise
