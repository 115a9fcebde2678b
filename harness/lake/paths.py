"""Where a workspace path, a volume's path or a DBFS path rests on this machine.

Databricks spells one place in two ways: ``/Users/a@b.c/x`` and ``/Workspace/Users/a@b.c/x`` are the same object
(docs.databricks.com, "What are workspace files?"), and so are ``/Shared`` and ``/Repos``. Likewise ``dbfs:/x`` is
``/dbfs/x``, and ``dbfs:/Volumes/x`` is ``/Volumes/x`` ("Work with files on Databricks").
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Suffix of a notebook's file, by language; a notebook's workspace name carries none.
SUFFIXES = {".py": "PYTHON", ".ipynb": "PYTHON", ".sql": "SQL", ".scala": "SCALA", ".r": "R", ".R": "R"}
SOURCE_MARKS = ("# Databricks notebook source", "-- Databricks notebook source", "// Databricks notebook source")

# What a cluster's file system shows beside the workspace's files.
STORAGE = ("/dbfs", "/Volumes")


def storage_folders(directory: Path) -> dict[str, Path]:
    """Where DBFS and the volumes of a workspace are found: decided here, and nowhere else.

    Parameters: ``directory``: the workspace's own. Returns: path prefix to folder; that of ``/Volumes`` holds a link
    ``<catalog>/<schema>/<volume>`` for each volume with a local folder.
    """
    return {"/dbfs": directory.resolve() / "dbfs", "/Volumes": directory.resolve() / "volumes"}


class PathNotFound(LookupError):
    """No file rests at a workspace path."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


@dataclass(frozen=True)
class NotebookFile:
    """A notebook on disk: its workspace name, its file, its language."""

    workspace_path: str
    path: Path
    language: str


def normal(path: str) -> str:
    """The one spelling of a path: absolute, under ``/Workspace``, ``/dbfs`` or ``/Volumes``, without ``..`` or a
    trailing slash. A volume's own name is in lower case, as Unity Catalog keeps it.

    Raises: ``ValueError`` for a relative path.
    """
    if path.startswith("dbfs:/"):
        path = "/dbfs" + path.removeprefix("dbfs:")
    if not path.startswith("/"):
        raise ValueError(f"Path ({path}) doesn't start with '/'")
    clean = posixpath.normpath(path)
    clean = "/" + clean.lstrip("/")
    if under(clean, "/dbfs/Volumes"):
        clean = clean.removeprefix("/dbfs")
    if under(clean, "/Volumes"):
        _, volumes, *names = clean.split("/", 5)
        return "/".join(["", volumes, *(name.lower() for name in names[:3]), *names[3:]])
    if under(clean, "/Workspace") or under(clean, "/dbfs"):
        return clean
    return "/Workspace" if clean == "/" else "/Workspace" + clean


def under(path: str, prefix: str) -> bool:
    """Whether a path is a prefix, or is below it."""
    return path == prefix or path.startswith(prefix + "/")


class WorkspacePaths:
    """Path prefixes and the local folders behind them; the longest prefix that matches wins."""

    def __init__(self, roots: Mapping[str, str | Path]) -> None:
        self.roots = {normal(prefix): Path(folder) for prefix, folder in roots.items()}
        self._by_length = sorted(self.roots, key=len, reverse=True)

    def local(self, path: str) -> Path:
        """The file or folder behind a path, whether or not it exists.

        Raises: ``PathNotFound`` when no root covers it.
        """
        name = normal(path)
        for prefix in self._by_length:
            if under(name, prefix):
                return self.roots[prefix] / name[len(prefix) :].lstrip("/")
        raise PathNotFound(path)

    def mounted(self, path: str) -> Path | None:
        """The local path behind one that a cluster's file system has: ``/dbfs/…``, ``/Volumes/…``, ``/Workspace/…``.

        Returns: ``None`` for another path, and for one in a volume that is not there.
        """
        if not any(under(path, prefix) for prefix in (*STORAGE, "/Workspace")):
            return None
        try:
            local = self.local(path)
        except PathNotFound:
            return None
        names = normal(path).split("/")
        if names[1] == "Volumes" and len(names) > 4 and not self.local("/".join(names[:5])).exists():
            return None
        return local

    def notebook(self, path: str) -> NotebookFile:
        """The notebook at a workspace path, with or without its suffix.

        Raises: ``PathNotFound``.
        """
        base = self.local(path)
        for suffix, language in SUFFIXES.items():
            candidate = base.with_name(base.name + suffix)
            if candidate.is_file():
                return NotebookFile(normal(path), candidate, language)
        if base.is_file() and base.suffix in SUFFIXES:
            return NotebookFile(normal(path), base, SUFFIXES[base.suffix])
        raise PathNotFound(path)
