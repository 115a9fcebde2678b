"""Cells that are not Python: ``%sql``, ``%sh``, ``%fs``; and the same magics met within Python cells."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from harness.kernel.dbutils import DBUtils
from harness.kernel.display import Display, cell_text, html_table, plain_table
from harness.kernel.filesystem import FileInfo
from harness.kernel.outputs import Outputs
from harness.kernel.runline import Unsupported
from harness.kernel.shell import INSTALLERS, Shell
from harness.kernel.statements import statements

_MARKER = re.compile(r"(?<![:\w]):([A-Za-z_]\w*)")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][\w.]*)\}?")
_WIDGET = re.compile(r"\s*CREATE\s+WIDGET\s+\w+\s+(`[^`]+`|\w+)\s+DEFAULT\s+(['\"])(.*?)\2", re.I | re.S)
_NO_WIDGET = re.compile(r"\s*REMOVE\s+WIDGET\s+(`[^`]+`|\w+)\s*", re.I)


Magic = Callable[[str, str | None], object]


class ShellCommandFailed(Exception):
    """A ``%sh`` cell ended with a code other than 0."""


class Magics:
    """What runs the cells that are not Python. ``line``: the line of the statement that runs, for messages."""

    def __init__(self, shell: Shell, spark: Any, dbutils: DBUtils, display: Display, outputs: Outputs) -> None:
        self._shell = shell
        self._spark = spark
        self._dbutils = dbutils
        self._display = display
        self._outputs = outputs
        self.line = 0
        self._begun: Callable[[int], None] = _untold
        self._register()

    def run(self, language: str, text: str, line: int, begun: Callable[[int], None]) -> None:
        """Execute a cell whose first line is ``line``.

        Parameters: ``begun``: told of the line of each SQL statement. Raises: whatever fails; ``Unsupported`` for other
        languages.
        """
        self.line, self._begun = line, begun
        act: dict[str, Callable[[str], None]] = {"sql": self.sql, "sh": self.sh, "fs": self.fs}
        if language in act:
            try:
                act[language](text)
            finally:
                self._begun = _untold
        elif language not in ("md", "md-sandbox", "raw", "skip"):
            raise Unsupported(
                f"%{language} cells are not supported here; supported: %python, %sql, %sh, %fs, %md, %run"
            )

    def sql(self, text: str) -> None:
        """Run the statements of a cell; the last one's rows are shown and are ``_sqldf``."""
        frame = None
        for statement, line in statements(text, self.line):
            self.line = line
            self._begun(line)
            if self._is_widget(statement):
                continue
            statement, arguments = self._with_widgets(statement)
            frame = self._spark.sql(statement, args=arguments) if arguments else self._spark.sql(statement)
        if frame is not None:
            self._shell.namespace["_sqldf"] = frame
            self._display.table(frame)

    def sh(self, text: str) -> None:
        """Run a cell with bash. Raises: ``ShellCommandFailed`` when it ends with another code than 0.

        Unlike on the service, where only ``%sh -e`` fails the cell: a step that failed must not pass a test unseen.
        """
        options = ["-e"] if re.match(r"-e\s", text) else []
        script = text.removeprefix("-e") if options else text
        process = subprocess.Popen(
            ["bash", *options, "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        for one in process.stdout:
            sys.stdout.write(one)
        if code := process.wait():
            raise ShellCommandFailed(f"The shell command ended with code {code}")

    def fs(self, text: str) -> None:
        """Run an ``%fs`` command and show what it returns."""
        result = self._dbutils.fs.command(text)
        if isinstance(result, list):
            rows = [[cell_text(value) for value in entry] for entry in result]
            columns = result[0]._fields if result else FileInfo._fields
            self._outputs.data({"text/html": html_table(columns, rows), "text/plain": plain_table(columns, rows)})
        elif result is not None:
            print(result)

    def _is_widget(self, statement: str) -> bool:
        """``CREATE WIDGET`` and ``REMOVE WIDGET``, the SQL form of ``dbutils.widgets``."""
        if match := _WIDGET.match(statement):
            self._dbutils.widgets.text(match[1].strip("`"), match[3])
        elif match := _NO_WIDGET.fullmatch(statement):
            self._dbutils.widgets.remove(match[1].strip("`"))
        else:
            return False
        return True

    def _with_widgets(self, statement: str) -> tuple[str, dict[str, str]]:
        """Widget values in SQL: ``:name`` markers are bound, ``${name}`` is replaced by its text, as on the service."""
        widgets = self._dbutils.widgets.getAll()

        def value(match: re.Match[str]) -> str:
            return widgets.get(match[1], match[0])

        statement = _VARIABLE.sub(value, statement)
        used = {match[1] for match in _MARKER.finditer(statement)}
        return statement, {name: text for name, text in widgets.items() if name in used}

    def _register(self) -> None:
        """Make the magics known within Python cells too, where each works or says why not."""
        magics: dict[str, Magic] = {
            "sql": _whole_cell("sql", self.sql),
            "sh": _whole_cell("sh", self.sh),
            "fs": self._fs_line,
            "run": _refusal("%run must be the only line of its cell"),
            "restart_python": self._restart,
            **{name: _refusal(f"%{name} is not supported here: use the notebooks' own Python") for name in INSTALLERS},
            "pip": self._dbutils.library.packages.pip,
        }
        for name, magic in magics.items():
            self._shell.magic(name, magic)

    def _fs_line(self, line: str, cell: str | None = None) -> None:
        self.fs(line)

    def _restart(self, line: str, cell: str | None = None) -> None:
        self._dbutils.library.restartPython()


def _untold(line: int) -> None:
    """For SQL within a cell of Python, whose lines are Python's."""


def _whole_cell(name: str, act: Callable[[str], None]) -> Magic:
    def magic(line: str, cell: str | None = None) -> None:
        if cell is None:
            raise Unsupported(f"%{name} must be on the first line of its cell")
        act(f"{line}\n{cell}" if line else cell)

    return magic


def _refusal(reason: str) -> Magic:
    def magic(line: str, cell: str | None = None) -> None:
        raise Unsupported(reason)

    return magic
