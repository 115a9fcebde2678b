"""Statement Execution: ``/api/2.0/sql/statements``, on the engine that serves the SQL connector too.

Source: docs.databricks.com/api/workspace/statementexecution. A statement runs in a session of its own, or in one made
by ``/api/2.0/sql/sessions`` (sqlsessions.py); its result is held for an hour, as on Databricks.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from harness.lake.sql.parameters import Parameter, known
from harness.lake.sql.records import Delivery, Operation, State
from harness.lake.sql.results import Limits
from harness.workspace import principals, sqlsessions, warehouses
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.resultfiles import chunks, find
from harness.workspace.staging import presign
from harness.workspace.statementviews import answer, name_of, part, view
from harness.workspace.wire import Call, Document, api

if TYPE_CHECKING:
    from harness.lake.sql.sessions import Session
    from harness.workspace.state import Workspace

PATH = "2.0/sql/statements"
FIELDS = frozenset({"statement", "warehouse_id", "catalog", "schema", "parameters", "query_tags", "session_id"})
FIELDS |= {"wait_timeout", "on_wait_timeout", "row_limit", "byte_limit", "disposition", "format", "result_compression"}
# These poll every 30 s unless the answer is final: they get it when there is one.
PATIENT_OPERATORS = (
    "DatabricksSQLStatementsOperator",
    "DatabricksSQLStatementsSensor",
    "DatabricksSQLStatementExecutionTrigger",
)
# docs: "format" and "disposition"; the third is the SQL connector's "hybrid" (sea/utils/constants.py).
FORMATS = {
    "INLINE": ("JSON_ARRAY",),
    "EXTERNAL_LINKS": ("JSON_ARRAY", "ARROW_STREAM", "CSV"),
    "INLINE_OR_EXTERNAL_LINKS": ("JSON_ARRAY", "ARROW_STREAM"),
}
# docs: "Limits and limitations".
INLINE_BYTES = 25 << 20
STATEMENT_BYTES = 16 << 20


async def execute(call: Call) -> Response:
    """Start a statement and wait as long as its sender asked for. Raises: ``InvalidParameter``, ``NotFound``."""
    if unknown := set(call.arguments) - FIELDS:
        raise InvalidParameter(f"{sorted(unknown)[0]} is not supported by the local workspace.")
    workspace = call.workspace
    warehouse_id, statement = call.text("warehouse_id"), call.text("statement")
    if not statement.strip() or len(statement.encode()) > STATEMENT_BYTES:
        raise InvalidParameter(f"statement must have between 1 and {STATEMENT_BYTES} bytes.")
    disposition, delivery = _delivery(call)
    seconds, cancels = _patience(call)
    parameters, tags = _parameters(call), _tags(call)
    limits = Limits(
        rows=_positive(call, "row_limit"),
        size=_positive(call, "byte_limit"),
        inline=INLINE_BYTES if disposition == "INLINE" else None,
    )
    warehouses.wake(workspace, warehouse_id)
    operation = workspace.sql.submit(
        _session(call, warehouse_id), statement, parameters=parameters, limits=limits, delivery=delivery, tags=tags
    )
    if not await _ended(workspace, operation, seconds) and cancels:
        workspace.sql.cancel(operation)
    return answer(view(call, operation))


async def get(call: Call) -> Response:
    """A statement's state and, once it succeeded, its first rows. Raises: ``NotFound``."""
    operation = _find(call)
    if call.operator in PATIENT_OPERATORS:
        await _ended(call.workspace, operation, call.workspace.hold_seconds)
    return answer(view(call, operation))


async def chunk(call: Call) -> Response:
    """A part of a result. Raises: ``NotFound``, ``InvalidParameter``."""
    operation, index = _find(call), int(call.path["index"])
    result = operation.result
    if operation.state is State.CLOSED:
        raise NotFound(f"The statement {name_of(operation)} is CLOSED; its result is no longer available.")
    if result is None:
        raise InvalidParameter(f"The statement {name_of(operation)} is {operation.state}; it has no result.")
    if index >= len(chunks(result)):
        raise InvalidParameter(f"The statement {name_of(operation)} has no chunk {index}.")
    return answer(part(call, operation, result, index))


async def cancel(call: Call) -> Document:
    """Cancel a statement; one that has ended stays as it is. Raises: ``NotFound``."""
    call.workspace.sql.cancel(_find(call))
    return {}


async def close(call: Call) -> Document:
    """Let a statement's result go; one that runs is cancelled. The SQL connector's. Raises: ``NotFound``."""
    operation = _find(call)
    call.workspace.sql.cancel(operation)
    operation.close()
    return {}


# -- requests -----------------------------------------------------------------------------------------


def _find(call: Call) -> Operation:
    operation = find(call.workspace.sql, call.path["statement_id"])
    if operation is None:
        raise NotFound(f"The statement {call.path['statement_id']} was not found.")
    return operation


