"""Which lines of notebooks, and of the modules beside them, a task has executed: measured here, reported by pytest-cov.

Coverage.py counts lines of Python files. A source notebook in Python is one. The others are shown by a plugin of it
(harness/notebookcoverage.py), which finds here what of them could be executed: an ``.ipynb`` counts as the text of all
its cells (:class:`Script`), and of a cell of SQL the line on which each statement begins.
"""

from __future__ import annotations

import ast
import contextlib
import itertools
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.kernel.source import Notebook, NotNotebook, read

if TYPE_CHECKING:
    from coverage import Coverage, CoverageData

REPORTER = "harness.notebookcoverage.Notebooks"
# What coverage.py would warn of is the front process's business, and would stand in the notebook's log; breakpoint()
# takes its place (trace-changed).
WARNINGS = (
    "couldnt-parse", "module-not-imported", "module-not-measured", "module-not-python", "no-data-collected",
    "trace-changed",
)  # fmt: skip
_CELL = re.compile(r"(?P<path>.+\.ipynb)#cell-(?P<number>\d+)")


class Script:
    """A notebook as one text, in which lines are counted. ``before``: by cell number, how many lines stand before its
    first one: in an ``.ipynb``, whose cells are each headed by ``# cell N``."""

    def __init__(self, notebook: Notebook) -> None:
        self.before: dict[int, int] = {}
        if notebook.lines_in_file:
            self.text = notebook.path.read_text(encoding="utf-8-sig")
            self.before = dict.fromkeys((cell.number for cell in notebook.cells), 0)
            return
        lines: list[str] = []
        for cell in notebook.cells:
            lines.append(f"# cell {cell.number}")
            # Lines of a cell count from its top, blank ones and its magic included.
            self.before[cell.number] = len(lines)
            lines += [""] * (cell.line - 1) + cell.text.split("\n")
        self.text = "\n".join(lines) + "\n"


class Measured:
    """Measures from now on until :meth:`end`.

    Parameters: ``settings``: of the front process, whose data are combined with ours: ``directory``, in which it runs,
    and the parameters of its ``coverage.Coverage``; empty: nothing is measured.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self._coverage: Coverage | None = None
        self._statements: dict[str, set[int]] = {}
        if settings:
            try:
                self._coverage = _begun(**settings)
            except Exception as error:  # its own business, not the notebook's
                print(f"Coverage is not measured: {type(error).__name__}: {error}", file=sys.stderr)

    def statement(self, code_name: str, line: int) -> None:
        """Take note of an SQL statement that is executed."""
        if self._coverage is not None and not code_name.endswith(".py"):
            self._statements.setdefault(code_name, set()).add(line)

    def end(self) -> None:
        """Write what was measured beside the front process's own data."""
        if self._coverage is None:
            return
        self._coverage.stop()
        try:
            data = self._coverage.get_data()
            for name, lines in self._statements.items():
                _add(data, name, lines)
                if name.endswith(".sql"):
                    data.add_file_tracers({name: REPORTER})
            _move_cells(data)
            if data.has_arcs():
                _join_statements(data)
            self._coverage.save()
        except Exception as error:
            print(f"Coverage is not kept: {type(error).__name__}: {error}", file=sys.stderr)


def _begun(directory: str, **settings: Any) -> Coverage:
    import coverage

    # The notebooks' interpreter, or a notebook's folder, is no place to look for what patterns name.
    with contextlib.chdir(directory):
        measuring = coverage.Coverage(**settings, data_suffix=True)
        measuring.set_option("run:disable_warnings", list(WARNINGS))
        measuring.set_option("run:plugins", [])
        measuring.set_option("run:relative_files", False)
        measuring.start()
    return measuring


def _add(data: CoverageData, name: str, lines: set[int]) -> None:
    if data.has_arcs():
        data.add_arcs({name: [(-1, line) for line in lines]})
    else:
        data.add_lines({name: lines})


def _move_cells(data: CoverageData) -> None:
    """Say of a notebook's script what is known of the cells of an ``.ipynb``."""
    cells = [match for name in data.measured_files() if (match := _CELL.fullmatch(name))]
    scripts: dict[str, Script] = {}
    for match in cells:
        notebook = match["path"]
        with contextlib.suppress(OSError, NotNotebook):  # the notebook has removed itself, or is being written
            if notebook not in scripts:
                scripts[notebook] = Script(read(Path(notebook)))
            added = scripts[notebook].before[int(match["number"])]
            _add(data, notebook, {line + added for line in data.lines(match[0]) or ()})
            data.add_file_tracers({notebook: REPORTER})
    data.purge_files([match[0] for match in cells])


def _join_statements(data: CoverageData) -> None:
    """Lead branches from a source notebook's statement to its next one.

    IPython executes each statement by itself, so that one left by its ``if`` seems to leave the file there.
    """
    for name in data.measured_files():
        if not name.endswith(".py"):
            continue
        with contextlib.suppress(OSError, NotNotebook, SyntaxError, ValueError):
            tree = ast.parse(read(Path(name)).path.read_text(encoding="utf-8-sig"))
            spans = [(_first_line(node), node.end_lineno or node.lineno) for node in tree.body]
            arcs = data.arcs(name) or []
            entered = {end for start, end in arcs if start < 0}
            joined = [
                (line, following)
                for (first, last), (following, _) in itertools.pairwise(spans)
                for line, to in arcs
                if first <= line <= last and to == -1 and following in entered
            ]
            data.add_arcs({name: joined})


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])
