"""``breakpoint()`` in a notebook: pdb, spoken to over a Unix socket by the terminal that started the run.

The first line that we send says who stands there, as JSON; what follows is pdb's own talk.
"""

from __future__ import annotations

import json
import pdb
import socket
import sys
from types import FrameType
from typing import Any

from harness.kernel.spec import KernelSpec

# Frames that nobody wants to step into.
MACHINERY = ["IPython.*", "harness.*", "py4j.*", "pyspark.*", "traitlets.*"]
PASSED_OVER = "breakpoint() was passed over: no debugger is attached to this task."


class RemotePdb(pdb.Pdb):
    """pdb at the other end of a connection, which it closes once the program goes on without it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._stopped = connection, False
        # Apart: a file for both ways would lose what it has read ahead.
        self._reads, self._writes = connection.makefile("r"), connection.makefile("w")
        super().__init__(stdin=self._reads, stdout=self._writes, nosigint=True, readrc=False, skip=MACHINERY)

    def stop_here(self, frame: FrameType) -> bool:
        """Whether to stop in a frame. IPython runs each statement of a cell by itself: what it does between two, in
        modules of others too, is stepped over."""
        return bool(super().stop_here(frame)) and not _between_statements(frame)

    def user_call(self, frame: FrameType, argument_list: None) -> None:
        """At the call of a function. That of a statement of a cell says nothing: its line comes next."""
        if frame.f_code.co_name != "<module>":
            super().user_call(frame, argument_list)

    def user_return(self, frame: FrameType, return_value: Any) -> None:
        """At the return of a function. Of statements only ``breakpoint()`` itself has said nothing yet."""
        if frame.f_code.co_name != "<module>" or not self._stopped:
            super().user_return(frame, return_value)

    def interaction(self, *arguments: Any) -> None:
        """Ask for what to do."""
        self._stopped = True
        super().interaction(*arguments)

    def set_continue(self) -> None:
        super().set_continue()
        if not self.breaks:
            self._close()

    def set_quit(self) -> None:
        super().set_quit()
        self._close()

    def _close(self) -> None:
        self._writes.close()
        self._reads.close()
        self._connection.close()


def _between_statements(frame: FrameType | None) -> bool:
    while frame is not None:
        name = str(frame.f_globals.get("__name__"))
        if name in ("__main__", "harness.kernel.wheel"):
            return False
        if name.startswith(("IPython.", "harness.")):
            return True
        frame = frame.f_back
    return False


class Breakpoints:
    """What ``breakpoint()`` calls. Parameters: ``spec``: of the task; its ``debugger`` is the socket."""

    def __init__(self, spec: KernelSpec) -> None:
        self._spec = spec

    def __call__(self, *_: Any, **__: Any) -> None:
        """Stop at the caller's line, if there is a debugger; else say so and go on."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(self._spec.debugger)
        except OSError:
            connection.close()
            print(PASSED_OVER, file=sys.stderr)
            return
        who = {"task_run_id": self._spec.context.get("task_run_id", "0"), "path": self._spec.workspace_path}
        connection.sendall(json.dumps(who).encode() + b"\n")
        RemotePdb(connection).set_trace(sys._getframe(1))
