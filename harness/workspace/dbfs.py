"""The DBFS API, ``/api/2.0/dbfs/…``: files of ``dbfs:/``, which is a folder of this machine.

Reads and blocks are base64 of at most 1 MB (docs: api/workspace/dbfs). Notebooks and Spark see the same folder
(harness/lake/paths.py).
"""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from harness.lake.paths import storage_folders
from harness.workspace import confined
from harness.workspace.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound
from harness.workspace.received import decoded, new_file, settle
from harness.workspace.store import Document
from harness.workspace.wire import BODY_LIMIT, Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

MEGABYTE = 1024 * 1024
READ_DEFAULT = MEGABYTE // 2


def root(workspace: Workspace) -> Path:
    """The folder of ``dbfs:/``."""
    return storage_folders(workspace.config.directory)["/dbfs"]


def seed(workspace: Workspace) -> None:
    """Make the folder."""
    root(workspace).mkdir(parents=True, exist_ok=True)


def forget(workspace: Workspace) -> None:
    """Remove every file of DBFS, and what was being uploaded."""
    shutil.rmtree(root(workspace), ignore_errors=True)
    shutil.rmtree(workspace.config.uploads, ignore_errors=True)
    seed(workspace)


def given_path(call: Call, field: str = "path") -> str:
    """A path of the request without ``dbfs:``. Raises: ``InvalidParameter`` for one that is not DBFS's."""
    path = call.text(field).removeprefix("dbfs:")
    if not path.startswith("/"):
        raise InvalidParameter(f"Path must be absolute: {path}")
    path = "/" + "/".join(name for name in confined.checked(path).split("/") if name not in ("", "."))
    if path == "/Volumes" or path.startswith("/Volumes/"):
        raise InvalidParameter(
            f"Path ({path}) is in a volume: the DBFS API does not serve volumes, the Files API does."
        )
    return path


def local_of(workspace: Workspace, path: str) -> Path:
    """The file or folder behind a DBFS path."""
    return confined.inside(root(workspace), path)


def existing(call: Call, field: str = "path") -> tuple[str, Path]:
    """A path of the request and what is there. Raises: ``NotFound``."""
    path = given_path(call, field)
    local = local_of(call.workspace, path)
    if not local.exists():
        raise NotFound(f"No file or directory exists on path {path}.")
    return path, local


def view(path: str, local: Path) -> Document:
    """``FileInfo``."""
    stat, folder = local.stat(), local.is_dir()
    size = 0 if folder else stat.st_size
    return {"path": path, "is_dir": folder, "file_size": size, "modification_time": int(stat.st_mtime * 1000)}


def block(text: str, field: str) -> bytes:
    """Bytes sent as base64. Raises: ``InvalidParameter``, as ``MAX_BLOCK_SIZE_EXCEEDED`` over 1 MB."""
    data = decoded(text, field)
    if len(data) > MEGABYTE:
        message = f"The block of {len(data)} bytes exceeds the limit of {MEGABYTE} bytes."
        raise InvalidParameter(message, error_code="MAX_BLOCK_SIZE_EXCEEDED")
    return data


def free(workspace: Workspace, path: str, *, overwrite: bool) -> Path:
    """Where a new file goes. Raises: ``AlreadyExists``."""
    local = local_of(workspace, path)
    if local.is_dir() or (local.exists() and not overwrite):
        raise AlreadyExists(f"A file or directory already exists at the input path {path}.")
    return local


def place(path: str, whole: Path, local: Path) -> None:
    """Put a whole file where it belongs. Raises: ``AlreadyExists`` when a part of its path is a file."""
    try:
        settle(whole, local)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise AlreadyExists(f"Path {path}, or a part of it, exists and is not a folder.") from None


async def put(call: Call) -> Document:
    """JSON with base64 up to 1 MB, or a form with the file's bytes (``databricks fs cp``)."""
    workspace = call.workspace
    whole = new_file(workspace.config.uploads)
    try:
        if call.request.headers.get("content-type", "").startswith("multipart/"):
            async with call.request.form(max_part_size=BODY_LIMIT) as form:
                posted = form.get("contents")
                call.arguments |= {name: value for name, value in form.items() if isinstance(value, str)}
                if isinstance(posted, UploadFile):
                    with whole.open("wb") as file:
                        await run_in_threadpool(shutil.copyfileobj, posted.file, file)
        if not whole.exists():
            whole.write_bytes(block(call.text("contents"), "contents"))
        path, overwrite = given_path(call), call.flag("overwrite")
        await run_in_threadpool(place, path, whole, free(workspace, path, overwrite=overwrite))
    finally:
        whole.unlink(missing_ok=True)
    return {}


