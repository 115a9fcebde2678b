"""Notebooks as files: a Databricks source export (``.py``, ``.sql``) or an ``.ipynb``, taken apart into cells.

Databricks' source format is a comment on the first line, ``# COMMAND ----------`` between cells, ``# MAGIC`` before
every line of a cell that is not plain code, and ``# DBTITLE 1,…`` for a title (docs.databricks.com, "Import and export
notebooks"; ``--`` instead of ``#`` in SQL notebooks).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Cell magics that name a language or act on the whole cell. %pip is none of them: it is a line within a Python cell.
LANGUAGES = frozenset({"python", "sql", "md", "md-sandbox", "sh", "fs", "run", "scala", "r", "skip"})
COMMENTS = {".py": "#", ".sql": "--"}
DEFAULT_LANGUAGES = {".py": "python", ".sql": "sql"}
HEADER = "Databricks notebook source"
NOTEBOOK_METADATA = "application/vnd.databricks.v1+notebook"
CELL_METADATA = "application/vnd.databricks.v1+cell"

_MAGIC = re.compile(r"%(" + "|".join(sorted(LANGUAGES, key=len, reverse=True)) + r")(?![\w-])[ \t]*(.*)")
_TITLE = re.compile(r"DBTITLE [01],(.*)")


class NotNotebook(ValueError):
    """A file is not a notebook, or a damaged one. The message names the file and what is wrong with it."""


@dataclass(frozen=True)
class Cell:
    """One cell. ``number`` counts from 1. ``line``: where ``text`` begins, counted from 1 in the file of a source
    notebook and in the cell of an ``.ipynb``. ``source`` is the cell as its author wrote it, with its magic."""

    number: int
    language: str
    text: str
    line: int
    source: str
    title: str = ""


@dataclass(frozen=True)
class Notebook:
    """A notebook file taken apart. ``lines_in_file``: whether cell lines count in the file (source) or in the cell."""

    path: Path
    language: str
    cells: list[Cell]
    lines_in_file: bool


def read(path: Path) -> Notebook:
    """Take a notebook file apart.

    Raises: ``NotNotebook`` for an unknown suffix, a source file without its first-line mark, a damaged ``.ipynb``.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotNotebook(f"{path} is not a notebook: it is not UTF-8 text ({error})") from error
    if path.suffix == ".ipynb":
        language, cells = _ipynb(path, text)
        return Notebook(path, language, cells, lines_in_file=False)
    if path.suffix not in COMMENTS:
        raise NotNotebook(f"{path} is a {path.suffix} notebook: only Python and SQL notebooks run here")
    language = DEFAULT_LANGUAGES[path.suffix]
    return Notebook(path, language, _source(path, text, COMMENTS[path.suffix], language), lines_in_file=True)


def typed(number: int, text: str) -> Cell:
    """A cell as somebody typed it, with the magic that it may begin with."""
    return _cell(number, text.replace("\r\n", "\n").split("\n"), 1, "python", "")


def _source(path: Path, text: str, comment: str, language: str) -> list[Cell]:
    # Not splitlines(): Python counts lines by \n alone, and a form feed in a string must not shift the count.
    lines = text.replace("\r\n", "\n").split("\n")
    mark = f"{comment} {HEADER}"
    if lines[0].rstrip() != mark:
        raise NotNotebook(f'{path} is not a notebook: its first line is not "{mark}"')
    separator = f"{comment} COMMAND ----------"
    cells: list[Cell] = []
    start = 1
    for index in [*(i for i, line in enumerate(lines) if i and line.rstrip() == separator), len(lines)]:
        cells.append(_source_cell(len(cells) + 1, lines[start:index], start + 1, comment, language))
        start = index + 1
    return cells


def _source_cell(number: int, lines: list[str], line: int, comment: str, language: str) -> Cell:
    lines, line = _without_blank_lines(lines, line)
    title = ""
    if lines and lines[0].startswith(comment) and (match := _TITLE.fullmatch(lines[0][len(comment) :].strip())):
        title = match[1]
        lines, line = _without_blank_lines(lines[1:], line + 1)
    magic = f"{comment} MAGIC"
    return _cell(number, [_unmagic(text, magic) for text in lines], line, language, title)


def _unmagic(line: str, magic: str) -> str:
    if line.rstrip() == magic:
        return ""
    return line[len(magic) + 1 :] if line.startswith(magic + " ") else line


def _cell(number: int, lines: list[str], line: int, language: str, title: str) -> Cell:
    lines, line = _without_blank_lines(lines, line)
    source = "\n".join(lines)
    match = _MAGIC.fullmatch(lines[0].strip()) if lines else None
    if match:
        language = match[1]
        if match[2]:
            lines = [match[2], *lines[1:]]
        else:
            lines, line = _without_blank_lines(lines[1:], line + 1)
    return Cell(number, language, "\n".join(lines), line, source, title)


def _without_blank_lines(lines: list[str], line: int) -> tuple[list[str], int]:
    first = next((i for i, text in enumerate(lines) if text.strip()), len(lines))
    last = next((i for i in range(len(lines), first, -1) if lines[i - 1].strip()), first)
    return lines[first:last], line + first


def _ipynb(path: Path, text: str) -> tuple[str, list[Cell]]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise NotNotebook(
            f"{path} is not a notebook: line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    if not isinstance(document, dict) or not isinstance(document.get("cells"), list):
        raise NotNotebook(f"{path} is not a notebook of format 4: it has no list of cells")
    metadata: dict[str, Any] = document.get("metadata") or {}
    info = metadata.get(NOTEBOOK_METADATA) or metadata.get("language_info") or metadata.get("kernelspec") or {}
    language = str(info.get("language") or info.get("name") or "python").lower()
    return language, [_ipynb_cell(path, i, cell, language) for i, cell in enumerate(document["cells"], 1)]


def _ipynb_cell(path: Path, number: int, cell: Any, language: str) -> Cell:
    kind = cell.get("cell_type") if isinstance(cell, dict) else None
    source = cell.get("source") if kind in ("code", "markdown", "raw") else None
    if isinstance(source, list):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotNotebook(f"{path} is not a notebook: cell {number} has no source")
    title = str(((cell.get("metadata") or {}).get(CELL_METADATA) or {}).get("title") or "")
    if kind != "code":
        return Cell(number, "md" if kind == "markdown" else "raw", source, 1, source, title)
    return _cell(number, source.replace("\r\n", "\n").split("\n"), 1, language, title)
