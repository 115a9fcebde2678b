"""The Files API's files, ``/api/2.0/fs/files/…``: of any size, streamed to and from disk."""

from __future__ import annotations

import email.utils
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from harness.workspace.received import receive, settle
from harness.workspace.storage import Modified, Place, Present, place
from harness.workspace.wire import Call, api, raw


class Content(FileResponse):
    """A file as the answer, or the range of it that was asked for."""

    chunk_size = 1024 * 1024


def content(request: Request, file: Path) -> Response:
    """The answer with a file. Raises: ``Modified`` when it changed since ``If-Unmodified-Since``."""
    stat = file.stat()
    unmodified, modified = (_seconds(request, f"if-{word}-since") for word in ("unmodified", "modified"))
    if unmodified is not None and int(stat.st_mtime) > unmodified:
        raise Modified("The file was modified since the time of If-Unmodified-Since.")
    if modified is not None and int(stat.st_mtime) <= modified:
        return Response(status_code=304)
    return Content(file, media_type="application/octet-stream", stat_result=stat)


def _seconds(request: Request, header: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(request.headers[header]).timestamp()
    except (KeyError, ValueError):  # HTTP has a date that cannot be read ignored
        return None


def finish(target: Place, whole: Path, *, overwrite: bool) -> None:
    """Put a whole file in its place, or remove it. Raises: ``Present``."""
    try:
        settle(whole, target.free(overwrite=overwrite))
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Present(f"A part of {target.path} exists and is not a directory.") from None
    finally:
        whole.unlink(missing_ok=True)


def download(call: Call) -> Response:
    return content(call.request, place(call.workspace, call.path["path"]).file())


async def upload(call: Call) -> Response:
    workspace, overwrite = call.workspace, call.flag("overwrite", True)
    target = await run_in_threadpool(place, workspace, call.path["path"], write=True)
    target.free(overwrite=overwrite)
    whole = await receive(call.request, workspace.config.uploads)
    await run_in_threadpool(finish, target, whole, overwrite=overwrite)
    return Response(status_code=204)


def delete(call: Call) -> Response:
    target = place(call.workspace, call.path["path"], write=True)
    target.file()
    target.local.unlink()
    return Response(status_code=204)


FILES = "2.0/fs/files/{path:path}"
routes = [
    *api("GET", FILES, download),
    *raw("PUT", f"/api/{FILES}", upload),
    *api("DELETE", FILES, delete),
]
