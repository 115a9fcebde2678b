"""What the kernel of a pipeline's update is told: the pipeline's source files, found, and what to refresh."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.lake.paths import PathNotFound, WorkspacePaths, normal
from harness.runner.taskkinds import CannotRun

SUFFIXES = (".py", ".sql", ".ipynb")
# Of a folder's files, those that are nobody's source.
HIDDEN = ("__pycache__", ".")


def update(asked: Mapping[str, Any], paths: WorkspacePaths) -> dict[str, Any]:
    """What the kernel executes.

    Parameters: ``asked``: as the workspace has put the update together (workspace/pipelineupdates.py).
    Raises: ``CannotRun`` for a source that does not exist.
    """
    sources = [source for library in asked["libraries"] for source in _found(library, paths)]
    unique = list(dict.fromkeys(sources))
    if not unique:
        raise CannotRun("The pipeline has no source code: its libraries name no notebook or file.")
    root = asked.get("root_path")
    try:
        folder = paths.local(root) if root else unique[0][1].parent
    except (PathNotFound, ValueError) as error:
        raise CannotRun(f"The root folder of the pipeline, {root}, does not exist in the workspace.") from error
    return {
        "kind": "pipeline",
        "path": str(folder / "pipeline"),
        "workspace_path": str(asked["name"]),
        "pipeline": {
            **{name: value for name, value in asked.items() if name not in ("libraries", "root_path")},
            "sources": [{"workspace_path": name, "path": str(path)} for name, path in unique],
        },
    }


def _found(library: Mapping[str, Any], paths: WorkspacePaths) -> Iterator[tuple[str, Path]]:
    """The files of one library, with their names in the workspace."""
    if notebook := library.get("notebook"):
        yield _notebook(str(notebook["path"]), paths)
    elif file := library.get("file"):
        yield _file(str(file["path"]), paths)
    else:
        include = str(library["glob"]["include"])
        if include.endswith("/**"):
            yield from _folder(include.removesuffix("/**"), paths)
        else:
            try:
                yield _file(include, paths)
            except CannotRun:
                yield _notebook(include, paths)


def _notebook(path: str, paths: WorkspacePaths) -> tuple[str, Path]:
    try:
        notebook = paths.notebook(path)
    except (PathNotFound, ValueError) as error:
        raise CannotRun(
            f"Unable to access the notebook '{path}' in the workspace: it does not exist, or is not of a language "
            "that a pipeline's source can have."
        ) from error
    return notebook.workspace_path, notebook.path


def _file(path: str, paths: WorkspacePaths) -> tuple[str, Path]:
    try:
        found = paths.local(path)
    except (PathNotFound, ValueError):
        found = None
    if found is None or not found.is_file():
        raise CannotRun(f"Unable to access the file '{path}' in the workspace: it does not exist.")
    return normal(path), found


def _folder(path: str, paths: WorkspacePaths) -> Iterator[tuple[str, Path]]:
    try:
        folder = paths.local(path)
    except (PathNotFound, ValueError):
        folder = None
    if folder is None or not folder.is_dir():
        raise CannotRun(f"Unable to access the folder '{path}' in the workspace: it does not exist.")
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.suffix in SUFFIXES and file.is_file() and not any(part.startswith(HIDDEN) for part in parts):
            yield f"{normal(path)}/{'/'.join(parts)}", file
