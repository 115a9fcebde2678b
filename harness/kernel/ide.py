"""A debugger with windows: debugpy listens in the task's process, which waits for one before its first line."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading

from harness.kernel import rest
from harness.kernel.spec import KernelSpec

HOST = "127.0.0.1"
LOOK_SECONDS = 1.0


def wait_for_debugger(spec: KernelSpec) -> None:
    """Wait until a debugger has attached at the port of a specification; the task's time does not run out meanwhile,
    nor while it stays. Where another task has the port this one goes on without, and its log says so.

    ``breakpoint()`` stops in that debugger from now on.
    """
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # it would warn of Python's own frozen modules
    _pause(spec, True)
    import debugpy

    debugpy.configure(python=sys.executable, subProcess=False)
    try:
        debugpy.listen((HOST, spec.debugpy))
    except RuntimeError as error:
        _pause(spec, False)
        print(f"This task goes on without a debugger: {HOST}:{spec.debugpy} is taken. {error}", file=sys.stderr)
        return
    _announce(spec)
    debugpy.wait_for_client()
    sys.breakpointhook = debugpy.breakpoint
    threading.Thread(target=_watch, args=(spec, debugpy.is_client_connected), name="debugger", daemon=True).start()


def _watch(spec: KernelSpec, attached: object) -> None:
    """Let the task's time go on once the debugger is gone, of which debugpy does not tell."""
    assert callable(attached)
    never = threading.Event()
    while attached():
        never.wait(LOOK_SECONDS)
    _pause(spec, False)


def _pause(spec: KernelSpec, paused: bool) -> None:
    task = {"task_run_id": int(spec.context.get("task_run_id", 0)), "paused": paused}
    with contextlib.suppress(OSError, rest.Refused):
        rest.request(spec, "POST", "debugger/pause", task, prefix="_harness")


def _announce(spec: KernelSpec) -> None:
    """Tell the terminal that started the run, if there is one, that a debugger may attach."""
    who = {"task_run_id": spec.context.get("task_run_id", "0"), "path": spec.workspace_path, "port": spec.debugpy}
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as front:
        front.connect(spec.debugger)
        front.sendall(json.dumps(who).encode() + b"\n")
