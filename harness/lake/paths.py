"""Where a workspace path rests on this machine.

Databricks spells one place in two ways: ``/Users/a@b.c/x`` and ``/Workspace/Users/a@b.c/x`` are the same object
(docs.databricks.com, "What are workspace files?"), and so are ``/Shared`` and ``/Repos``.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Suffix of a notebook's file, by language; a notebook's workspace name carries none.
SUFFIXES = {".py": "PYTHON", ".ipynb": "PYTHON", ".sql": "SQL", ".scala": "SCALA", ".r": "R", ".R": "R"}
SOURCE_MARKS = ("# Databricks notebook source", "-- Databricks notebook source", "// Databricks notebook source")


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
    """The one spelling of a workspace path: absolute, under ``/Workspace``, without ``..`` or a trailing slash.

    Raises: ``ValueError`` for a relative path.
    """
    if not path.startswith("/"):
        raise ValueError(f"Path ({path}) doesn't start with '/'")
    clean = posixpath.normpath(path)
    clean = "/" + clean.lstrip("/")
    if clean == "/Workspace" or clean.startswith("/Workspace/"):
        return clean
    return "/Workspace" if clean == "/" else "/Workspace" + clean


class WorkspacePaths:
    """Workspace path prefixes and the local folders behind them; the longest prefix that matches wins."""

    def __init__(self, roots: Mapping[str, str | Path]) -> None:
        self.roots = {normal(prefix): Path(folder) for prefix, folder in roots.items()}
        self._by_length = sorted(self.roots, key=len, reverse=True)

    def local(self, path: str) -> Path:
        """The file or folder behind a workspace path, whether or not it exists.

        Raises: ``PathNotFound`` when no root covers it.
        """
        name = normal(path)
        for prefix in self._by_length:
            if name == prefix or name.startswith(prefix + "/"):
                return self.roots[prefix] / name[len(prefix) :].lstrip("/")
        raise PathNotFound(path)

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
