"""A child process with one socket to it, on which both sides send JSON lines: the fork server, the renderer."""

from __future__ import annotations

import contextlib
import json
import select
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.process import Child, Lifeline, ProcessFailed

READY_SECONDS = 120.0


class ChannelClosed(Exception):
    """The process at the other end has ended, or could not be started. The message says which, and why."""


class Channel:
    """Our end.

    Parameters: ``name`` (for messages), ``module`` (``python -m``), ``log``, ``take``: called with each line received,
    in a thread of its own; ``lost``: called once, after the last line, when the process has ended or was stopped.
    """

    def __init__(
        self,
        name: str,
        module: str,
        *,
        log: Path,
        take: Callable[[dict[str, Any]], None],
        lost: Callable[[], None],
        python: str = sys.executable,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.worked = False
        self._failure = ""
        self._take = take
        self._lost = lost
        self._open = True
        self._sending = threading.Lock()
        self._readying = threading.Lock()
        self._socket, theirs = socket.socketpair()
        try:
            self._child = Child(name, module, config={}, log=log, sockets=[theirs], python=python, env=env)
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        self._reader = threading.Thread(target=self._read, name=f"channel-{self._child.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    def wait_ready(self) -> None:
        """Wait until the process serves. Raises: ``ChannelClosed`` with the end of its log when it does not."""
        with self._readying:
            if self.worked:
                return
            if self._failure:  # whoever waited first was told; its end is read only once
                raise ChannelClosed(self._failure)
            try:
                self._child.wait_ready(READY_SECONDS)
            except ProcessFailed as error:
                self._failure = str(error)
                self._child.stop()
                raise ChannelClosed(self._failure) from error
            self.worked = True

    def send(self, document: Mapping[str, Any]) -> None:
        """Raises: ``ChannelClosed``."""
        try:
            with self._sending:
                if not self._open:
                    raise BrokenPipeError
                self._socket.sendall(json.dumps(document).encode() + b"\n")
        except OSError as error:
            raise ChannelClosed(f"{self.name} ended unexpectedly.") from error

    def stop(self) -> None:
        """End the process and wait for it."""
        self._child.stop()
        if threading.current_thread() is not self._reader:
            self._reader.join()

    def _read(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                self._take(json.loads(line))
        with self._sending:
            self._open = False
            self._socket.close()
        if self.worked:
            self._child.stop()
        self._lost()


def requests(lifeline: Lifeline) -> Iterator[dict[str, Any]]:
    """The child's end: the lines that arrive, until the parent is gone."""
    (sock,) = lifeline.sockets
    received = b""
    while True:
        readable, _, _ = select.select([sock.fileno(), 0], [], [])
        data = sock.recv(65536) if sock.fileno() in readable else b""
        if not data:
            return
        *lines, received = (received + data).split(b"\n")
        for line in lines:
            yield json.loads(line)
