"""The sources of a pipeline: notebooks and files, Python and SQL, each with variables of its own."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

from harness.kernel.dbutils import DBUtils
from harness.kernel.display import Display
from harness.kernel.failures import Sources
from harness.kernel.notebook import NotebookRun, predefined
from harness.kernel.pipelines import statements
from harness.kernel.pipelines.definitions import Graph, NotSupported, PipelineError, Place, SourceFailed
from harness.kernel.shell import Shell
from harness.kernel.source import COMMENTS, HEADER, Notebook, read
from harness.lake.paths import WorkspacePaths


class Loader:
    """Runs sources, so that they define what they define.

    Parameters: ``directory``: where executed notebooks are written.
    """

    def __init__(
        self,
        shell: Shell,
        spark: Any,
        dbutils: DBUtils,
        display: Display,
        paths: WorkspacePaths,
        graph: Graph,
        directory: Path,
    ) -> None:
        self._shell, self._spark, self._dbutils, self._display = shell, spark, dbutils, display
        self._paths, self._graph, self._directory = paths, graph, directory
        # Local file → its name in the workspace.
        self.names: dict[str, str] = {}
        self.sources = Sources()
        self._loaded = 0

    def load(self, path: Path, workspace_path: str) -> None:
        """Run one source. Raises: what it raises; ``SourceFailed`` for a notebook; ``PipelineError``."""
        self.names[str(path)] = workspace_path
        self._loaded += 1
        if str(path.parent) not in sys.path:
            sys.path.insert(0, str(path.parent))
        if not is_notebook(path):
            if path.suffix == ".sql":
                self._sql(path.read_text(encoding="utf-8-sig"), workspace_path, 1)
            else:
                self._module(path)
            return
        notebook = read(path)
        self.sources.add(workspace_path, notebook)
        if notebook.language == "sql":
            self._sql_notebook(notebook, workspace_path)
        elif notebook.language == "python":
            self._python_notebook(path, workspace_path)
        else:
            raise NotSupported(f"A {notebook.language} notebook as a source of a pipeline ({workspace_path})")

    def place(self) -> Place:
        """Where the code is that runs: the innermost line that is not ours."""
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None:
            if (found := self.locate(frame.f_code.co_filename, frame.f_lineno)) is not None:
                return found
            frame = frame.f_back
        return Place("", 0)

    def locate(self, code_name: str, line: int) -> Place | None:
        """Where a line of code is in the workspace; None for code that is not the pipeline's."""
        file, _, cell = code_name.partition("#cell-")
        name = self.names.get(file)
        if name is None:
            name = next((f"{prefix}{file[len(str(folder)) :]}" for prefix, folder in self._paths.roots.items()
                         if file.startswith(f"{folder}/")), None)  # fmt: skip
        if name is None:
            return None
        return Place(f"{name}, cell {cell}" if cell else name, line)

    def _module(self, path: Path) -> None:
        module = types.ModuleType(path.stem)
        module.__dict__.update(predefined(self._spark, self._dbutils, self._display), __file__=str(path))
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)

    def _python_notebook(self, path: Path, workspace_path: str) -> None:
        self._shell.renew()
        run = NotebookRun(self._shell, predefined(self._spark, self._dbutils, self._display), self._paths)
        result = run.run(path, workspace_path, self._directory / f"source-{self._loaded}.ipynb")
        if result.error is not None:
            raise SourceFailed(result.error)

    def _sql_notebook(self, notebook: Notebook, workspace_path: str) -> None:
        for cell in notebook.cells:
            if cell.language == "sql":
                name = workspace_path if notebook.lines_in_file else f"{workspace_path}, cell {cell.number}"
                self._sql(cell.text, name, cell.line)
            elif cell.language not in ("md", "md-sandbox", "raw", "skip") and cell.text.strip():
                raise NotSupported(
                    f"A cell of %{cell.language} in a SQL notebook of a pipeline ({workspace_path}, cell {cell.number})"
                )

    def _sql(self, text: str, name: str, line: int) -> None:
        statements.define(self._graph, self._spark, text, name, line)


def is_notebook(path: Path) -> bool:
    """Whether a file is a notebook, by its first line or its suffix."""
    if path.suffix == ".ipynb":
        return True
    comment = COMMENTS.get(path.suffix)
    if comment is None:
        raise PipelineError(
            "PIPELINE_UNSUPPORTED_DEFINITIONS_FILE_EXTENSION",
            f"The file {path.name} is neither a .py nor a .sql file, nor a notebook.",
        )
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        return file.readline().rstrip() == f"{comment} {HEADER}"
