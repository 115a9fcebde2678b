"""Running a notebook: its cells in order, ``%run`` in the same namespace, the executed notebook as an ``.ipynb``."""

from __future__ import annotations

import json
import os
import posixpath
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.kernel.coverage import Measured
from harness.kernel.dbutils import DBUtils, NotebookExit, PythonRestarted
from harness.kernel.display import Display
from harness.kernel.failures import Position, Sources, describe
from harness.kernel.livetables import LiveTable
from harness.kernel.magics import Magics
from harness.kernel.outputs import Outputs, finished
from harness.kernel.redaction import Redaction
from harness.kernel.runline import run_arguments
from harness.kernel.shell import Shell
from harness.kernel.source import Cell, Notebook, read
from harness.kernel.spec import KernelError, KernelResult
from harness.lake.paths import SUFFIXES, PathNotFound, WorkspacePaths

# A cell that took longer is worth a write of the notebook at once, so that a killed task leaves what it had done.
WRITE_AFTER_SECONDS = 0.5


class NotebookNotFound(Exception):
    """``%run`` names a notebook that is not there. The message says where it was looked for."""


class NotebookCycle(Exception):
    """Notebooks that ``%run`` each other without end."""


class NotebookRun:
    """One notebook with what it includes, in one namespace. Parameters: ``names``: what it finds there
    (:func:`predefined`)."""

    def __init__(
        self,
        shell: Shell,
        names: Mapping[str, Any],
        paths: WorkspacePaths,
        measured: Measured | None = None,
    ) -> None:
        self._shell = shell
        self._outputs: Outputs = shell.outputs
        self._dbutils: DBUtils = names["dbutils"]
        self._paths = paths
        self._display: Display = names["display"]
        self._magics = Magics(shell, names["spark"], self._dbutils, self._display, shell.outputs)
        self._names = names
        self._sources = Sources()
        self._including: list[str] = []
        self._failed_at: Position | None = None
        self._measured = measured or Measured({})

    def run(self, path: Path, workspace_path: str, executed: Path) -> KernelResult:
        """Run a notebook's cells until one fails or exits.

        Parameters: ``path``: its file; ``executed``: where the executed notebook is written, also after a failure.
        """
        self._shell.namespace.update(self._names)
        error: KernelError | None = None
        exit_value: str | None = None
        try:
            notebook = read(path)
        except (OSError, ValueError) as failure:
            return KernelResult(False, error=describe(failure, self._sources, Position(workspace_path, 0, 0)))
        self._sources.add(workspace_path, notebook)
        self._including.append(workspace_path)
        document = Executed(notebook, executed, self._outputs.redaction)
        streaming: list[_Streaming] = []
        for cell in notebook.cells:
            started = time.monotonic()
            outputs = self._outputs.begin()
            count = self._shell.count
            try:
                self._execute(notebook, workspace_path, cell)
            except NotebookExit as leave:
                exit_value = leave.value
                self._outputs.data({"text/plain": f"Notebook exited: {exit_value}"})
            except BaseException as failure:
                error = describe(failure, self._sources, self._failed_at)
                self._outputs.error(error.name, error.value, error.trace)
            seconds = time.monotonic() - started
            document.add(cell, outputs, count, seconds)
            if self._display.live:
                streaming.append(_Streaming(cell, outputs, count, seconds, list(self._display.live)))
                self._display.live.clear()
            if error is not None or exit_value is not None:
                break
        for each in streaming:
            failed = self._ended(each, document, workspace_path, settle=error is None)
            if error is None and failed is not None:
                error, exit_value = failed, None
        document.write()
        values = self._dbutils.jobs.taskValues.own
        return KernelResult(error is None, exit_value=exit_value, error=error, task_values=values)

    def _ended(self, shown: _Streaming, document: Executed, name: str, settle: bool) -> KernelError | None:
        """Have the streams that a cell displays end, and show what has come. Returns: why one of them had failed."""
        error = None
        for table in shown.tables:
            failure = table.end(settle)
            if failure is not None and error is None:
                error = describe(failure, self._sources, Position(name, shown.cell.number, shown.cell.line))
                shown.outputs.append(
                    {"output_type": "error", "ename": error.name, "evalue": error.value, "traceback": []}
                )
        document.add(shown.cell, shown.outputs, shown.count, shown.seconds)
        return error

    def one(self, notebook: Notebook, workspace_path: str, cell: Cell) -> None:
        """Execute a cell that was typed. Raises: whatever it does, ``NotebookExit`` among it."""
        self._failed_at = None
        self._including.clear()  # the notebook that it stands for may well be run
        try:
            self._execute(notebook, workspace_path, cell)
        except Exception as failure:
            error = describe(failure, self._sources, self._failed_at)
            print(error.trace or f"{error.name}: {error.value}", file=sys.stderr)

    def _execute(self, notebook: Notebook, workspace_path: str, cell: Cell) -> None:
        if not cell.text.strip():
            return
        self._magics.line = cell.line
        try:
            if cell.language == "run":
                self._include(workspace_path, *run_arguments(cell.text))
            elif cell.language == "python":
                name = self._sources.code_name(notebook, cell.number)
                error = self._shell.run(cell.text, name, cell.line, notebook.lines_in_file)
                if error is not None:
                    raise error
            else:
                name = self._sources.code_name(notebook, cell.number)
                self._magics.run(cell.language, cell.text, cell.line, partial(self._measured.statement, name))
        except PythonRestarted:
            self._shell.clear()
            self._shell.namespace.update(self._names)
        except BaseException:
            if self._failed_at is None:
                line = self._magics.line
                offset = line - cell.line
                text = cell.text.split("\n")
                source = text[offset].strip() if 0 <= offset < len(text) else ""
                self._failed_at = Position(workspace_path, cell.number, line, source)
            raise

    def _include(self, parent: str, target: str, arguments: Mapping[str, str]) -> None:
        """``%run``: the cells of another notebook, here."""
        name = target if target.startswith("/") else posixpath.join(posixpath.dirname(parent), target)
        try:
            found = self._paths.notebook(name)
        except PathNotFound as error:
            raise NotebookNotFound(_not_found(target, name, self._paths)) from error
        if found.workspace_path in self._including:
            chain = " -> ".join([*self._including, found.workspace_path])
            raise NotebookCycle(f"%run {target} would include a notebook in itself: {chain}")
        notebook = read(found.path)
        self._sources.add(found.workspace_path, notebook)
        self._including.append(found.workspace_path)
        with self._dbutils.widgets.given(arguments):
            for cell in notebook.cells:
                self._execute(notebook, found.workspace_path, cell)
        self._including.pop()


