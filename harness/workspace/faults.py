"""Faults of the workspace: answers, dropped connections, lost clusters and failing statements, asked for by a test.

``POST /_harness/faults`` makes one: from the first matching call (``nth``) on, for so many of them (``times``), before
or after the call has done its work (``when``). They live in memory and go with a reset.
"""

from __future__ import annotations

import fnmatch
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from harness.lake.faults import BadFault, Fault, Faults
from harness.lake.sql.failures import SqlError
from harness.runner.run import LifeCycle, Output, Result, State, TaskRun
from harness.workspace.errors import ApiError, InvalidParameter, answer
from harness.workspace.requestlog import operation_of
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from harness.workspace.longpoll import Signal
    from harness.workspace.state import Workspace

Done = TypeVar("Done")

COUNTING = frozenset({"nth", "times", "when"})
# What a fault may be about, and the fields that say what happens then.
KINDS: dict[str, frozenset[str]] = {
    "operation": frozenset({"status", "error_code", "message", "retry_after", "drop", "seconds", "stale"}),
    "path": frozenset({"method", "status", "error_code", "message", "retry_after", "drop", "seconds"}),
    "task": frozenset({"reason", "message"}),
    "statement": frozenset({"condition", "message", "sqlstate"}),
}
EFFECTS = ("status", "drop", "seconds", "stale")
TYPES: dict[str, type | tuple[type, ...]] = {
    "status": int,
    "retry_after": int,
    "seconds": (int, float),
    "drop": bool,
    "stale": bool,
}
# Error codes of the SDK's mapping of statuses (databricks/sdk/errors/platform.py).
CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# How a task ends that loses what it runs on. Codes: databricks-sdk, compute.TerminationReasonCode and …Type.
REASONS = {
    "INTERNAL_ERROR": "Unexpected failure while running the task {task}: please try again later",
    "CLUSTER_TERMINATED": "Cluster of the task {task} was terminated. Reason: DRIVER_UNREACHABLE (SERVICE_FAULT)",
    "SPOT_INSTANCE_TERMINATION": (
        "Cluster of the task {task} was terminated. Reason: SPOT_INSTANCE_TERMINATION (CLOUD_FAILURE). "
        "Parameters: aws_instance_state_reason:Server.SpotInstanceTermination"
    ),
}


def around_task(faults: Faults, task: TaskRun, execute: Callable[[], tuple[State, Output]]) -> tuple[State, Output]:
    """Carry an attempt out, unless a fault ends it: before it has begun, or after it has done its work."""
    names = (task.task_key, *_code_of(task))
    fault = faults.hit(lambda spec: any(fnmatch.fnmatchcase(name, spec.get("task", "")) for name in names))
    if fault is None:
        return execute()
    output = execute()[1] if fault.after else Output()
    message = fault.spec.get("message") or REASONS[fault.spec["reason"]].format(task=task.task_key)
    output.error, output.error_trace, output.result = message, None, None
    return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, message), output


def _code_of(task: TaskRun) -> Iterator[str]:
    """The notebook or file that a task runs. The provider's task keys are hashes (DatabricksTaskBaseOperator)."""
    for kind, field in (("notebook_task", "notebook_path"), ("spark_python_task", "python_file")):
        if kind in task.spec:
            yield str(task.spec[kind][field])


def around_statement(faults: Faults, statement: str, run: Callable[[], Done]) -> Done:
    """Run a statement, unless a fault fails it, before or after. Raises: ``SqlError``."""
    fault = faults.hit(lambda spec: "statement" in spec and re.search(spec["statement"], statement, re.I) is not None)
    if fault is not None and not fault.after:
        raise _statement_error(fault)
    result = run()
    if fault is not None:
        raise _statement_error(fault)
    return result


def _statement_error(fault: Fault) -> SqlError:
    spec = fault.spec
    message = spec.get("message", "The statement failed on demand of a test.")
    return SqlError(spec.get("condition", "INTERNAL_ERROR"), message, spec.get("sqlstate", "XX000"))


def unlisted(workspace: Workspace, operation: str) -> Callable[[Document], bool]:
    """Which jobs a listing that lags behind does not show yet: those made since the fault (``stale``)."""
    fault = workspace.faults.hit(lambda spec: spec.get("operation") == operation and spec.get("stale", False))
    since = fault.spec["since"] if fault else math.inf
    return lambda record: record["job_id"] > since


