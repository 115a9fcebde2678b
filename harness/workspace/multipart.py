"""The Files API's uploads in parts and presigned URLs, as the SDK uses them for large files and for downloads.

Above 50 MiB ``w.files.upload`` initiates an upload, asks for a URL a part, puts the parts there without credentials and
completes the upload; each download begins by asking for a URL (databricks/sdk/mixins/files.py, 0.156). Our URLs lead
back to us; an unguessable session token or a signature stands for credentials.
"""

from __future__ import annotations

import datetime
import hashlib
import hmac
import secrets
import shutil
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.routing import Route

from harness.workspace.errors import InvalidParameter, NotFound, PermissionDenied
from harness.workspace.received import CHUNK, receive
from harness.workspace.storage import place
from harness.workspace.store import Document
from harness.workspace.volumefiles import content, finish
from harness.workspace.wire import Call, api, endpoint, raw, whole

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# S3's own, which the service's presigned URLs have.
PART_LIMIT = 10_000
EXPIRED = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"


def base(call: Call) -> str:
    """Where the client found us."""
    return f"{call.request.url.scheme}://{call.request.url.netloc}"


def session(workspace: Workspace, token: str) -> Document:
    """An upload under way. Raises: ``NotFound``."""
    document = workspace.store.get("upload", token)
    if document is None:
        raise NotFound("No upload is under way with this session token.")
    return document


def of_call(call: Call, path: str) -> Document:
    """The upload of the request's session token. Raises: ``NotFound``, ``InvalidParameter`` for another file's."""
    document = session(call.workspace, call.text("session_token"))
    if document["path"] != place(call.workspace, path, write=True).path:
        raise InvalidParameter(f"The session token is not one of an upload to {path}.")
    return document


def folder(workspace: Workspace, upload: Document) -> Path:
    """Where an upload's parts rest."""
    return workspace.config.uploads / str(upload["folder"])


def end(workspace: Workspace, upload: Document) -> None:
    """Forget an upload and its parts."""
    workspace.store.delete("upload", upload["token"])
    shutil.rmtree(folder(workspace, upload), ignore_errors=True)


def act(call: Call) -> Document:
    """``POST /fs/files/…``. Raises: ``InvalidParameter`` for an action that is not served."""
    action = call.text("action")
    if action == "initiate-upload":
        return initiate(call)
    if action == "complete-upload" and call.text("upload_type", "multipart") == "multipart":
        return complete(call)
    raise InvalidParameter(f"action {action} is not served by the local workspace: uploads are multipart here.")


def initiate(call: Call) -> Document:
    overwrite = call.flag("overwrite", True)
    target = place(call.workspace, call.path["path"], write=True)
    target.free(overwrite=overwrite)
    token = secrets.token_urlsafe(32)
    upload = {"token": token, "folder": secrets.token_hex(16), "path": target.path, "overwrite": overwrite}
    call.workspace.store.put("upload", token, upload)
    return {"multipart_upload": {"session_token": token}}


def part_urls(call: Call) -> Document:
    upload = of_call(call, call.text("path"))
    start, count = call.integer("start_part_number"), call.integer("count")
    if start < 1 or count < 1 or start + count - 1 > PART_LIMIT:
        raise InvalidParameter(f"Parts are numbered from 1 to {PART_LIMIT}: {start} to {start + count - 1} asked for.")
    at = f"{base(call)}/_staging/uploads/{upload['token']}"
    numbers = range(start, start + count)
    return {"upload_part_urls": [{"url": f"{at}/{n}", "part_number": n, "headers": []} for n in numbers]}


def abort_url(call: Call) -> Document:
    upload = of_call(call, call.text("path"))
    return {"abort_upload_url": {"url": f"{base(call)}/_staging/uploads/{upload['token']}", "headers": []}}


