"""A notebook in its other format: source as ``.ipynb``, ``.ipynb`` as source. Outputs have no place in source."""

from __future__ import annotations

from typing import Any

from harness.kernel.source import (
    CELL_METADATA,
    COMMENTS,
    DEFAULT_LANGUAGES,
    HEADER,
    NOTEBOOK_METADATA,
    Cell,
    Notebook,
)


class CannotConvert(ValueError):
    """A notebook has something that the other format has no place for. The message names it."""


def to_jupyter(notebook: Notebook) -> dict[str, Any]:
    """The notebook as an nbformat 4 document, without outputs, in the shape of Databricks' own exports."""
    name = notebook.path.stem
    return {
        "cells": [_jupyter_cell(cell) for cell in notebook.cells],
        "metadata": {
            NOTEBOOK_METADATA: {"language": notebook.language, "notebookName": name},
            "language_info": {"name": notebook.language},
        },
        "nbformat": 4,
        "nbformat_minor": 0,
    }


def _jupyter_cell(cell: Cell) -> dict[str, Any]:
    own = {CELL_METADATA: {"title": cell.title, "showTitle": bool(cell.title)}}
    if cell.language == "md":
        return {"cell_type": "markdown", "metadata": own, "source": _lines(cell.text)}
    return {
        "cell_type": "code",
        "execution_count": 0,
        "metadata": own,
        "outputs": [],
        "source": _lines(cell.source),
    }


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def to_source(notebook: Notebook) -> tuple[str, str]:
    """The notebook as Databricks source. Returns: the text, and the suffix of its file.

    Raises: ``CannotConvert`` for a raw cell, or a language that has no source format here.
    """
    suffix = next((s for s, language in DEFAULT_LANGUAGES.items() if language == notebook.language), None)
    if suffix is None:
        raise CannotConvert(f"its language is {notebook.language}")
    comment = COMMENTS[suffix]
    cells = [_source_cell(cell, comment) for cell in notebook.cells]
    return f"{comment} {HEADER}\n" + f"\n\n{comment} COMMAND ----------\n\n".join(cells) + "\n", suffix


def _source_cell(cell: Cell, comment: str) -> str:
    if cell.language == "raw":
        raise CannotConvert(f"cell {cell.number} is a raw cell")
    text = cell.source
    if cell.language == "md" and not text.lstrip().startswith("%md"):
        text = f"%md\n{text}"
    lines = text.split("\n")
    # A cell that begins with a magic is one whole; elsewhere a magic is a line of its own.
    whole = lines[0].lstrip().startswith(("%", "!"))
    magic = f"{comment} MAGIC"
    shown = [
        f"{magic} {line}".rstrip() if whole or line.startswith(("%", "!", f"{magic}", f"{comment} COMMAND")) else line
        for line in lines
    ]
    title = [f"{comment} DBTITLE 1,{cell.title}"] if cell.title else []
    return "\n".join([*title, *shown])
