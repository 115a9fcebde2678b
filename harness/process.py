"""Child processes that cannot outlive their parent.

A child is given its configuration as one JSON line on standard input and keeps that pipe open: when the parent
goes, however it goes (return, Ctrl-C, ``kill -9``), the pipe closes and the child stops itself. Bound sockets are
handed over by file descriptor, so that no port is ever guessed, and readiness is one JSON line on a pipe, so that
nobody polls.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STOP_SECONDS = 10.0


class ProcessFailed(RuntimeError):
    """A child process did not start, or ended before it was ready. The message carries the end of its log."""


def bind(port: int = 0, host: str = "127.0.0.1") -> socket.socket:
    """Bind and listen on a loopback port.

    Parameters: ``port`` (0 = any free one), ``host``.
    Raises: ``ProcessFailed`` naming the port when it is taken.
    """
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(512)
    except OSError as error:
        sock.close()
        raise ProcessFailed(
            f"cannot listen on {host}:{port}: {error.strerror}. Choose another port, or 0 for any free one."
        ) from error
    sock.set_inheritable(True)
    return sock


class Child:
    """One child process of ours: started with a configuration, announced ready, stopped for certain.

    Parameters: ``name`` (for messages), ``module`` (run as ``python -m module``), ``config`` (JSON-able), ``sockets``
    (bound, handed over), ``log`` (file that takes its output), ``python`` (interpreter), ``env`` (whole environment).
    """

    def __init__(
        self,
        name: str,
        module: str,
        *,
        config: Mapping[str, Any],
        log: Path,
        sockets: Iterable[socket.socket] = (),
        python: str = sys.executable,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = log
        sockets = list(sockets)
        ready_read, ready_write = os.pipe()
        self._ready = ready_read
        self._stopping = threading.Lock()
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("ab") as out:
                self.log_start = out.tell()
                self.process = subprocess.Popen(
                    [python, "-m", module],
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=out,
                    pass_fds=[ready_write, *(s.fileno() for s in sockets)],
                    env=dict(env) if env is not None else None,
                    # Ctrl-C goes to us alone; we stop the children in order.
                    start_new_session=True,
                )
        except OSError:
            os.close(ready_read)
            raise
        finally:
            os.close(ready_write)
        line = {"config": dict(config), "ready_fd": ready_write, "socket_fds": [s.fileno() for s in sockets]}
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it died at once: wait_ready() says why
            self.process.stdin.write(json.dumps(line).encode() + b"\n")
            self.process.stdin.flush()

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self, timeout: float = 60.0) -> dict[str, Any]:
        """Wait until the child says it is ready.

        Returns: the facts it announced. Raises: ``ProcessFailed`` when it ended first or ``timeout`` seconds passed.
        """
        deadline = time.monotonic() + timeout
        received = b""
        while not received.endswith(b"\n"):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or not select.select([self._ready], [], [], remaining)[0]:
                self.stop()
                raise ProcessFailed(f"{self.name} was not ready after {timeout:g} s.\n{self._tail()}")
            chunk = os.read(self._ready, 65536)
            if not chunk:
                code = self.process.wait()
                raise ProcessFailed(f"{self.name} ended with code {code} before it was ready.\n{self._tail()}")
            received += chunk
        facts: dict[str, Any] = json.loads(received)
        return facts

    def stop(self, timeout: float = STOP_SECONDS) -> None:
        """Close the lifeline, wait, and kill the process group if ``timeout`` seconds were not enough."""
        with self._stopping:  # who notices the child's end, and who wants it, may come at the same time
            with contextlib.suppress(OSError):
                assert self.process.stdin is not None
                self.process.stdin.close()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                kill_group(self.process.pid)
                self.process.wait()
            if self._ready >= 0:
                os.close(self._ready)
                self._ready = -1

    def _tail(self) -> str:
        return f"Its log, {self.log}, ends with:\n{tail(self.log)}"


def tail(path: Path, characters: int = 3000) -> str:
    """The end of a text file, for an error message; empty when there is none."""
    try:
        return path.read_text(errors="replace")[-characters:].strip()
    except OSError:
        return ""


def kill_group(pid: int) -> None:
    """Kill a process and its group, if they still exist."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


@dataclass
class Lifeline:
    """The child's end: its configuration, its sockets, and the parent's presence."""

    config: dict[str, Any]
    sockets: list[socket.socket] = field(default_factory=list)
    _ready_fd: int = -1

    @classmethod
    def adopt(cls) -> Lifeline:
        """Read what the parent sent. To be called once, first thing in ``__main__``."""
        line = json.loads(_read_line(0))
        sockets = [socket.socket(fileno=fd) for fd in line["socket_fds"]]
        os.set_inheritable(line["ready_fd"], False)
        for sock in sockets:
            sock.set_inheritable(False)
        return cls(line["config"], sockets, line["ready_fd"])

    def ready(self, **facts: Any) -> None:
        """Tell the parent that we serve."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._ready_fd, json.dumps(facts).encode() + b"\n")
        os.close(self._ready_fd)

    def on_parent_gone(self, act: Callable[[], object]) -> None:
        """Call ``act`` from a thread once the parent is gone or has asked us to stop."""

        def watch() -> None:
            while os.read(0, 4096):
                pass
            act()

        threading.Thread(target=watch, name="lifeline", daemon=True).start()


def _read_line(fd: int) -> bytes:
    # Byte by byte: a buffered reader would keep what follows the line from the thread that watches for the end.
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(fd, 1)
        if not byte:
            raise SystemExit("no configuration on standard input: this module is started by the harness")
        line += byte
    return line
