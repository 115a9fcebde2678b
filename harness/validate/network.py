"""Connections that DAG files open while they are imported: noted, and refused."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from harness.validate.sources import Place

LOCAL = ("127.", "localhost", "::1", "0.0.0.0")


class NetworkAtImport(BaseException):
    """A DAG file asked for the network. Not an ``Exception``: clients would try again, with ever longer waits."""


@dataclass(frozen=True)
class Attempt:
    """One connection that was asked for, and where."""

    host: str
    place: Place | None


class Watch:
    """An audit hook, which Python cannot take back: one a process, idle but for :meth:`watching`."""

    def __init__(self) -> None:
        self._attempts: list[Attempt] | None = None
        self._where: Callable[[], Place | None] = lambda: None
        sys.addaudithook(self._audit)

    @contextlib.contextmanager
    def watching(self, where: Callable[[], Place | None]) -> Iterator[list[Attempt]]:
        """Note and refuse what leaves this machine. ``where`` says which line of the project asks."""
        self._attempts, self._where = [], where
        try:
            yield self._attempts
        finally:
            self._attempts = None

    def _audit(self, event: str, arguments: tuple[object, ...]) -> None:
        if self._attempts is None or not event.startswith("socket."):
            return
        if event == "socket.connect":
            address = arguments[1]
            host = str(address[0]) if isinstance(address, tuple) and address else ""
        elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
            name = arguments[0]
            host = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name or "")
        else:
            return
        if host and host != socket.gethostname() and not host.startswith(LOCAL):
            self._attempts.append(Attempt(host, self._where()))
            raise NetworkAtImport(f"a DAG file asked for {host} while it was imported")


@cache
def watch() -> Watch:
    """This process's hook."""
    return Watch()
