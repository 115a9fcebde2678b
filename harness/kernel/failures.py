"""Turning an exception into what a person needs: where in which notebook, and a plain-text trace of their own code.

Frames of IPython, py4j, pyspark and the harness are left out, and of a Java stack only the causes are kept.
"""

from __future__ import annotations

import linecache
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType

from harness.kernel.source import Notebook
from harness.kernel.spec import KernelError

MACHINERY = ("IPython", "py4j", "pyspark", "harness")
_JAVA_FRAME = re.compile(r"\s+at [\w.$/<>@ -]+\([^)]*\)\s*|\s*\.\.\. \d+ (more|common frames omitted)\s*")
_CELL_NAME = re.compile(r"(?P<path>.+)#cell-(?P<number>\d+)")


@dataclass(frozen=True)
class Position:
    """A place in a notebook. ``line`` counts as in :class:`harness.kernel.source.Cell`."""

    notebook: str
    cell: int
    line: int
    source: str = ""


def _plain(source: str) -> str:
    return source.removeprefix("# MAGIC ").removeprefix("-- MAGIC ")


class Sources:
    """The notebooks of this process, by the file name that their code objects carry."""

    def __init__(self) -> None:
        self._notebooks: dict[str, tuple[str, Notebook]] = {}

    def add(self, workspace_path: str, notebook: Notebook) -> None:
        self._notebooks[str(notebook.path)] = (workspace_path, notebook)

    def code_name(self, notebook: Notebook, number: int) -> str:
        """The ``co_filename`` of a cell: for source notebooks the real file, which debuggers and traces point at."""
        return str(notebook.path) if notebook.lines_in_file else f"{notebook.path}#cell-{number}"

    def locate(self, code_name: str, line: int) -> Position | None:
        """The cell that a line of code belongs to, or None when it is not a notebook's."""
        if match := _CELL_NAME.fullmatch(code_name):
            found = self._notebooks.get(match["path"])
            if found is not None:
                return Position(found[0], int(match["number"]), line, linecache.getline(code_name, line).strip())
        found = self._notebooks.get(code_name)
        if found is None:
            return None
        path, notebook = found
        cell = max((cell for cell in notebook.cells if cell.line <= line), key=lambda c: c.line, default=None)
        source = linecache.getline(code_name, line).strip()
        return Position(path, cell.number if cell else 0, line, _plain(source))


def describe(error: BaseException, sources: Sources, running: Position | None = None) -> KernelError:
    """Say what went wrong and where.

    Parameters: ``error`` with its traceback; ``running``: the cell that ran, used when no line of Python in it is to
    blame (``%sql``, ``%sh``, …).
    """
    position = _position(error, sources) or running or Position("", 0, 0)
    lines = [line for block in _chain(error, sources) for line in block]
    return KernelError(
        name=type(error).__name__,
        value=_value(error),
        trace="\n".join(lines),
        notebook=position.notebook,
        cell=position.cell,
        line=position.line,
        source=position.source,
    )


def _position(error: BaseException, sources: Sources) -> Position | None:
    """The deepest notebook line that the exception passed through."""
    if isinstance(error, SyntaxError) and error.filename:
        found = sources.locate(error.filename, error.lineno or 0)
        if found is not None:
            return replace(found, source=(error.text or found.source).strip())
    places = [sources.locate(name, line) for name, line, _ in _frames(error.__traceback__)]
    return next((place for place in reversed(places) if place is not None), None)


def _frames(trace: TracebackType | None) -> Iterator[tuple[str, int, str]]:
    for frame, line in traceback.walk_tb(trace):
        yield frame.f_code.co_filename, line, frame.f_code.co_qualname


def _chain(error: BaseException, sources: Sources, seen: frozenset[int] = frozenset()) -> Iterator[list[str]]:
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None and id(earlier) not in seen:
        yield from _chain(earlier, sources, seen | {id(error)})
        happened = "The above exception was the direct cause of the following exception:"
        if error.__cause__ is None:
            happened = "During handling of the above exception, another exception occurred:"
        yield ["", happened, ""]
    yield _block(error, sources)


def _block(error: BaseException, sources: Sources) -> list[str]:
    lines = []
    for name, line, function in _frames(error.__traceback__):
        if _is_machinery(name):
            continue
        lines.append(_place(name, line, function, sources))
        if text := linecache.getline(name, line).strip():
            lines.append(f"    {text}")
    heading = ["Traceback (most recent call last):"] if lines else []
    if isinstance(error, SyntaxError):
        # The line and the caret under it; "# cell 3" as in other places.
        last = "".join(traceback.format_exception_only(error)).rstrip().splitlines()
        if error.filename and (position := sources.locate(error.filename, error.lineno or 0)):
            last[0] = _where(error.filename, error.lineno or 0, position)
        return [*heading, *lines, *last]
    notes = [str(note) for note in getattr(error, "__notes__", [])]
    return [*heading, *lines, f"{type(error).__name__}: {_value(error)}".rstrip(": "), *notes]


def _place(name: str, line: int, function: str, sources: Sources) -> str:
    position = sources.locate(name, line)
    if position is None:
        return f'  File "{name}", line {line}, in {function}'
    return f"{_where(name, line, position)}, in {function}"


def _where(name: str, line: int, position: Position) -> str:
    if match := _CELL_NAME.fullmatch(name):
        return f'  File "{match["path"]}", cell {position.cell}, line {line}'
    return f'  File "{name}", line {line} (cell {position.cell})'


def _value(error: BaseException) -> str:
    """The exception's text without the frames of a Java stack; causes are kept."""
    if isinstance(error, SyntaxError):
        return str(error.msg)
    try:
        text = _without_plan(error)
    except Exception as broken:
        return f"<its text could not be made: {type(broken).__name__}>"
    return "\n".join(line.rstrip() for line in text.split("\n") if not _JAVA_FRAME.fullmatch(line)).strip()


def _without_plan(error: BaseException) -> str:
    from pyspark.errors import AnalysisException

    from harness.lake.sql.failures import failure

    # Spark appends the whole logical plan to what it says of a wrong statement.
    return failure(error).message if isinstance(error, AnalysisException) else str(error)


def _is_machinery(name: str) -> bool:
    return name.startswith("<frozen ") or name.startswith(_folders())


@cache
def _folders() -> tuple[str, ...]:
    specs = [find_spec(module) for module in MACHINERY]
    return tuple(f"{Path(spec.origin).parent}/" for spec in specs if spec and spec.origin)
