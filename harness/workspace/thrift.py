"""Thrift over HTTP for the SQL connector: one POST a call.

What is answered is decided in :mod:`harness.workspace.thriftservice`, which is imported when first needed: the
generated Thrift module takes 0.5 s and 73 MiB (sql-endpoint.md §8).
"""

from __future__ import annotations

import asyncio
import importlib
import threading
from functools import partial
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from harness.workspace import clusters, warehouses
from harness.workspace.errors import MalformedRequest
from harness.workspace.staging import presign
from harness.workspace.state import workspace_of
from harness.workspace.wire import whole_body

if TYPE_CHECKING:
    from types import ModuleType

MEDIA_TYPE = "application/x-thrift"
# Calls about work done before, which start no warehouse: else one stopped for good would start with a goodbye.
AFTERWARDS = (b"CloseSession", b"CloseOperation", b"CancelOperation", b"GetOperationStatus")


def warm_up() -> None:
    """Import the service in the background, so that the first connection does not wait for it."""
    threading.Thread(target=_service, name="thrift-warm-up", daemon=True).start()


def _service() -> ModuleType:
    return importlib.import_module("harness.workspace.thriftservice")


async def warehouse(request: Request) -> Response:
    """Calls to a warehouse, which they start if it is stopped. Raises: ``NotFound``."""
    workspace, warehouse_id, body = workspace_of(request), request.path_params["id"], await whole_body(request)
    # A message begins with its version and the length of the call's name, four bytes each.
    if body[8:].startswith(AFTERWARDS):
        warehouses.find(workspace, warehouse_id)
    else:
        warehouses.wake(workspace, warehouse_id)
    return await _call(request, body)


async def cluster(request: Request) -> Response:
    """Calls to a cluster, which they start if it is terminated."""
    body = await whole_body(request)
    if not body[8:].startswith(AFTERWARDS):
        clusters.wake(workspace_of(request), [request.path_params["id"]])
    return await _call(request, body)


async def _call(request: Request, body: bytes) -> Response:
    """One call: bytes in, bytes out, on a thread of the SQL engine's, since calls are held while statements run.

    A fault in the framing is answered 400, which the client does not retry; it waits 60 s before each retry of a 5xx.
    """
    workspace = workspace_of(request)
    sql, base = workspace.sql, f"{request.url.scheme}://{request.headers['host']}"
    client, signs = request.headers.get("user-agent", ""), partial(presign, workspace, base)
    user = request.scope["harness.principal"].name
    door = (request.path_params["id"], f"{base}/_results", client, user, signs)
    loop = asyncio.get_running_loop()
    service = await loop.run_in_executor(sql.waiters, _service)
    try:
        answer = await loop.run_in_executor(sql.waiters, service.process, sql, door, body)
    except service.Malformed as error:
        raise MalformedRequest(f"Not a Thrift call: {error}") from None
    return Response(answer, media_type=MEDIA_TYPE)


routes = [
    Route("/sql/1.0/warehouses/{id}", warehouse, methods=["POST"]),
    Route("/sql/1.0/endpoints/{id}", warehouse, methods=["POST"]),
    # An all-purpose cluster: whatever its id, it is the one local Spark (clusters.py).
    Route("/sql/protocolv1/o/{org}/{id}", cluster, methods=["POST"]),
]
