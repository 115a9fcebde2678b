"""Shells of people: ``/_harness/shells``."""

from __future__ import annotations

from starlette.routing import Route

from harness.lake.paths import PathNotFound
from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint


def open_shell(call: Call) -> Document:
    """Open a shell for who listens at the Unix socket ``socket`` (runner/interactive.py)."""
    place, path = call.text("socket"), call.text("path")
    try:
        call.workspace.runner.shells.open(place, path, call.mapping("parameters", {}))
    except PathNotFound:
        raise InvalidParameter(f"There is no folder of the workspace for {path}.") from None
    except OSError as error:
        raise InvalidParameter(f"Nobody listens at socket {place}: {error}") from None
    return {}


routes = [Route("/_harness/shells", endpoint(open_shell), methods=["POST"])]
