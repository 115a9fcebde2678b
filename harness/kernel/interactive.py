"""``python -m harness.kernel.interactive SPEC HISTORY``: IPython on a terminal, with all that a notebook has.

What is typed is a cell: ``%sql``, ``%run``, ``%fs`` and the others mean what they mean in a notebook.
"""

from __future__ import annotations

import os

# Before anything imports numpy, as in a task's process (__main__.py).
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402
from functools import partial  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from IPython.terminal.interactiveshell import TerminalInteractiveShell  # noqa: E402
from traitlets.config import Config  # noqa: E402

from harness import netguard  # noqa: E402
from harness.kernel.dbutils import NotebookExit, PythonRestarted  # noqa: E402
from harness.kernel.notebook import NotebookRun  # noqa: E402
from harness.kernel.outputs import Outputs  # noqa: E402
from harness.kernel.redaction import Redaction  # noqa: E402
from harness.kernel.session import Session  # noqa: E402
from harness.kernel.shell import CellCompiler, Shell  # noqa: E402
from harness.kernel.source import Cell, Notebook, typed  # noqa: E402
from harness.kernel.spec import KernelSpec  # noqa: E402

ENDS = (NotebookExit, PythonRestarted)


class Printed(Outputs):
    """What cells display, as text on the terminal."""

    def data(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        count: int | None = None,
        display_id: str | None = None,
    ) -> None:
        print(data.get("text/plain") or f"<{next(iter(data), 'nothing')}>")

    def update(self, display_id: str, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        self.data(data, metadata)


class Redacted:
    """A stream of the terminal that shows no secret."""

    def __init__(self, stream: Any, redaction: Redaction) -> None:
        self._stream, self._redaction = stream, redaction

    def write(self, text: str) -> int:
        self._stream.write(self._redaction(text))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class TypedShell(TerminalInteractiveShell):  # type: ignore[misc]
    """IPython on a terminal. ``other``: executes the cells that are not Python; ``restart``: forgets all variables."""

    compiler_class = CellCompiler
    other: Callable[[Cell], None]
    restart: Callable[[], None]

    def run_cell(self, raw_cell: str, *arguments: Any, **options: Any) -> Any:
        """Execute what was typed, or a cell of a notebook that it includes."""
        if self.compile.place is not None:
            return super().run_cell(raw_cell, *arguments, **options)
        cell = typed(self.execution_count, raw_cell)
        if cell.language == "python":
            error = super().run_cell(cell.text, *arguments, **options).error_in_exec
        else:
            error = self._of_another(cell)
        if isinstance(error, NotebookExit):
            print(f"Notebook exited: {error.value}")
        elif isinstance(error, PythonRestarted):
            self.restart()
        return None

    def _of_another(self, cell: Cell) -> BaseException | None:
        self.history_manager.store_inputs(self.execution_count, cell.source, cell.source)
        try:
            self.other(cell)
        except KeyboardInterrupt:
            print("\nKeyboardInterrupt", file=sys.stderr)
        except ENDS as end:
            return end
        finally:
            self.compile.place = None
            self.execution_count += 1
        return None

    def enable_gui(self, gui: str | None = None) -> None:
        """Plots are shown where they are made, as in a notebook."""

    def showtraceback(self, *arguments: Any, **options: Any) -> None:
        """IPython's trace, but for what is no error, and for what :meth:`NotebookRun.one` tells of."""
        if self.compile.place is None and not isinstance(sys.exc_info()[1], ENDS):
            super().showtraceback(*arguments, **options)


def main() -> None:
    """Serve one terminal until it is left."""
    place, history = map(Path, sys.argv[1:])
    spec = KernelSpec.read(place)
    place.unlink()
    netguard.guard_process()
    outputs = Printed()
    sys.stdout, sys.stderr = (Redacted(each, outputs.redaction) for each in (sys.stdout, sys.stderr))
    config = Config()
    config.HistoryManager.hist_file = str(history)
    config.TerminalInteractiveShell.confirm_exit = False
    config.TerminalInteractiveShell.term_title = False
    config.TerminalInteractiveShell.autocall = 0
    if not sys.stdout.isatty():
        config.TerminalInteractiveShell.colors = "nocolor"
    shell = Shell(TypedShell, outputs, config=config)
    os.chdir(Path(spec.path).parent)
    session = Session(shell, spec)
    names = session.equip(shell)
    run = NotebookRun(shell, names, session.paths)
    notebook = Notebook(Path(spec.path), "python", [], lines_in_file=False)
    ipython = TypedShell.instance()
    ipython.other = partial(run.one, notebook, spec.workspace_path)

    def begin() -> None:
        shell.namespace.update(names)

    def restart() -> None:
        shell.clear()
        begin()

    ipython.restart = restart
    begin()
    print(f"Spark {session.spark.version}. You are in {spec.workspace_path}; Ctrl-D leaves.")
    ipython.mainloop()
    sys.stdout.flush()
    # Not by return: Spark's and the notebook's threads would hold us up.
    os._exit(0)


if __name__ == "__main__":
    main()
