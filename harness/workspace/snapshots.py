"""A whole workspace as a folder, and back: ``POST /_harness/snapshot`` and ``/_harness/restore``.

Records are a copy of the SQLite file; the files of managed tables are links where they are immutable. A restored table
lies in a new folder (what Spark remembers of an old one cannot meet it), so locations in records are rewritten.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from harness.lake.paths import storage_folders
from harness.lake.trees import copy_tree, never_written_again
from harness.workspace import catalogs, control
from harness.workspace.errors import InvalidParameter, InvalidState
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

FORM = 1
MANIFEST, RECORDS = "workspace.json", "workspace.db"


async def snapshot(call: Call) -> Document:
    """Write the workspace into the folder ``path``, which is made. Raises: ``InvalidState`` while a run is active."""
    folder = _folder(call)
    if folder.exists():
        raise InvalidParameter(f"There is something at {folder} already.")
    _check_idle(call.workspace)
    await run_in_threadpool(save, call.workspace, folder)
    return {"path": str(folder)}


async def restore(call: Call) -> Document:
    """Reset, then bring back what the folder ``path`` holds. Raises: ``InvalidParameter`` for no snapshot."""
    folder = _folder(call)
    manifest = _manifest(folder)
    await control.reset(call)
    await run_in_threadpool(load, call.workspace, folder, manifest)
    return {"path": str(folder)}


def save(workspace: Workspace, folder: Path) -> None:
    """Write a snapshot, whole or not at all."""
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True, mode=0o700)  # secrets are among the records
    try:
        # Files first: a record of what has no files yet would be a table that cannot be read.
        for name, (place, linked) in _folders(workspace).items():
            copy_tree(place, part / name, linked)
        workspace.store.backup(part / RECORDS)
        manifest = {
            "form": FORM,
            "directory": str(_directory(workspace)),
            "warehouse": str(catalogs.warehouse(workspace)),
        }
        (part / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        os.replace(part, folder)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def load(workspace: Workspace, folder: Path, manifest: Document) -> None:
    """Bring a snapshot into a workspace that has just been reset."""
    for name, (place, linked) in _folders(workspace).items():
        copy_tree(folder / name, place, linked)
    moves = [
        (f"{manifest['warehouse']}/", f"{catalogs.warehouse(workspace)}/"),
        (f"{manifest['directory']}/", f"{_directory(workspace)}/"),
    ]
    workspace.store.replace(folder / RECORDS, lambda text: _moved(text, moves))
    control.seed(workspace)  # links of volumes; mounted folders of this stack
    workspace.runs.load()
    known = set(workspace.config.catalogs)
    if control.engine_status(workspace)["state"] == "ready":
        for catalog in workspace.store.all("catalog"):
            if catalog["name"] not in known:
                workspace.engine.add_catalog(catalog["name"])
        # Who read a table meanwhile has made Spark remember it, and that no table has a row filter.
        workspace.engine.clear_caches()


def _moved(text: str, moves: list[tuple[str, str]]) -> str:
    for old, new in moves:
        text = text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    return text


def _folders(workspace: Workspace) -> dict[str, tuple[Path, Callable[[Path], bool]]]:
    """What a snapshot holds beside the records: its name there, its folder here, which files are linked."""
    directory = _directory(workspace)

    def copied(path: Path) -> bool:
        return False

    def linked(path: Path) -> bool:
        # A volume's files are its user's: they may be written in place.
        return "__unitystorage" not in path.parts and never_written_again(path)

    return {
        "warehouse": (catalogs.warehouse(workspace), linked),
        "files": (workspace.config.files, copied),
        "dbfs": (storage_folders(directory)["/dbfs"], copied),
        "runs": (directory / "runs", copied),
    }


def _directory(workspace: Workspace) -> Path:
    return workspace.config.directory.resolve()


def _check_idle(workspace: Workspace) -> None:
    if active := [run.run_id for run in workspace.runs.all() if not run.state.ended]:
        raise InvalidState(f"Run {active[0]} is under way: a snapshot is of a workspace at rest.")


def _folder(call: Call) -> Path:
    path = Path(call.text("path"))
    if not path.is_absolute() or ".." in path.parts:
        raise InvalidParameter(f"Expected path to be absolute: {path}")
    return path


def _manifest(folder: Path) -> Document:
    try:
        manifest: Document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        with sqlite3.connect(f"file:{folder / RECORDS}?mode=ro", uri=True) as records:
            records.execute("SELECT count(*) FROM documents")
        records.close()
    except (OSError, ValueError, sqlite3.Error) as error:
        raise InvalidParameter(f"{folder} holds no snapshot: {error}") from None
    if manifest.get("form") != FORM:
        raise InvalidParameter(f"{folder} is a snapshot of another form, {manifest.get('form')}.")
    return manifest


routes = [
    Route("/_harness/snapshot", endpoint(snapshot), methods=["POST"]),
    Route("/_harness/restore", endpoint(restore), methods=["POST"]),
]
