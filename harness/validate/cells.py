"""The cells of a notebook as Python sees them, and the line of the file that each line of a cell is."""

from __future__ import annotations

import ast
import json

from harness.kernel.source import Cell, Notebook
from harness.validate.sources import Position

# In notebooks, `await` needs no function around it.
FLAGS = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class CellBroken(Exception):
    """A Python cell does not parse. ``line`` counts from 1 in the cell's text."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def python(cell: Cell) -> ast.Module:
    """The syntax tree of a Python cell, its magics and shell commands turned into calls as IPython does it.

    Raises: ``CellBroken``.
    """
    try:
        return _parsed(cell.text)
    except (SyntaxError, ValueError) as error:
        if not any(mark in cell.text for mark in "%!?"):
            raise _broken(error) from None
    try:
        return _parsed(_transformed(cell.text))
    except (SyntaxError, ValueError) as error:
        raise _broken(error) from None


def _parsed(text: str) -> ast.Module:
    tree = compile(text, "<cell>", "exec", FLAGS, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    return tree


def _broken(error: SyntaxError | ValueError) -> CellBroken:
    return CellBroken(getattr(error, "msg", None) or str(error), getattr(error, "lineno", None) or 1)


def _transformed(text: str) -> str:
    from IPython.core.inputtransformer2 import TransformerManager

    return str(TransformerManager().transform_cell(text))


class Lines:
    """Where a line of a cell's text is in the notebook's file."""

    def __init__(self, notebook: Notebook, text: str) -> None:
        self._notebook = notebook
        self._lines = {} if notebook.lines_in_file else _of_ipynb(notebook, text)

    def at(self, cell: Cell, line: int = 1, column: int = 1) -> Position:
        """``line`` counts from 1 in ``cell.text``."""
        number = cell.line + line - 1
        if self._lines:
            rows = self._lines.get(cell.number, [1])
            number = rows[min(number, len(rows)) - 1]
            column = 1
        return Position(self._notebook.path, number, column)


def _of_ipynb(notebook: Notebook, text: str) -> dict[int, list[int]]:
    """Cell number to the file's line of each line of its source, found in the order in which they are in the JSON."""
    found: dict[int, list[int]] = {}
    position = text.find('"cells"')
    for number, cell in enumerate(json.loads(text)["cells"], 1):
        source = cell["source"]
        # One text: all of its lines are on one line of the file.
        parts = source if isinstance(source, list) else [source]
        rows: list[int] = []
        for part in parts:
            where = max(text.find(json.dumps(part, ensure_ascii=flag), position) for flag in (True, False))
            if where >= 0:
                position = where + 1
            rows += [text.count("\n", 0, position) + 1] * max(1, len(part.splitlines()))
        found[number] = rows or [1]
    return found