class Faulty:
    """ASGI layer that lets requests fail. ``routes``: to know a request's operation before it is served."""

    def __init__(self, app: ASGIApp, faults: Faults, signal: Signal, routes: Iterable[BaseRoute]) -> None:
        self.app = app
        self.faults = faults
        self.signal = signal
        self.routes = [route for route in routes if isinstance(route, Route)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = None
        if scope["type"] == "http" and not scope["path"].startswith("/_harness/") and self.faults.documents():
            fault = self._hit(scope)
        if fault is None:
            await self.app(scope, receive, send)
            return
        seconds = fault.spec.get("seconds", 0)
        if seconds:
            await self.signal.wait("faults", lambda: not self.faults.holds(fault), seconds)
        if fault.after or not (fault.spec.keys() & {"status", "drop"}):
            whole = fault.spec.keys() & {"status", "drop"}
            await self.app(scope, receive, _unsent if whole else send)
        if fault.spec.get("drop"):
            await _drop(receive)
        elif "status" in fault.spec:
            await _answer(fault)(scope, receive, send)

    def _hit(self, scope: Scope) -> Fault | None:
        route = next((route for route in self.routes if route.matches(scope)[0] is Match.FULL), None)
        operation = operation_of(route.endpoint) if route else ""

        def about(spec: dict[str, Any]) -> bool:
            if spec.get("stale"):
                return False  # the listing asks for it itself
            if "path" in spec:
                # The SQL connector waits a minute before it repeats a 5xx (wire.md §0.4): only when asked by name.
                fits = fnmatch.fnmatchcase(scope["path"], spec["path"]) and not scope["path"].startswith("/sql/")
                return fits and spec.get("method", scope["method"]) == scope["method"]
            return bool(operation) and spec.get("operation") == operation

        fault = self.faults.hit(about)
        if fault is not None and route is not None:
            scope.update(endpoint=route.endpoint, route=route)  # for the request log
        return fault


async def _unsent(message: Message) -> None:
    """The effect without its answer."""


async def _drop(receive: Receive) -> None:
    """Break the connection, as a load balancer does that goes away: no ASGI message says that."""
    cycle = getattr(receive, "__self__", None)
    transport = getattr(cycle, "transport", None)
    if transport is None:
        raise RuntimeError(f"{type(cycle).__name__} has no connection to drop")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _answer(fault: Fault) -> Response:
    spec, status = fault.spec, fault.spec["status"]
    code = spec.get("error_code") or CODES.get(status, "INTERNAL_ERROR" if status >= 500 else "BAD_REQUEST")
    error = ApiError(spec.get("message", f"{status} on demand of a test."), error_code=code)
    error.status = status
    response = answer(error)
    if "retry_after" in spec:
        response.headers["Retry-After"] = str(spec["retry_after"])
    return response


def check(spec: Document, operations: set[str]) -> None:
    """Refuse a fault that could never fire, or would do nothing. Raises: ``InvalidParameter``."""
    kinds = [kind for kind in KINDS if kind in spec]
    if len(kinds) != 1:
        raise InvalidParameter(f"A fault is about one of {', '.join(KINDS)}; given: {', '.join(kinds) or 'none'}.")
    (kind,) = kinds
    if unknown := sorted(spec.keys() - KINDS[kind] - COUNTING - {kind}):
        raise InvalidParameter(f"Unknown fields of a fault about a {kind}: {', '.join(unknown)}.")
    for name, value in spec.items():
        if name in ("nth", "times"):
            continue
        wanted = TYPES.get(name, str)
        if not isinstance(value, wanted) or isinstance(value, bool) != (wanted is bool):
            raise InvalidParameter(f"Expected {name} to be of another type than {type(value).__name__}.")
    if kind in ("operation", "path") and not any(spec.get(effect) for effect in EFFECTS):
        raise InvalidParameter(f"Expected one of {', '.join(EFFECTS)}.")
    if kind == "operation" and spec["operation"] not in operations:
        raise InvalidParameter(f"There is no operation {spec['operation']}; /_harness/capabilities lists them.")
    if spec.get("stale") and spec["operation"] != "jobs.list_jobs":
        raise InvalidParameter("Only jobs.list_jobs can be stale.")
    if not 400 <= spec.get("status", 400) <= 599:
        raise InvalidParameter("Expected status to be between 400 and 599.")
    if not 0 <= spec.get("seconds", 0) < math.inf:
        raise InvalidParameter("Expected seconds to be a number, 0 or more.")
    if kind == "task" and spec.get("reason") not in REASONS:
        raise InvalidParameter(f"Expected reason to be one of {', '.join(REASONS)}.")
    if kind == "statement":
        try:
            re.compile(spec["statement"])
        except re.error as error:
            raise InvalidParameter(f"statement is no regular expression: {error}") from None


def listed(call: Call) -> Document:
    return {"faults": call.workspace.faults.documents()}


def make(call: Call) -> Document:
    """Make a fault. Returns: it, with its ``id``. Raises: ``InvalidParameter``."""
    spec = dict(call.arguments)
    check(spec, {operation_of(route.endpoint) for route in call.request.app.routes if isinstance(route, Route)})
    if spec.get("stale"):
        spec["since"] = max((job["job_id"] for job in call.workspace.store.all("job")), default=0)
    try:
        return call.workspace.faults.add(spec).document()
    except BadFault as error:
        raise InvalidParameter(str(error)) from None


def clear(call: Call) -> Document:
    forget(call.workspace)
    return {}


def forget(workspace: Workspace) -> None:
    """Take every fault back, and let go what it holds."""
    workspace.faults.clear()
    workspace.signal.notify("faults")


routes = [
    Route("/_harness/faults", endpoint(listed), methods=["GET"]),
    Route("/_harness/faults", endpoint(make), methods=["POST"]),
    Route("/_harness/faults", endpoint(clear), methods=["DELETE"]),
]
