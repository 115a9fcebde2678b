"""The Files API's directories, ``/api/2.0/fs/directories/…``."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from starlette.responses import Response

from harness.workspace import confined
from harness.workspace.errors import InvalidParameter
from harness.workspace.storage import Place, Present, Unfit, place
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

PAGE_LIMIT = 1000


def view(parent: Place, local: Path) -> Document:
    """``DirectoryEntry``."""
    stat, folder = local.stat(), local.is_dir()
    entry: Document = {"path": f"{parent.path.rstrip('/')}/{local.name}", "name": local.name, "is_directory": folder}
    if folder:
        return entry
    return {**entry, "file_size": stat.st_size, "last_modified": int(stat.st_mtime * 1000)}


def token(name: str) -> str:
    """A page token: the name after which the next page begins. Clients delete as they list, so no position."""
    return base64.urlsafe_b64encode(name.encode(errors="surrogateescape")).decode()


def name_of(given: str) -> str:
    """The name in a page token. Raises: ``InvalidParameter``."""
    try:
        return base64.b64decode(given, altchars=b"-_", validate=True).decode(errors="surrogateescape")
    except (binascii.Error, ValueError):
        raise InvalidParameter(f"Invalid page_token: {given}") from None


def list_contents(call: Call) -> Document | Response:
    """GET, and HEAD: which only tells whether the directory is there."""
    target = place(call.workspace, call.path["path"])
    folder = target.folder()
    if call.request.method == "HEAD":
        return Response()
    size = call.integer("page_size", PAGE_LIMIT) or PAGE_LIMIT
    if size < 0:
        raise InvalidParameter(f"Invalid page_size: {size}. It must not be negative.")
    size = min(size, PAGE_LIMIT)
    after = name_of(call.text("page_token", ""))
    found = [local for local in confined.entries(target.root, folder) if local.name > after]
    document: Document = {"contents": [view(target, local) for local in found[:size]]}
    if len(found) > size:
        document["next_page_token"] = token(found[size - 1].name)
    return document


def create(call: Call) -> Response:
    target = place(call.workspace, call.path["path"], write=True)
    try:
        target.local.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Present(f"{target.path}, or a part of it, exists and is not a directory.") from None
    return Response(status_code=204)


def delete(call: Call) -> Response:
    target = place(call.workspace, call.path["path"], write=True)
    folder = target.folder()
    if folder == target.root:
        raise InvalidParameter(f"{target.path} is a volume: delete it with the Volumes API.")
    if any(folder.iterdir()):
        raise Unfit(f"The directory is not empty: {target.path}", "FILES_API_DIRECTORY_IS_NOT_EMPTY")
    folder.unlink() if folder.is_symlink() else folder.rmdir()
    return Response(status_code=204)


DIRECTORIES = "2.0/fs/directories/{path:path}"
routes = [
    *api("GET", DIRECTORIES, list_contents),
    *api("PUT", DIRECTORIES, create),
    *api("DELETE", DIRECTORIES, delete),
]
