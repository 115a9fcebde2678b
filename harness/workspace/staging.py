"""URLs for the files of ``PUT``, ``GET`` and ``REMOVE`` (harness/lake/sql/staging.py): good for one file, one method.

As with presigned URLs of S3, which a workspace on AWS gives out, no credentials are asked for, the method and the time
are signed, a file is put whether or not one is there, and to delete what is not there is no error.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from harness.lake.sql.failures import SqlError
from harness.workspace.errors import ApiError, PermissionDenied
from harness.workspace.received import receive
from harness.workspace.storage import Place, place
from harness.workspace.volumefiles import content, finish
from harness.workspace.wire import Call, endpoint, raw

if TYPE_CHECKING:
    from harness.lake.sql.staging import Staged
    from harness.workspace.state import Workspace

# The Files API's own presigned URLs live as long.
URL_SECONDS = 900
METHODS = {"PUT": "PUT", "GET": "GET", "REMOVE": "DELETE"}


class Expired(PermissionDenied):
    """The URL's time is over."""


def presign(workspace: Workspace, base: str, staged: Staged) -> str:
    """The URL of one file for one operation.

    Parameters: ``base``: where the client found us. Raises: ``SqlError`` for a path that is not served, and for a file
    that is there and is not to be overwritten.
    """
    try:
        target = place(workspace, staged.path, write=staged.operation != "GET")
        if staged.operation == "PUT":
            target.free(overwrite=True)
    except ApiError as error:
        # Databricks' text: "NOT_FOUND: Catalog 'x' does not exist" (the connector's own tests).
        raise SqlError(error.error_code, f"{error.error_code}: {error.message}", "HY000") from None
    if staged.operation == "PUT" and not staged.overwrite and target.local.exists():
        message = f"File in staging path {staged.path} already exists but OVERWRITE is not set."
        raise SqlError("FILE_IN_STAGING_PATH_ALREADY_EXISTS", message, "42K04")
    until, method = int(time.time()) + URL_SECONDS, METHODS[staged.operation]
    return f"{base}/_staging/volumes/{until}/{signature(workspace, method, until, target)}{quote(target.path)}"


def signature(workspace: Workspace, method: str, until: int, target: Place) -> str:
    """What makes a URL good. It covers where the file rests: another volume of the same name has other URLs."""
    message = f"staging:{method}:{until}:{target.local}".encode(errors="surrogateescape")
    return hmac.new(workspace.config.token.encode(), message, hashlib.sha256).hexdigest()


def signed(call: Call) -> Place:
    """What a URL names. Raises: ``PermissionDenied`` for a signature of another method, file or time; ``Expired``."""
    until, target = call.path["until"], place(call.workspace, call.path["path"])
    wanted = signature(call.workspace, call.request.method, until, target)
    if not hmac.compare_digest(call.path["signature"].encode(), wanted.encode()):
        raise PermissionDenied("The signature of this URL is not valid.")
    if until < time.time():
        raise Expired("Request has expired")
    return target


async def put(call: Call) -> Response:
    target = await run_in_threadpool(signed, call)
    whole = await receive(call.request, call.workspace.config.uploads)
    await run_in_threadpool(finish, target, whole, overwrite=True)
    return Response()


def get(call: Call) -> Response:
    """The file. Raises: ``Missing``: that is where the connector learns of it, not from its statement."""
    return content(call.request, signed(call).file())


def delete(call: Call) -> Response:
    target = signed(call)
    if target.local.exists():
        target.file().unlink()
    return Response(status_code=204)


URL = "/_staging/volumes/{until:int}/{signature}/{path:path}"
routes = [
    *raw("PUT", URL, put),
    Route(URL, endpoint(get), methods=["GET"]),
    Route(URL, endpoint(delete), methods=["DELETE"]),
]
