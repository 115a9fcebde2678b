"""pytest-cov and notebooks: has the tasks of a stack measured, and shows ``.ipynb`` and ``.sql`` notebooks in reports.

A plugin of coverage.py too (``coverage_init``), which pytest-cov's reports are given; who makes others from the same
data (``coverage html``) names this module among the ``plugins`` of coverage.py's configuration.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from coverage import CoverageData, CoveragePlugin, FileReporter
from coverage.exceptions import NotPython
from coverage.files import GlobMatcher, prep_patterns
from coverage.parser import PythonParser
from coverage.plugin_support import Plugins
from IPython.core.inputtransformer2 import TransformerManager

from harness.control import control
from harness.dagrun.connections import Endpoints
from harness.kernel.coverage import REPORTER, Script
from harness.kernel.source import Cell, Notebook, NotNotebook, read
from harness.kernel.statements import statements
from harness.lake.sql.tokens import UnclosedToken

MODULE = "harness.notebookcoverage"
EXCLUDED = "report:exclude_lines"
SUFFIXES = (".ipynb", ".sql")


class Notebooks(CoveragePlugin):  # type: ignore[misc]
    """Tells what of a notebook could be executed."""

    def __init__(self) -> None:
        self._exclude = ""

    def configure(self, config: Any) -> None:
        """Called by coverage.py: its settings."""
        self._exclude = "|".join(f"(?:{each})" for each in config.get_option(EXCLUDED) or ())

    def file_reporter(self, filename: str) -> FileReporter:
        """Called by coverage.py, for files that data of ours say are notebooks."""
        return NotebookReporter(filename, self._exclude)


class NotebookReporter(FileReporter):  # type: ignore[misc]
    """A notebook as the text of its cells. Parameters: ``exclude``: a pattern of lines that do not count."""

    def __init__(self, filename: str, exclude: str = "") -> None:
        super().__init__(filename)
        notebook = read(Path(filename))
        script = Script(notebook)
        self._text = script.text
        self._lines: set[int] = set()
        self._excluded: set[int] = set()
        self._first: dict[int, int] = {}
        for cell in notebook.cells:
            self._read(cell, script.before[cell.number] + cell.line, exclude)

    def source(self) -> str:
        return self._text

    def lines(self) -> set[int]:
        return self._lines

    def excluded_lines(self) -> set[int]:
        return self._excluded

    def translate_lines(self, lines: Iterable[int]) -> set[int]:
        return {self._first.get(line, line) for line in lines}

    def _read(self, cell: Cell, first: int, exclude: str) -> None:
        """Take up a cell, whose text begins on line ``first``."""
        if cell.language == "sql":
            try:
                self._lines |= {line for _, line in statements(cell.text, first)}
            except UnclosedToken:
                return  # such a cell fails before its first statement
        elif cell.language == "python" and cell.text.strip():
            # As the kernel executes it: `!ls` and `%time` are calls.
            parser = PythonParser(text=TransformerManager().transform_cell(cell.text), exclude=exclude or None)
            try:
                parser.parse_source()
            except NotPython:
                return  # or it is `await`, which Python itself does not take here
            before = first - 1
            self._lines |= {line + before for line in parser.statements}
            self._excluded |= {line + before for line in parser.excluded}
            count = cell.text.count("\n") + 1
            self._first |= {line + before: parser.first_line(line) + before for line in range(1, count + 1)}


def coverage_init(reg: Plugins, options: dict[str, Any]) -> None:
    """Called by coverage.py."""
    plugin = Notebooks()
    reg.add_configurer(plugin)
    reg.add_file_tracer(plugin)


def report(controller: Any) -> None:
    """Have pytest-cov's ``controller`` show notebooks, where it is the one that reports."""
    combining = getattr(controller, "combining_cov", None)
    if combining is not None and MODULE not in (known := combining.get_option("run:plugins") or []):
        combining.set_option("run:plugins", [*known, MODULE])


def measure(controller: Any, endpoints: Endpoints) -> None:
    """Have the tasks that a stack starts from now on measured as pytest-cov's ``controller`` measures this process."""
    config = controller.cov.config
    settings: dict[str, Any] = {
        "directory": os.getcwd(),
        "data_file": os.path.abspath(config.data_file),
        "branch": bool(config.branch),
        "config_file": os.path.abspath(config.config_file) if config.config_file else False,
        **({"source": list(config.source)} if config.source else {}),
    }
    control(endpoints, "POST", "coverage", {"settings": settings})
    _note(sorted(_notebooks(config)), settings)


def _notebooks(config: Any) -> Iterator[str]:
    """Notebooks below what is measured, which coverage.py would not look for: those never run count too."""
    omitted = GlobMatcher(prep_patterns(config.run_omit or []), "omit")
    for folder in [*(config.source or []), *(config.source_dirs or [])]:
        for path in Path(folder).resolve().rglob("*"):
            if path.suffix in SUFFIXES and not omitted.match(str(path)) and _is_notebook(path):
                yield str(path)


def _is_notebook(path: Path) -> bool:
    try:
        found: Notebook = read(path)
    except (OSError, NotNotebook):
        return False
    return found.language in ("python", "sql")


def _note(paths: list[str], settings: dict[str, Any]) -> None:
    if paths:
        data = CoverageData(basename=settings["data_file"], suffix=True)
        nothing: dict[str, list[Any]] = {path: [] for path in paths}
        if settings["branch"]:
            data.add_arcs(nothing)
        else:
            data.add_lines(nothing)
        data.add_file_tracers(dict.fromkeys(paths, REPORTER))
        data.write()