async def put_part(call: Call) -> Response:
    workspace, number = call.workspace, call.path["number"]
    upload = session(workspace, call.path["token"])
    if not 1 <= number <= PART_LIMIT:
        raise InvalidParameter(f"Parts are numbered from 1 to {PART_LIMIT}.")
    received = await receive(call.request, folder(workspace, upload))
    part = received.with_name(f"{number}-{received.name}")
    received.rename(part)
    return Response(headers={"etag": f'"{received.name}"'})


def complete(call: Call) -> Document:
    """Join the parts that the request lists. Raises: ``InvalidParameter`` for one that was not uploaded."""
    workspace, upload = call.workspace, of_call(call, call.path["path"])
    parts = [part_file(folder(workspace, upload), part) for part in given_parts(call)]
    first, *others = parts
    with first.open("ab") as joined:
        for other in others:
            with other.open("rb") as part:
                shutil.copyfileobj(part, joined, CHUNK)
            other.unlink()
    try:
        finish(place(workspace, upload["path"], write=True), first, overwrite=upload["overwrite"])
    finally:
        end(workspace, upload)
    return {}


def given_parts(call: Call) -> list[Document]:
    """The request's parts by number. Raises: ``InvalidParameter``."""
    parts = call.arguments.get("parts")
    if not isinstance(parts, list) or not parts or not all(isinstance(part, dict) for part in parts):
        raise InvalidParameter("Expected parts to be a list of objects, each with part_number and etag.")
    numbers = [whole(part.get("part_number")) for part in parts]
    if any(number is None for number in numbers) or len(set(numbers)) < len(numbers):
        raise InvalidParameter("Each of parts needs a part_number of its own.")
    return sorted(parts, key=lambda part: whole(part["part_number"]) or 0)


def part_file(parts: Path, part: Document) -> Path:
    """The file of an uploaded part. Raises: ``InvalidParameter``."""
    etag = str(part.get("etag", "")).strip('"')
    file = parts / f"{whole(part['part_number'])}-{etag}"
    if not etag.isalnum() or not file.is_file():
        raise InvalidParameter(f"Part {part['part_number']} with etag {etag} was not uploaded.")
    return file


def abort(call: Call) -> Response:
    end(call.workspace, session(call.workspace, call.path["token"]))
    return Response()


def download_url(call: Call) -> Document:
    target = place(call.workspace, call.text("path"))
    target.file()
    try:
        until = int(datetime.datetime.fromisoformat(call.text("expire_time")).timestamp())
    except ValueError:
        raise InvalidParameter("Expected expire_time to be a time as in RFC 3339.") from None
    quoted = urllib.parse.quote(target.path)
    return {
        "url": f"{base(call)}/_staging/files/{until}/{signature(call.workspace, until, target.path)}{quoted}",
        "headers": [],
    }


def signature(workspace: Workspace, until: int, path: str) -> str:
    """What makes a download URL good for one file, and until one time."""
    message = f"download:{until}:{path}".encode()
    return hmac.new(workspace.config.token.encode(), message, hashlib.sha256).hexdigest()


def signed_download(call: Call) -> Response:
    until, path = call.path["until"], "/" + call.path["path"]
    # As bytes: texts that are not ASCII cannot be compared.
    given = call.path["signature"].encode(errors="replace")
    if not hmac.compare_digest(given, signature(call.workspace, until, path).encode()):
        raise PermissionDenied("The signature of this URL is not valid.")
    if until < time.time():
        return Response(EXPIRED, 403, media_type="application/xml")
    return content(call.request, place(call.workspace, path).file())


routes = [
    *api("POST", "2.0/fs/files/{path:path}", act),
    *api("POST", "2.0/fs/create-upload-part-urls", part_urls),
    *api("POST", "2.0/fs/create-abort-upload-url", abort_url),
    *api("POST", "2.0/fs/create-download-url", download_url),
    *raw("PUT", "/_staging/uploads/{token}/{number:int}", put_part),
    Route("/_staging/uploads/{token}", endpoint(abort), methods=["DELETE"]),
    Route("/_staging/files/{until:int}/{signature}/{path:path}", endpoint(signed_download), methods=["GET"]),
]
