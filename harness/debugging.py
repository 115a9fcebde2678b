"""Breakpoints of notebooks on this terminal: what stands at one is spoken to here, and its time does not run out.

One at a time: a second notebook that stops waits until the first goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from harness.control import StackFailed, api
from harness.dagrun.connections import Endpoints

# After one of these pdb waits for a line.
PROMPTS = (b"(Pdb) ", b"(com) ", b">>> ", b"... ")


class Debugger:
    """Takes the breakpoints of the tasks that a stack starts, as a context manager.

    Parameters: ``endpoints``; ``reads``, ``writes``: file descriptors of the terminal; ``alone``: makes what keeps
    others from writing to it meanwhile.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        reads: int = 0,
        writes: int = 1,
        alone: Callable[[], AbstractContextManager[Any]] = contextlib.nullcontext,
    ) -> None:
        self._endpoints = endpoints
        self._reads, self._writes = reads, writes
        self._alone = alone
        self._typed = b""
        self._turn = threading.Lock()
        self._folder = Path(tempfile.mkdtemp(prefix="harness-debug-"))  # ours alone
        self._listens = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Debugger:
        place = self._folder / "socket"
        self._listens.bind(str(place))
        self._listens.listen()
        threading.Thread(target=self._serve, name="debugger", daemon=True).start()
        api(self._endpoints, "POST", "_harness/debugger", {"socket": str(place)})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(StackFailed):  # the stack may be gone
            api(self._endpoints, "POST", "_harness/debugger", {"socket": ""})
        with contextlib.suppress(OSError):
            self._listens.shutdown(socket.SHUT_RDWR)
        self._listens.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listens.accept()
                threading.Thread(target=self._meet, args=(connection,), daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, StackFailed):
            received = b""
            while b"\n" not in received:
                received += connection.recv(4096) or b"\n"
            first, _, rest = received.partition(b"\n")
            who = json.loads(first)
            if "port" in who:
                self._write(f"\n{who['path']} waits for a debugger at 127.0.0.1:{who['port']}\n".encode())
                return
            self._pause(who, True)
            try:
                with self._turn, self._alone():
                    self._write(f"\n{who['path']} stands at a breakpoint:\n".encode())
                    self._talk(connection, rest)
            finally:
                self._pause(who, False)

    def _talk(self, connection: socket.socket, said: bytes) -> None:
        """Carry what pdb says to the terminal, and a line back each time it asks for one."""
        self._write(said)
        while True:
            asks = said.endswith(PROMPTS)
            if asks and b"\n" in self._typed:
                line, _, self._typed = self._typed.partition(b"\n")
                connection.sendall(line + b"\n")
                said = b""
                continue
            heeded = [connection.fileno(), *([self._reads] if asks else [])]
            ready, _, _ = select.select(heeded, [], [])
            if heeded[0] in ready:
                heard = connection.recv(65536)
                if not heard:
                    return
                said = (said + heard)[-64:]
                self._write(heard)
            elif not (typed := os.read(self._reads, 65536)):
                connection.shutdown(socket.SHUT_WR)  # nobody is there any more: pdb quits
                said = b""
            else:
                self._typed += typed

    def _write(self, text: bytes) -> None:
        while text:
            text = text[os.write(self._writes, text) :]

    def _pause(self, who: dict[str, Any], paused: bool) -> None:
        body = {"task_run_id": int(who["task_run_id"]), "paused": paused}
        api(self._endpoints, "POST", "_harness/debugger/pause", body)
