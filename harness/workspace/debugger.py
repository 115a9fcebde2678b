"""Where the breakpoints of notebooks lead: ``/_harness/debugger``. It survives a reset: it is no record."""

from __future__ import annotations

from starlette.routing import Route

from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint


def attach(call: Call) -> Document:
    """Have the tasks that start from now on look for a debugger at a Unix socket; an empty one ends that."""
    socket = call.text("socket")
    if socket and not socket.startswith("/"):
        raise InvalidParameter("Expected socket to be an absolute path.")
    call.workspace.runner.debugging.socket = socket
    return {}


def listen(call: Call) -> Document:
    """Have the tasks that start from now on wait for a debugger at ``port`` of this machine; 0: none.

    Returns: the ``port`` so far.
    """
    debugging, port = call.workspace.runner.debugging, call.integer("port")
    if not 0 <= port < 65536:
        raise InvalidParameter(f"Expected port to be between 0 and 65535, got {port}.")
    before, debugging.port = debugging.port, port
    return {"port": before}


def pause(call: Call) -> Document:
    """Stop the clock of a task run that stands at a breakpoint (``paused``), or let it go on."""
    call.workspace.runner.debugging.pause(call.integer("task_run_id"), call.flag("paused"))
    return {}


routes = [
    Route("/_harness/debugger", endpoint(attach), methods=["POST"]),
    Route("/_harness/debugger/attach", endpoint(listen), methods=["POST"]),
    Route("/_harness/debugger/pause", endpoint(pause), methods=["POST"]),
]
