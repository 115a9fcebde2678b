"""The fork server: imports what notebooks need once, then forks one process per task in milliseconds.

It has one thread and no connection to Spark, since neither survives a fork. One socket leads to the runner:

    → {"id": 7, "task": {"spec": "/…/spec.json", "cwd": "/…", "log": "/…/log.txt"}}     ← {"id": 7, "pid": 4711}
    → {"id": 7, "kill": true}                                                             ← {"id": 7, "code": -9}

With ``gateway`` instead of ``task`` a child attaches to Spark and waits; its task comes as a ``claim``.

Each child leads a process group; the whole group is killed when the child has ended or is to end, and on Linux also
what left the group: a daemon becomes the child's own child (it is a "subreaper"), then ours. So nothing that a notebook
started outlives its task. Children die with the server, the server with the runner.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from harness.process import Lifeline, kill_group

# Measured (engine.md §3, §4): with these imported a task's first cell runs 30 ms after the request. Some of them
# pyspark and pyarrow import on first use only (pyspark.testing, encodings.idna, …).
PRELOAD = (
    "IPython.core.logger", "bdb", "concurrent.futures.thread", "delta.tables", "encodings.idna", "encodings.utf_8_sig",
    "pandas", "py4j.clientserver", "pyarrow", "pyarrow.pandas_compat", "pyarrow.vendored.version",
    "pyspark.accumulators", "pyspark.sql", "pyspark.sql.classic.dataframe", "pyspark.sql.functions",
    "pyspark.sql.pandas.conversion", "pyspark.sql.streaming", "pyspark.sql.types", "pyspark.sql.window",
    "pyspark.testing.utils", "urllib.request",
)  # fmt: skip
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Serve forks until the parent is gone."""
    lifeline = Lifeline.adopt()
    for module in PRELOAD:
        importlib.import_module(module)
    from harness.kernel.shell import Shell
    from harness.kernel.task import run_task  # noqa: F401  (imported here so that every fork has it)

    shell = Shell()
    if threading.active_count() != 1:
        raise RuntimeError(f"a fork server must have one thread, not {threading.enumerate()}")
    gc.collect()
    gc.freeze()
    server = ForkServer(lifeline.sockets[0], shell)
    lifeline.ready(pid=os.getpid())
    server.serve()


class ForkServer:
    """The loop around one connected socket."""

    def __init__(self, runner: socket.socket, shell: Any) -> None:
        self._runner = runner
        self._shell = shell
        self._pid = os.getpid()
        self._children: dict[int, int] = {}
        self._received = b""
        self._waiting: dict[int, int] = {}
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        self._own = Path(f"/proc/self/task/{self._pid}/children")
        self._adopts = self._libc is not None and self._own.exists()
        self._adopt()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)

    def serve(self) -> None:
        """Answer requests and report ended children until the runner's socket or the lifeline closes."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        try:
            while self._turn():
                pass
        finally:
            for pid in self._children:
                _kill(pid)
            with contextlib.suppress(ChildProcessError):
                while True:
                    self._kill_orphans()
                    os.waitpid(-1, 0)

    def _turn(self) -> bool:
        runner = self._runner.fileno()
        readable, _, _ = select.select([runner, self._wake_read, 0], [], [])
        if 0 in readable and not os.read(0, 4096):
            return False
        if self._wake_read in readable:
            os.read(self._wake_read, 4096)
            self._reap()
        if runner in readable:
            data = self._runner.recv(65536)
            if not data:
                return False
            *lines, self._received = (self._received + data).split(b"\n")
            for line in lines:
                self._answer(json.loads(line))
        return True

    def _answer(self, request: dict[str, Any]) -> None:
        if "kill" in request:
            for pid, number in self._children.items():
                if number == request["id"]:
                    _kill(pid)
            return
        number = request["id"]
        if "claim" in request:
            if number in self._waiting:  # else it has ended, which the runner has been told
                place = self._waiting.pop(number)
                with contextlib.suppress(BrokenPipeError):
                    os.write(place, json.dumps(request["claim"]).encode() + b"\n")
                os.close(place)
            return
        read, write = os.pipe() if "gateway" in request else (-1, -1)
        pid = os.fork()
        if pid == 0:
            if write >= 0:
                os.close(write)
            self._become(request, read)
        if read >= 0:
            os.close(read)
            self._waiting[number] = write
        self._children[pid] = number
        self._send({"id": request["id"], "pid": pid})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid not in self._children:
                self._kill_orphans()  # what it had started is ours now
                continue
            number = self._children.pop(pid)
            if number in self._waiting:
                os.close(self._waiting.pop(number))
            kill_group(pid)  # what the task left running in the background
            self._kill_orphans()
            self._send({"id": number, "code": os.waitstatus_to_exitcode(status)})

    def _adopt(self) -> None:
        """Become the parent of what loses its own below this process."""
        if self._libc is not None and self._adopts:
            self._libc.prctl(PR_SET_CHILD_SUBREAPER, 1)

    def _kill_orphans(self) -> None:
        """Kill what tasks that have ended left behind; what it leaves is ours next, and is killed when it comes."""
        for pid in map(int, self._own.read_text().split()) if self._adopts else ():
            if pid not in self._children:
                with contextlib.suppress(PermissionError):  # what another user runs: sudo
                    _kill(pid)

    def _send(self, document: dict[str, Any]) -> None:
        self._runner.sendall(json.dumps(document).encode() + b"\n")

    def _become(self, request: dict[str, Any], waits: int) -> None:
        """In the child: become the process of one task; never returns. ``waits``: where it is told which."""
        code = 1
        try:
            self._leave_server()
            task = importlib.import_module("harness.kernel.task")
            spark = task.stand_by(**request["gateway"]) if "gateway" in request else None
            told = request["task"] if spark is None else _told(waits)
            os.chdir(told["cwd"])
            _redirect(told["log"])
            task.run_task(self._shell, Path(told["spec"]), spark)
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
        finally:
            # Not sys.exit: the server's own clean-up must not run here, and threads left behind must not hold us up.
            os._exit(code)

    def _leave_server(self) -> None:
        os.setsid()
        if self._libc is not None:
            self._libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            self._adopt()
            if os.getppid() != self._pid:
                os._exit(1)  # it died before it could take us along
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._runner.close()
        for other in self._waiting.values():
            os.close(other)
        os.close(self._wake_read)
        os.close(self._wake_write)


def _told(place: int) -> dict[str, Any]:
    with open(place) as told:
        line = told.readline()
    if not line:
        os._exit(0)  # nobody needs us any more
    task: dict[str, Any] = json.loads(line)
    return task


def _kill(child: int) -> None:
    """Kill a child that was not waited for yet. One just forked does not lead its group, and has started nothing."""
    os.kill(child, signal.SIGKILL)
    kill_group(child)


def _redirect(log: str) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)
