"""Importing workspace objects: ``/api/2.0/workspace/import`` and ``/api/2.0/workspace-files/…``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from harness.lake.paths import SOURCE_MARKS, SUFFIXES
from harness.workspace.errors import AlreadyExists, InvalidParameter, NotFound
from harness.workspace.files import given_path, is_notebook, lookup, writable
from harness.workspace.received import decoded, receive, settle
from harness.workspace.store import Document
from harness.workspace.volumefiles import content as content_of
from harness.workspace.wire import BODY_LIMIT, Call, api, raw

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs: api/workspace/workspace/import, "MAX_NOTEBOOK_SIZE_EXCEEDED".
IMPORT_LIMIT = 10 * 1024 * 1024
LANGUAGES = {"PYTHON": (".py", SOURCE_MARKS[0]), "SQL": (".sql", SOURCE_MARKS[1]), "SCALA": (".scala", SOURCE_MARKS[2])}
LANGUAGES["R"] = (".r", SOURCE_MARKS[0])
# docs: "What are workspace files?", limits.
FILE_LIMIT = 500 * 1024 * 1024


def target(base: Path, kind: str, language: str, content: bytes) -> tuple[Path, bytes]:
    """The file that an import makes, and its content.

    Parameters: ``base``: the object's path on disk; ``kind``: the request's ``format``; ``language``: may be ''.
    Raises: ``InvalidParameter`` for a format or language that is not served, or content that is not of its format.
    """
    if kind == "AUTO":
        # docs: with AUTO, the extension and the content decide between notebook and file.
        if base.suffix == ".ipynb":
            kind, base = "JUPYTER", base.with_suffix("")
        elif base.suffix in SUFFIXES and content.decode(errors="replace").startswith(SOURCE_MARKS):
            return base, content
        else:
            kind = "SOURCE" if language and base.suffix not in SUFFIXES else "RAW"
    if kind == "RAW":
        return base, content
    if kind == "JUPYTER":
        try:
            cells = json.loads(content)["cells"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise InvalidParameter("The content is not a Jupyter notebook (nbformat 4).") from None
        if not isinstance(cells, list):
            raise InvalidParameter("The content is not a Jupyter notebook (nbformat 4).")
        name = base.name.removesuffix(".ipynb")
        return base.with_name(name + ".ipynb"), content
    if kind != "SOURCE":
        raise InvalidParameter(f"Importing {kind} is not served by the local workspace; use SOURCE, JUPYTER or RAW.")
    if language not in LANGUAGES:
        raise InvalidParameter("The language must be PYTHON, SQL, SCALA or R when the format is SOURCE.")
    suffix, mark = LANGUAGES[language]
    if not content.decode(errors="replace").startswith(mark):
        content = f"{mark}\n".encode() + content
    return base.with_name(base.name + suffix), content


def write(workspace: Workspace, path: str, kind: str, language: str, content: bytes, *, overwrite: bool) -> None:
    """Import one object. Raises: ``AlreadyExists``, ``NotFound`` without a parent, ``InvalidParameter``."""
    base = writable(workspace.paths, path)
    if len(content) > IMPORT_LIMIT:
        message = f"The content of {path} exceeds the limit of {IMPORT_LIMIT} bytes."
        raise InvalidParameter(message, error_code="MAX_NOTEBOOK_SIZE_EXCEEDED")
    file, content = target(base, kind, language, content)
    if not file.parent.is_dir():
        raise NotFound(f"The parent folder ({path.rpartition('/')[0]}) does not exist.")
    if base.is_dir():
        raise AlreadyExists(f"Path ({path}) is a folder.")
    stem = file.with_suffix("") if file.suffix in SUFFIXES else file
    taken = {stem.with_name(stem.name + suffix) for suffix in SUFFIXES} | {file}
    existing = [other for other in taken if other.is_file() and (other == file or is_notebook(other))]
    if existing and not overwrite:
        raise AlreadyExists(f"Path ({path}) already exists. Please pass overwrite as true to overwrite it.")
    partial = file.with_name(f".{file.name}.part")
    partial.write_bytes(content)
    for other in existing:
        other.unlink()
    partial.rename(file)


async def import_object(call: Call) -> Document:
    """JSON with base64, or a form with the bytes (``WorkspaceClient.workspace.upload``)."""
    content: bytes | None = None
    if call.request.headers.get("content-type", "").startswith("multipart/"):
        async with call.request.form(max_part_size=BODY_LIMIT) as form:
            for name, value in form.items():
                if isinstance(value, UploadFile):
                    content = await value.read()
                elif name == "content":
                    content = value.encode()
                else:
                    call.arguments[name] = value
    if content is None:
        content = decoded(call.text("content"), "content")
    kind, language = call.text("format", "SOURCE").upper(), call.text("language", "").upper()
    path, overwrite = given_path(call), call.flag("overwrite")
    await run_in_threadpool(write, call.workspace, path, kind, language, content, overwrite=overwrite)
    return {}


class FileExists(AlreadyExists):
    """workspace-files answers 409 for a file, 400 for a notebook (Databricks CLI, workspace_files_client.go)."""

    status = 409


async def import_file(call: Call) -> Document:
    """A file's bytes, of which those of a notebook become one: as ``import`` does with the format AUTO."""
    workspace, overwrite = call.workspace, call.flag("overwrite")
    call.arguments["path"] = "/" + call.path["path"].lstrip("/")
    path = given_path(call)
    received = await receive(call.request, workspace.config.uploads, FILE_LIMIT)
    try:
        await run_in_threadpool(place_file, workspace, path, received, overwrite=overwrite)
    finally:
        received.unlink(missing_ok=True)
    return {}


def place_file(workspace: Workspace, path: str, received: Path, *, overwrite: bool) -> None:
    """Import a received file. Raises: as :func:`write`, ``FileExists`` for a file."""
    try:
        if received.stat().st_size <= IMPORT_LIMIT:
            write(workspace, path, "AUTO", "", received.read_bytes(), overwrite=overwrite)
            return
        base = writable(workspace.paths, path)
        if not base.parent.is_dir():
            raise NotFound(f"The parent folder ({path.rpartition('/')[0]}) does not exist.")
        if base.is_dir() or (base.exists() and not overwrite):
            raise AlreadyExists(f"Path ({path}) already exists.")
        settle(received, base)
    except AlreadyExists as error:
        if lookup(workspace.paths, path)[1]:
            raise
        raise FileExists(error.message) from None


def read_file(call: Call) -> Response:
    """The bytes of a file, or of a notebook as it is kept."""
    call.arguments["path"] = "/" + call.path["path"].lstrip("/")
    path = given_path(call)
    local, _ = lookup(call.workspace.paths, path)
    if local.is_dir() or not local.exists():
        raise InvalidParameter(f"Path ({path}) is a folder.")
    return content_of(call.request, local)


routes = [
    *api("POST", "2.0/workspace/import", import_object),
    *raw("POST", "/api/2.0/workspace-files/import-file/{path:path}", import_file),
    *api("GET", "2.0/workspace-files/{path:path}", read_file),
]