def _session(call: Call, warehouse_id: str) -> Session:
    """The session asked for, or one for this statement alone. Raises: ``InvalidParameter``, ``NotFound``."""
    sql, catalog, schema = call.workspace.sql, call.text("catalog", ""), call.text("schema", "")
    if session_id := call.text("session_id", ""):
        session = sqlsessions.find(call.workspace, session_id)
        if session.warehouse != warehouse_id:
            raise InvalidParameter(f"The session {session_id} belongs to the warehouse {session.warehouse}.")
        if catalog or schema:
            raise InvalidParameter("catalog and schema are the session's; they cannot be given with session_id.")
        return session
    client = call.request.headers.get("user-agent", "")
    user = principals.caller(call).name
    return sql.open(warehouse_id, catalog or None, schema or None, client=client, user=user, brief=True)


def _delivery(call: Call) -> tuple[str, Delivery]:
    """How rows are asked for. Raises: ``InvalidParameter`` for what the API has not."""
    disposition, form = call.text("disposition", "INLINE"), call.text("format", "JSON_ARRAY")
    if disposition not in FORMATS:
        raise InvalidParameter(f"disposition must be one of {', '.join(FORMATS)}, got {disposition}.")
    if form not in FORMATS[disposition]:
        raise InvalidParameter(f"format {form} is not supported with disposition {disposition}.")
    compression = call.text("result_compression", "NONE")
    if compression not in ("NONE", "LZ4_FRAME"):
        raise InvalidParameter(f"result_compression must be NONE or LZ4_FRAME, got {compression}.")
    # Rows in the answer itself are never compressed.
    compressed = compression == "LZ4_FRAME" and disposition != "INLINE"
    # What the connector calls hybrid: links only when the rows are many.
    hybrid = disposition == "INLINE_OR_EXTERNAL_LINKS"
    linked, signs = disposition == "EXTERNAL_LINKS", partial(presign, call.workspace, call.base)
    return disposition, Delivery(compressed, linked=linked, form=form, hybrid=hybrid, presign=signs)


def _patience(call: Call) -> tuple[int, bool]:
    """How many seconds to wait for the end, and whether to cancel then. Raises: ``InvalidParameter``."""
    text, then = call.text("wait_timeout", "10s"), call.text("on_wait_timeout", "CONTINUE")
    number = text.removesuffix("s")
    if not text.endswith("s") or not number.isdigit() or not (number == "0" or 5 <= int(number) <= 50):
        raise InvalidParameter(f"wait_timeout must be 0s or between 5s and 50s, got {text}.")
    if then not in ("CONTINUE", "CANCEL"):
        raise InvalidParameter(f"on_wait_timeout must be CONTINUE or CANCEL, got {then}.")
    return int(number), then == "CANCEL" and number != "0"


def _positive(call: Call, name: str) -> int | None:
    """A limit; ``None`` when it is not given. Raises: ``InvalidParameter``."""
    if name not in call.arguments:
        return None
    if (value := call.integer(name)) < 1:
        raise InvalidParameter(f"{name} must be positive, got {value}.")
    return value


def _parameters(call: Call) -> list[Parameter]:
    parameters = [_parameter(document) for document in _objects(call, "parameters")]
    names = [parameter.name for parameter in parameters]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise InvalidParameter(f"The parameter {twice} is given twice.")
    return parameters


def _parameter(document: Document) -> Parameter:
    name, kind, value = document.get("name"), document.get("type", "STRING"), document.get("value")
    if not isinstance(name, str) or not name:
        raise InvalidParameter("Each of parameters must have a name; positional parameters are not supported.")
    # A value has to be a string: complex types cannot be given (docs: parameters).
    if not isinstance(kind, str) or not known(kind) or kind.upper() in ("ARRAY", "MAP"):
        raise InvalidParameter(f"The parameter {name} has an unsupported type: {kind}.")
    if isinstance(value, (dict, list)):
        raise InvalidParameter(f"The value of the parameter {name} must be a string.")
    return Parameter(name, kind, None if value is None else str(value))


def _tags(call: Call) -> dict[str, str | None]:
    tags: dict[str, str | None] = {}
    for document in _objects(call, "query_tags"):
        key, value = document.get("key"), document.get("value")
        if not isinstance(key, str) or not key.strip():
            raise InvalidParameter("Each of query_tags must have a key.")
        tags[key] = str(value) if value is not None and str(value).strip() else None
    return tags


def _objects(call: Call, name: str) -> list[Document]:
    value: Any = call.arguments.get(name, [])
    if not isinstance(value, list) or not all(isinstance(document, dict) for document in value):
        raise InvalidParameter(f"Expected {name} to be a list of objects.")
    return value


async def _ended(workspace: Workspace, operation: Operation, seconds: float) -> bool:
    key = ("statement", operation.id)
    operation.done.add_done_callback(lambda _: workspace.signal.notify(key))
    return await workspace.signal.wait(key, operation.done.done, seconds)


routes = [
    *api("POST", PATH, execute),
    # The SDK's spelling.
    *api("POST", PATH + "/", execute),
    *api("GET", PATH + "/{statement_id}", get),
    *api("DELETE", PATH + "/{statement_id}", close),
    *api("GET", PATH + "/{statement_id}/result/chunks/{index:int}", chunk),
    *api("POST", PATH + "/{statement_id}/cancel", cancel),
]
