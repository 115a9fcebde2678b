"""The Workspace API: notebooks, files and folders, ``/api/2.0/workspace/…``.

Objects rest as plain files: imported ones under ``<directory>/files``; folders of this machine that are mounted
(settings) are seen, never written. A notebook's name carries no suffix, its file does.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from harness.lake.paths import SOURCE_MARKS, SUFFIXES, PathNotFound, WorkspacePaths, normal, under
from harness.workspace.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound, PermissionDenied
from harness.workspace.store import Document
from harness.workspace.wire import BODY_LIMIT, Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs: api/workspace/workspace/import, "MAX_NOTEBOOK_SIZE_EXCEEDED".
IMPORT_LIMIT = 10 * 1024 * 1024
LANGUAGES = {"PYTHON": (".py", SOURCE_MARKS[0]), "SQL": (".sql", SOURCE_MARKS[1]), "SCALA": (".scala", SOURCE_MARKS[2])}
LANGUAGES["R"] = (".r", SOURCE_MARKS[0])
HOME = ("Users", "Shared", "Repos")


def seed(workspace: Workspace) -> None:
    """Make the folders that every workspace has."""
    for folder in (*HOME, f"Users/{workspace.config.user}"):
        (workspace.config.files / folder).mkdir(parents=True, exist_ok=True)


def given_path(call: Call) -> str:
    """The request's path, normalised. Raises: ``InvalidParameter`` for one that is relative or climbs."""
    path = call.text("path")
    if ".." in path.split("/") or any(ord(c) < 32 for c in path):
        raise InvalidParameter(f"Path ({path}) must not contain '..' or control characters.")
    try:
        found = normal(path)
    except ValueError as error:
        raise InvalidParameter(str(error)) from None
    if not under(found, "/Workspace"):
        raise InvalidParameter(f"Path ({path}) is not in the workspace's files: use the Files API or the DBFS API.")
    return found


def as_asked(call: Call, document: Document) -> Document:
    """An object's path in the spelling of the request: ``/Users/…`` and ``/Workspace/Users/…`` are one place."""
    if call.text("path").startswith("/Workspace"):
        return document
    return {**document, "path": document["path"].removeprefix("/Workspace") or "/"}


def is_notebook(file: Path) -> bool:
    """Whether a file is a notebook: ``.ipynb``, or source that begins with Databricks' mark."""
    if file.suffix == ".ipynb":
        return True
    if file.suffix not in SUFFIXES:
        return False
    with file.open(errors="replace") as text:
        return text.readline().startswith(SOURCE_MARKS)


def lookup(paths: WorkspacePaths, path: str) -> tuple[Path, bool]:
    """The file or folder of an object, and whether it is a notebook. Raises: ``NotFound``."""
    try:
        local = paths.local(path)
        if local.exists() and (local.is_dir() or not is_notebook(local)):
            return local, False
        return paths.notebook(path).path, True
    except PathNotFound:
        if any(mount.startswith(path + "/") for mount in paths.roots):
            return paths.roots["/Workspace"] / path.removeprefix("/Workspace").lstrip("/"), False
        raise NotFound(f"Path ({path}) doesn't exist.") from None


def writable(paths: WorkspacePaths, path: str) -> Path:
    """Where to write an object. Raises: ``PermissionDenied`` inside a mounted folder."""
    for mount, folder in paths.roots.items():
        if mount != "/Workspace" and (path == mount or path.startswith(mount + "/")):
            raise PermissionDenied(
                f"Path ({path}) is in {mount}, which is the local folder {folder}, seen read-only in this workspace. "
                "Change the file there, or import to another workspace folder."
            )
    return paths.local(path)


def view(path: str, local: Path, notebook: bool) -> Document:
    """``ObjectInfo``. The id is made of the path: stable, and the same for a mounted folder on every start."""
    object_id = int.from_bytes(hashlib.sha256(path.encode()).digest()[:6], "big")
    document: Document = {"path": path, "object_id": object_id, "resource_id": str(object_id)}
    if not local.exists() or local.is_dir():
        return {**document, "object_type": "DIRECTORY"}
    stat = local.stat()
    made = {"created_at": int(stat.st_ctime * 1000), "modified_at": int(stat.st_mtime * 1000)}
    if notebook:
        return {**document, **made, "object_type": "NOTEBOOK", "language": SUFFIXES[local.suffix]}
    return {**document, **made, "object_type": "FILE", "size": stat.st_size}


