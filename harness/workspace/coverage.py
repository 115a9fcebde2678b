"""Coverage of notebooks: ``/_harness/coverage``. It survives a reset: it is a test session's, not a record."""

from __future__ import annotations

from starlette.routing import Route

from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint


def measure(call: Call) -> Document:
    """Have the tasks that start from now on measured (kernel/coverage.py); without ``settings`` none are."""
    call.workspace.runner.debugging.coverage = call.mapping("settings", {})
    return {}


routes = [Route("/_harness/coverage", endpoint(measure), methods=["POST"])]
