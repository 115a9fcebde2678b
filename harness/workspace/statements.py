"""Statement Execution: ``/api/2.0/sql/statements``, on the engine that serves the SQL connector too.

Source: docs.databricks.com/api/workspace/statementexecution. A statement runs in a session of its own; its result is
held for an hour, as on Databricks.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response

from harness.lake.sql.parameters import Parameter
from harness.lake.sql.records import Delivery, Operation, State
from harness.lake.sql.results import FILE_BYTES, Result
from harness.lake.sql.types import json_rows, type_document
from harness.workspace import warehouses
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.wire import Call, Document, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

PATH = "2.0/sql/statements"
FIELDS = frozenset({"statement", "warehouse_id", "catalog", "schema", "parameters", "query_tags"})
FIELDS |= {"wait_timeout", "on_wait_timeout", "row_limit", "disposition", "format"}
# These poll every 30 s unless the answer is final: they get it when there is one.
PATIENT_OPERATORS = ("DatabricksSQLStatementsOperator", "DatabricksSQLStatementExecutionTrigger")
LINK_SECONDS = 900


async def execute(call: Call) -> Response:
    """Start a statement and wait as long as its sender asked for. Raises: ``InvalidParameter``, ``NotFound``."""
    if unknown := set(call.arguments) - FIELDS:
        raise InvalidParameter(f"{sorted(unknown)[0]} is not supported by the local workspace.")
    workspace = call.workspace
    warehouse_id = call.text("warehouse_id")
    statement, linked = call.text("statement"), _linked(call)
    seconds, cancels = _patience(call)
    parameters = [_parameter(document) for document in call.arguments.get("parameters", [])]
    limit = call.integer("row_limit", 0) or None
    warehouses.wake(workspace, warehouse_id)
    session = workspace.sql.open(warehouse_id, call.text("catalog", "") or None, call.text("schema", "") or None)
    operation = workspace.sql.submit(
        session, statement, parameters=parameters, limit=limit, delivery=Delivery(linked=linked)
    )
    if not await _ended(workspace, operation, seconds) and cancels:
        workspace.sql.cancel(operation)
    return _answer(_view(call, operation))


async def get(call: Call) -> Response:
    """A statement's state and, once it succeeded, its first rows. Raises: ``NotFound``."""
    operation = _find(call)
    if call.operator in PATIENT_OPERATORS:
        await _ended(call.workspace, operation, call.workspace.hold_seconds)
    return _answer(_view(call, operation))


async def chunk(call: Call) -> Response:
    """A part of a result. Raises: ``NotFound``, ``InvalidParameter``."""
    operation = _find(call)
    if operation.result is None:
        raise InvalidParameter(f"The statement {_name(operation)} is {operation.state}; it has no result.")
    index = int(call.path["index"])
    if index >= len(_chunks(operation.result)):
        raise InvalidParameter(f"The statement {_name(operation)} has no chunk {index}.")
    return _answer(_part(call, operation, operation.result, index))


async def cancel(call: Call) -> Document:
    """Cancel a statement; one that has ended stays as it is. Raises: ``NotFound``."""
    call.workspace.sql.cancel(_find(call))
    return {}


# -- requests -----------------------------------------------------------------------------------------


def _find(call: Call) -> Operation:
    text = call.path["statement_id"]
    try:
        operation = call.workspace.sql.operation(uuid.UUID(text).bytes)
    except ValueError:
        operation = None
    if operation is None:
        raise NotFound(f"The statement {text} was not found.")
    return operation


def _linked(call: Call) -> bool:
    """Whether rows are asked for as links to Arrow streams. Raises: ``InvalidParameter`` for what we have not."""
    disposition, form = call.text("disposition", "INLINE"), call.text("format", "JSON_ARRAY")
    if (disposition, form) not in (("INLINE", "JSON_ARRAY"), ("EXTERNAL_LINKS", "ARROW_STREAM")):
        raise InvalidParameter(
            f"disposition {disposition} with format {form} is not supported by the local workspace; "
            "INLINE with JSON_ARRAY and EXTERNAL_LINKS with ARROW_STREAM are."
        )
    return disposition == "EXTERNAL_LINKS"


