"""A statement as the Statement Execution API shows it: state, manifest, rows or links to them."""

from __future__ import annotations

import base64
import time
import uuid

from starlette.responses import JSONResponse, Response

from harness.lake.sql.records import Operation, State
from harness.lake.sql.results import Result
from harness.lake.sql.types import json_rows, type_document
from harness.workspace.resultfiles import chunks, content
from harness.workspace.wire import Call, Document

# docs: links live for at most 15 minutes.
LINK_SECONDS = 900
# Up to this a hybrid answer holds the rows itself (databricks/databricks-jdbc pull request 656).
HYBRID_BYTES = 5 << 20
# Of the SDK's ServiceErrorCode; whatever is wrong with the statement itself is a BAD_REQUEST.
ERROR_CODES = {"ENGINE_LOST": "INTERNAL_ERROR", "STATEMENT_TIMEOUT": "DEADLINE_EXCEEDED"}


def answer(document: Document) -> Response:
    """As it is: in ``data_array`` an SQL NULL is a null, which ordinary answers must not hold."""
    return JSONResponse(document)


def name_of(operation: Operation) -> str:
    """A statement's id as clients write it."""
    return str(uuid.UUID(bytes=operation.id))


def view(call: Call, operation: Operation) -> Document:
    """``StatementResponse``."""
    status: Document = {"state": operation.state.value}
    if (why := operation.failure) is not None:
        code = ERROR_CODES.get(why.condition or "", "BAD_REQUEST")
        status |= {"error": {"error_code": code, "message": why.message}, "sql_state": why.state}
    document: Document = {"statement_id": name_of(operation), "status": status}
    result = operation.result
    if operation.state is State.SUCCEEDED and result is not None:
        document["manifest"] = _manifest(operation, result)
        document["result"] = part(call, operation, result, 0) if result.table.num_rows else {}
    return document


def _manifest(operation: Operation, result: Result) -> Document:
    columns = [type_document(column, position) for position, column in enumerate(result.columns)]
    parts = _parts(operation, result)
    document: Document = {
        "format": operation.delivery.form,
        "schema": {"column_count": len(columns), "columns": columns},
        "total_chunk_count": len(parts),
        "chunks": parts,
        "total_row_count": result.table.num_rows,
        "truncated": result.truncated,
    }
    if _linked(operation, result):
        document["total_byte_count"] = sum(each["byte_count"] for each in parts)
    if result.staging:
        # Not in the API's documentation; what the SQL connector and the JDBC driver look for.
        document["is_volume_operation"] = True
    if operation.delivery.compressed:
        document["result_compression"] = "LZ4_FRAME"
    return document


def _linked(operation: Operation, result: Result) -> bool:
    delivery = operation.delivery
    return delivery.linked or (delivery.hybrid and result.size > HYBRID_BYTES)


def _parts(operation: Operation, result: Result) -> list[Document]:
    """``BaseChunkInfo`` of each; with links also the bytes, as they are held, before they are packed."""
    parts: list[Document] = [dict(each) for each in chunks(result)]
    if _linked(operation, result):
        for each in parts:
            each["byte_count"] = int(result.table.slice(each["row_offset"], each["row_count"]).nbytes)
    return parts


def part(call: Call, operation: Operation, result: Result, index: int) -> Document:
    """``ResultData``: one chunk's rows, or the link to them."""
    parts, name = _parts(operation, result), name_of(operation)
    document = dict(parts[index])
    if index + 1 < len(parts):
        document["next_chunk_index"] = index + 1
        document["next_chunk_internal_link"] = f"/api/2.0/sql/statements/{name}/result/chunks/{index + 1}"
    if _linked(operation, result):
        expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + LINK_SECONDS))
        url = f"{call.request.url.scheme}://{call.request.headers['host']}/_results/{operation.id.hex()}/{index}"
        return {"external_links": [{**document, "external_link": url, "expiration": expiration}]}
    if operation.delivery.form == "ARROW_STREAM":
        stream = content(result, index, "ARROW_STREAM", compressed=operation.delivery.compressed)
        return {**document, "attachment": base64.b64encode(stream).decode()}
    rows = result.table.slice(document["row_offset"], document["row_count"])
    return {**document, "data_array": json_rows(rows)}
