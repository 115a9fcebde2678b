"""Large results as files: what a statement's external links, and the SQL connector's, point to."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import uuid
from typing import TYPE_CHECKING, Any

import lz4.frame
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.lake.sql.records import Operation
from harness.lake.sql.results import FILE_BYTES, Result
from harness.lake.sql.types import json_rows
from harness.workspace.errors import NotFound
from harness.workspace.state import workspace_of

if TYPE_CHECKING:
    from harness.lake.sql.operations import SqlEngine

MEDIA_TYPES = {"JSON_ARRAY": "application/json", "CSV": "text/csv", "ARROW_STREAM": "application/octet-stream"}


def chunks(result: Result) -> list[dict[str, int]]:
    """The parts of a result: ``chunk_index``, ``row_offset``, ``row_count``."""
    total, size = result.table.num_rows, result.rows_per(FILE_BYTES)
    return [
        {"chunk_index": index, "row_offset": start, "row_count": min(size, total - start)}
        for index, start in enumerate(range(0, total, size))
    ]


def content(result: Result, part: int, form: str, *, compressed: bool) -> bytes:
    """One part of a result, in a format of the Statement Execution API; ``compressed``: as an LZ4 frame."""
    size = result.rows_per(FILE_BYTES)
    rows = result.table.slice(part * size, size)
    made = {"JSON_ARRAY": _json, "CSV": _csv, "ARROW_STREAM": _arrow}[form](rows, part)
    return packed(made) if compressed else made


def packed(data: bytes) -> bytes:
    """An LZ4 frame, for clients that ask for one: the quickest there is, since on one machine its size costs nothing.

    Measured: 31 MB take 10 ms instead of 23, and 10 instead of 20 to be read.
    """
    return bytes(lz4.frame.compress(data, compression_level=-1000))


def _json(rows: pa.Table, part: int) -> bytes:
    return json.dumps(json_rows(rows), separators=(",", ":"), ensure_ascii=False).encode()


def _csv(rows: pa.Table, part: int) -> bytes:
    """RFC 4180, NULL as ``null``, and only the first part with the columns' names (docs: ``format``)."""
    text = io.StringIO()
    writer = csv.writer(text)
    if part == 0:
        writer.writerow(rows.column_names)
    writer.writerows(["null" if value is None else value for value in row] for row in json_rows(rows))
    return text.getvalue().encode()


def _arrow(rows: pa.Table, part: int) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_table(rows)
    return bytes(sink.getvalue().to_pybytes())


def find(sql: SqlEngine, text: str) -> Operation | None:
    """The statement of an id as clients write it, hexadecimal with dashes or without."""
    try:
        return sql.operation(uuid.UUID(text).bytes)
    except ValueError:
        return None


async def result_file(request: Request) -> Response:
    """A part of a large result. Its name is the statement's random id, as secret as a presigned URL."""
    sql = workspace_of(request).sql
    operation, part = find(sql, request.path_params["operation"]), request.path_params["part"]
    result = operation.result if operation is not None else None
    if operation is None or result is None or part >= max(1, len(chunks(result))):
        raise NotFound("This result is no longer held.")
    form, compressed = operation.delivery.form, operation.delivery.compressed

    def work() -> Any:
        return content(result, part, form, compressed=compressed)

    data = await asyncio.get_running_loop().run_in_executor(sql.waiters, work)
    return Response(data, media_type=MEDIA_TYPES[form])


routes = [Route("/_results/{operation}/{part:int}", result_file)]