def predefined(spark: Any, dbutils: DBUtils, display: Display) -> dict[str, Any]:
    """The variables that a notebook finds defined (``databricks.sdk.runtime.dbruntime_objects`` lists them)."""
    from pyspark.sql import SQLContext
    from pyspark.sql.functions import udf

    return {
        "spark": spark,
        "sc": spark.sparkContext,
        "sqlContext": SQLContext(spark.sparkContext, spark),
        "sql": spark.sql,
        "table": spark.table,
        "udf": udf,
        "dbutils": dbutils,
        "display": display,
        "displayHTML": display.html,
        "getArgument": dbutils.widgets.getArgument,
    }


def _not_found(target: str, name: str, paths: WorkspacePaths) -> str:
    try:
        place = paths.local(name)
        looked = f"{place} with {', '.join(SUFFIXES)}"
    except PathNotFound:
        looked = f"the mounted folders {', '.join(sorted(paths.roots))}"
    # All but the last sentence is the service's.
    return (
        f"Notebook not found: {target}. Notebooks can be specified via a relative path (./Notebook or "
        f"../folder/Notebook) or via an absolute path (/Abs/Path/to/Notebook). Looked for: {looked}."
    )


@dataclass
class _Streaming:
    """A cell that has run and displays streams that go on."""

    cell: Cell
    outputs: list[dict[str, Any]]
    count: int
    seconds: float
    tables: list[LiveTable]


class Executed:
    """The executed notebook: all cells, with outputs for those that ran."""

    def __init__(self, notebook: Notebook, path: Path, redaction: Redaction) -> None:
        self._path = path
        self._redaction = redaction
        self._notebook = notebook
        self._cells = [_document_cell(cell) for cell in notebook.cells]

    def add(self, cell: Cell, outputs: list[dict[str, Any]], count: int, seconds: float) -> None:
        """Take up what a cell put out. ``count``: its number, as in ``In [n]``; ``seconds``: how long it took."""
        document = self._cells[cell.number - 1]
        if document["cell_type"] == "code" and cell.text.strip() and cell.language != "skip":
            document["outputs"] = finished(outputs, self._redaction)
            document["execution_count"] = count
            document["metadata"]["seconds"] = round(seconds, 3)
        if seconds > WRITE_AFTER_SECONDS:
            self.write()

    def write(self) -> None:
        """Write the file, whole or not at all."""
        document = {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {
                "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
                "language_info": {"name": "python"},
                "title": self._notebook.path.stem,
            },
            "cells": self._cells,
        }
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(document))
        os.replace(part, self._path)


def _document_cell(cell: Cell) -> dict[str, Any]:
    metadata: dict[str, Any] = {"language": cell.language}
    if cell.title:
        metadata["title"] = cell.title
    if cell.language in ("md", "md-sandbox"):
        return {"cell_type": "markdown", "metadata": metadata, "source": cell.text}
    if cell.language == "raw":
        return {"cell_type": "raw", "metadata": metadata, "source": cell.source}
    if cell.language in ("sql", "sh"):
        metadata["magics_language"] = {"sql": "sql", "sh": "bash"}[cell.language]
    return {
        "cell_type": "code",
        "metadata": metadata,
        "source": cell.source,
        "outputs": [],
        "execution_count": None,
    }