def children(paths: WorkspacePaths, path: str, folder: Path) -> list[Document]:
    """What a folder holds, by name, mounted folders among it."""
    found: dict[str, Document] = {}
    for local in sorted(folder.iterdir()) if folder.is_dir() else ():
        if local.name.startswith(".") or local.name == "__pycache__":
            continue
        notebook = local.is_file() and is_notebook(local)
        name = local.stem if notebook else local.name
        found[name] = view(f"{path}/{name}", local, notebook)
    for mount, target in paths.roots.items():
        if mount.startswith(path + "/"):
            name = mount[len(path) + 1 :].partition("/")[0]
            if name not in found or mount == f"{path}/{name}":
                found[name] = view(f"{path}/{name}", target, False)
    return [found[name] for name in sorted(found)]


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
        except (ValueError, KeyError, TypeError):
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
        try:
            content = base64.b64decode(call.text("content"), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidParameter("content is not valid base64.") from None
    kind, language = call.text("format", "SOURCE").upper(), call.text("language", "").upper()
    path, overwrite = given_path(call), call.flag("overwrite")
    await run_in_threadpool(write, call.workspace, path, kind, language, content, overwrite=overwrite)
    return {}


def export(call: Call) -> Document | Response:
    path = given_path(call)
    local, notebook = lookup(call.workspace.paths, path)
    if local.is_dir():
        raise InvalidParameter(f"Path ({path}) is a folder; exporting folders is not served by the local workspace.")
    kind = call.text("format", "SOURCE").upper()
    own = ("JUPYTER" if local.suffix == ".ipynb" else "SOURCE") if notebook else "RAW"
    if kind not in ("AUTO", own) and (notebook or kind != "SOURCE"):
        raise InvalidParameter(f"Path ({path}) is kept as {own}; exporting it as {kind} is not served here.")
    content = local.read_bytes()
    if call.flag("direct_download"):
        disposition = {"content-disposition": f'attachment; filename="{local.name}"'}
        return Response(content, media_type="application/octet-stream", headers=disposition)
    return {"content": base64.b64encode(content).decode(), "file_type": local.suffix.removeprefix(".")}


def get_status(call: Call) -> Document:
    path = given_path(call)
    return as_asked(call, view(path, *lookup(call.workspace.paths, path)))


def list_objects(call: Call) -> Document:
    path = given_path(call)
    local, notebook = lookup(call.workspace.paths, path)
    if local.is_file():
        return {"objects": [as_asked(call, view(path, local, notebook))]}
    found = [as_asked(call, child) for child in children(call.workspace.paths, path, local)]
    return {"objects": found} if found else {}


def mkdirs(call: Call) -> Document:
    path = given_path(call)
    folder = writable(call.workspace.paths, path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise AlreadyExists(f"Path ({path}), or a part of it, exists and is not a folder.") from None
    return {}


def delete(call: Call) -> Document:
    path = given_path(call)
    if path == "/Workspace":
        raise InvalidParameter("The root folder cannot be deleted.")
    local, _ = lookup(call.workspace.paths, path)
    writable(call.workspace.paths, path)
    if local.is_file():
        local.unlink()
    elif any(local.iterdir()) and not call.flag("recursive"):
        raise InvalidState(f"Folder ({path}) is not empty", error_code="DIRECTORY_NOT_EMPTY")
    else:
        shutil.rmtree(local)
    return {}


routes = [
    *api("POST", "2.0/workspace/import", import_object),
    *api("GET", "2.0/workspace/export", export),
    *api("GET", "2.0/workspace/get-status", get_status),
    *api("GET", "2.0/workspace/list", list_objects),
    *api("POST", "2.0/workspace/mkdirs", mkdirs),
    *api("POST", "2.0/workspace/delete", delete),
]
