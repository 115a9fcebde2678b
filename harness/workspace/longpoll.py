"""Waiting for a record to change, instead of letting clients sleep between polls.

Runner threads notify, handlers on the event loop wait; nobody polls. What may be held, and for whom, is decided by the
handlers (runs.py); the clients' own limit is 180 s per request (wire.md §1.8).
"""

from __future__ import annotations

import asyncio
import math
from collections import defaultdict
from collections.abc import Callable, Hashable


class Signal:
    """Wakes those who wait for a key. ``notify`` may be called from any thread, ``wait`` from the opening loop.

    ``patience``: the most seconds that polls are held, for tests that want their clients to see them pending.
    """

    def __init__(self) -> None:
        self.patience = math.inf
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: dict[Hashable, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False

    def open(self) -> None:
        """Take the running loop as the one to wait on."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Let everyone go, now and from now on."""
        self._closed = True
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake_all)

    def notify(self, key: Hashable) -> None:
        """Wake those who wait for ``key``. The change must be visible before the call."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake, key)

    def awaited(self, key: Hashable) -> bool:
        """Whether somebody is waiting for ``key`` now."""
        return key in self._waiting

    async def wait(self, key: Hashable, until: Callable[[], bool], seconds: float) -> bool:
        """Wait until ``until()`` holds, looking again at each notification of ``key``.

        Returns: whether it holds; ``False`` after ``seconds``, or when the workspace stops.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while not until():
            remaining = deadline - loop.time()
            if remaining <= 0 or self._closed:
                return False
            # No await between the look above and the registration: a notification in between runs after it.
            waiter = loop.create_future()
            self._waiting[key].add(waiter)
            try:
                await asyncio.wait([waiter], timeout=remaining)
            finally:
                self._waiting[key].discard(waiter)
                if not self._waiting[key]:
                    del self._waiting[key]
        return True

    def _wake(self, key: Hashable) -> None:
        for waiter in self._waiting.get(key, ()):
            if not waiter.done():
                waiter.set_result(None)

    def _wake_all(self) -> None:
        for key in list(self._waiting):
            self._wake(key)
