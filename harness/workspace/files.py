"""The Workspace API: notebooks, files and folders, ``/api/2.0/workspace/…``.

Objects rest as plain files: imported ones under ``<directory>/files``; folders of this machine that are mounted
(settings) are seen, never written. A notebook's name carries no suffix, its file does.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lake.paths import SOURCE_MARKS, SUFFIXES, PathNotFound, WorkspacePaths, normal, under
from harness.workspace import confined
from harness.workspace.errors import AlreadyExists, InvalidParameter, InvalidState, NotFound, PermissionDenied
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

HOME = ("Users", "Shared", "Repos")


def seed(workspace: Workspace) -> None:
    """Make the folders that every workspace has."""
    for folder in (*HOME, f"Users/{workspace.config.user}"):
        (workspace.config.files / folder).mkdir(parents=True, exist_ok=True)


def given_path(call: Call) -> str:
    """The request's path, normalised. Raises: ``InvalidParameter`` for one that is relative, climbs or is too long."""
    path = confined.checked(call.text("path"))
    try:
        found = normal(path)
    except ValueError as error:
        raise InvalidParameter(str(error)) from None
    if not under(found, "/Workspace"):
        raise InvalidParameter(f"Path ({path}) is not in the workspace's files: use the Files API or the DBFS API.")
    return found


def as_asked(call: Call, document: Document) -> Document:
    """An object as the request spells its path: ``/Users/…`` and ``/Workspace/Users/…`` are one place.

    Git folders are told from other folders here.
    """
    if document["object_type"] == "DIRECTORY" and call.workspace.store.get("repo", document["object_id"]):
        document = {**document, "object_type": "REPO"}
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


def object_id(path: str) -> int:
    """The id of an object, made of its path: stable, and the same for a mounted folder on every start."""
    return int.from_bytes(hashlib.sha256(path.encode()).digest()[:6], "big")


def view(path: str, local: Path, notebook: bool) -> Document:
    """``ObjectInfo``."""
    number = object_id(path)
    document: Document = {"path": path, "object_id": number, "resource_id": str(number)}
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


def get_status(call: Call) -> Document:
    """With ``return_export_info``, as the Databricks CLI asks, also how a notebook is kept."""
    path = given_path(call)
    local, notebook = lookup(call.workspace.paths, path)
    document = as_asked(call, view(path, local, notebook))
    if notebook and call.flag("return_export_info"):
        document["repos_export_format"] = "JUPYTER" if local.suffix == ".ipynb" else "SOURCE"
    return document


def list_objects(call: Call) -> Document:
    path = given_path(call)
    local, notebook = lookup(call.workspace.paths, path)
    if local.is_file():
        return {"objects": [as_asked(call, view(path, local, notebook))]}
    after = call.integer("notebooks_modified_after", 0)
    found = [
        as_asked(call, child)
        for child in children(call.workspace.paths, path, local)
        if child["object_type"] != "NOTEBOOK" or child["modified_at"] > after
    ]
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
        for repo in call.workspace.store.all("repo"):
            if under(repo["path"], path):
                call.workspace.store.delete("repo", repo["id"])
    return {}


routes = [
    *api("GET", "2.0/workspace/get-status", get_status),
    *api("GET", "2.0/workspace/list", list_objects),
    *api("POST", "2.0/workspace/mkdirs", mkdirs),
    *api("POST", "2.0/workspace/delete", delete),
]