def create(call: Call) -> Document:
    workspace, path, overwrite = call.workspace, given_path(call), call.flag("overwrite")
    free(workspace, path, overwrite=overwrite)
    partial = new_file(workspace.config.uploads)
    partial.touch()
    handle = workspace.store.next("dbfs-handle")
    workspace.store.put("dbfs-handle", handle, {"path": path, "overwrite": overwrite, "partial": partial.name})
    return {"handle": handle}


def opened(call: Call) -> Document:
    """The stream of the request's handle. Raises: ``NotFound``."""
    handle = call.integer("handle")
    document = call.workspace.store.get("dbfs-handle", handle)
    if document is None:
        raise NotFound(f"No stream is open with handle {handle}.")
    return {**document, "handle": handle}


def add_block(call: Call) -> Document:
    stream, data = opened(call), block(call.text("data"), "data")
    with (call.workspace.config.uploads / stream["partial"]).open("ab") as file:
        file.write(data)
    return {}


def close(call: Call) -> Document:
    """End a stream: the file is there from now on."""
    workspace, stream = call.workspace, opened(call)
    if workspace.store.delete("dbfs-handle", stream["handle"]) is None:
        raise NotFound(f"No stream is open with handle {stream['handle']}.")
    whole = workspace.config.uploads / stream["partial"]
    try:
        place(stream["path"], whole, free(workspace, stream["path"], overwrite=stream["overwrite"]))
    finally:
        whole.unlink(missing_ok=True)
    return {}


def read(call: Call) -> Document:
    path, local = existing(call)
    offset, length = call.integer("offset", 0), call.integer("length", READ_DEFAULT)
    if local.is_dir():
        raise InvalidParameter(f"Path ({path}) is a directory: only files can be read.")
    if offset < 0 or length < 0:
        raise InvalidParameter("offset and length must not be negative.")
    if length > MEGABYTE:
        message = f"The length of {length} bytes exceeds the limit of {MEGABYTE} bytes."
        raise InvalidParameter(message, error_code="MAX_READ_SIZE_EXCEEDED")
    with local.open("rb") as file:
        file.seek(offset)
        data = file.read(length)
    return {"bytes_read": len(data), "data": base64.b64encode(data).decode()}


def get_status(call: Call) -> Document:
    return view(*existing(call))


def list_files(call: Call) -> Document:
    path, local = existing(call)
    if local.is_file():
        return {"files": [view(path, local)]}
    base = path.rstrip("/")
    found = [view(f"{base}/{child.name}", child) for child in confined.entries(root(call.workspace), local)]
    return {"files": found} if found else {}


def mkdirs(call: Call) -> Document:
    path = given_path(call)
    try:
        local_of(call.workspace, path).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise AlreadyExists(f"Path {path}, or a part of it, exists and is not a folder.") from None
    return {}


def move(call: Call) -> Document:
    source, local = existing(call, "source_path")
    path = given_path(call, "destination_path")
    if source == "/" or path.startswith(source + "/"):
        raise InvalidParameter(f"Path ({source}) cannot be moved to {path}: it would be in itself.")
    place(path, local, free(call.workspace, path, overwrite=False))
    return {}


def delete(call: Call) -> Document:
    """Deleting what is not there succeeds; a full folder is ``IO_ERROR`` (Databricks CLI, dbfs_client.go)."""
    path = given_path(call)
    local = local_of(call.workspace, path)
    if path == "/":
        raise InvalidParameter("The root folder cannot be deleted.")
    if local.is_symlink() or local.is_file():
        local.unlink()
    elif local.is_dir():
        if any(local.iterdir()) and not call.flag("recursive"):
            raise InvalidState(f"Directory {path} is not empty: pass recursive to delete it.", error_code="IO_ERROR")
        shutil.rmtree(local)
    return {}


routes = [
    *api("POST", "2.0/dbfs/put", put),
    *api("POST", "2.0/dbfs/create", create),
    *api("POST", "2.0/dbfs/add-block", add_block),
    *api("POST", "2.0/dbfs/close", close),
    *api("GET", "2.0/dbfs/read", read),
    *api("GET", "2.0/dbfs/get-status", get_status),
    *api("GET", "2.0/dbfs/list", list_files),
    *api("POST", "2.0/dbfs/mkdirs", mkdirs),
    *api("POST", "2.0/dbfs/move", move),
    *api("POST", "2.0/dbfs/delete", delete),
]