def _patience(call: Call) -> tuple[int, bool]:
    """How many seconds to wait for the end, and whether to cancel then. Raises: ``InvalidParameter``."""
    text, then = call.text("wait_timeout", "10s"), call.text("on_wait_timeout", "CONTINUE")
    number = text.removesuffix("s")
    if not text.endswith("s") or not number.isdigit() or not (number == "0" or 5 <= int(number) <= 50):
        raise InvalidParameter(f"wait_timeout must be 0s or between 5s and 50s, got {text}.")
    if then not in ("CONTINUE", "CANCEL") or (then == "CANCEL" and number == "0"):
        raise InvalidParameter(f"on_wait_timeout must be CONTINUE, or CANCEL with a wait_timeout, got {then}.")
    return int(number), then == "CANCEL"


def _parameter(document: Any) -> Parameter:
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise InvalidParameter("Each of parameters must be an object with a name.")
    value = document.get("value")
    return Parameter(document["name"], document.get("type", "STRING"), None if value is None else str(value))


async def _ended(workspace: Workspace, operation: Operation, seconds: float) -> bool:
    key = ("statement", operation.id)
    operation.done.add_done_callback(lambda _: workspace.signal.notify(key))
    return await workspace.signal.wait(key, operation.done.done, seconds)


# -- answers ------------------------------------------------------------------------------------------


def _answer(document: Document) -> Response:
    """As it is: in ``data_array`` an SQL NULL is a null, which ordinary answers must not hold."""
    return JSONResponse(document)


def _name(operation: Operation) -> str:
    return str(uuid.UUID(bytes=operation.id))


def _view(call: Call, operation: Operation) -> Document:
    status: Document = {"state": operation.state.value}
    if (why := operation.failure) is not None:
        code = "INTERNAL_ERROR" if why.condition == "ENGINE_LOST" else "BAD_REQUEST"
        status |= {"error": {"error_code": code, "message": why.message}, "sql_state": why.state}
    document: Document = {"statement_id": _name(operation), "status": status}
    if operation.state is State.SUCCEEDED and (result := operation.result) is not None:
        document["manifest"] = _manifest(operation, result)
        document["result"] = _part(call, operation, result, 0) if result.table.num_rows else {}
    return document


def _manifest(operation: Operation, result: Result) -> Document:
    columns = [type_document(column, position) for position, column in enumerate(result.columns)]
    chunks = _chunks(result)
    return {
        "format": "ARROW_STREAM" if operation.delivery.linked else "JSON_ARRAY",
        "schema": {"column_count": len(columns), "columns": columns},
        "total_chunk_count": len(chunks),
        "chunks": chunks,
        "total_row_count": result.table.num_rows,
        "truncated": result.truncated,
    }


def _chunks(result: Result) -> list[Document]:
    total, size = result.table.num_rows, result.rows_per(FILE_BYTES)
    return [
        {"chunk_index": index, "row_offset": start, "row_count": min(size, total - start)}
        for index, start in enumerate(range(0, total, size))
    ]


def _part(call: Call, operation: Operation, result: Result, index: int) -> Document:
    """``ResultData``: one chunk's rows, or the link to them."""
    chunks = _chunks(result)
    document = dict(chunks[index])
    if index + 1 < len(chunks):
        document["next_chunk_index"] = index + 1
        document["next_chunk_internal_link"] = f"/api/{PATH}/{_name(operation)}/result/chunks/{index + 1}"
    if not operation.delivery.linked:
        rows = result.table.slice(document["row_offset"], document["row_count"])
        return {**document, "data_array": json_rows(rows)}
    expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + LINK_SECONDS))
    url = f"{call.request.url.scheme}://{call.request.headers['host']}/_results/{operation.id.hex()}/{index}"
    return {"external_links": [{**document, "external_link": url, "expiration": expiration}]}


routes = [
    *api("POST", PATH, execute),
    # The SDK's spelling.
    *api("POST", PATH + "/", execute),
    *api("GET", PATH + "/{statement_id}", get),
    *api("GET", PATH + "/{statement_id}/result/chunks/{index:int}", chunk),
    *api("POST", PATH + "/{statement_id}/cancel", cancel),
]
