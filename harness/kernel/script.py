"""Running a Python file, as ``spark_python_task`` does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from harness.kernel.failures import Position, Sources, describe
from harness.kernel.shell import Shell
from harness.kernel.spec import KernelResult


def run_script(
    shell: Shell, names: dict[str, Any], path: Path, workspace_path: str, arguments: list[str]
) -> KernelResult:
    """Execute a Python file as ``__main__`` with ``sys.argv``.

    ``spark``, ``dbutils`` and the other variables of a notebook are defined, as on the service, which executes the file
    in a notebook's interpreter. For the same reason any ``SystemExit`` fails the task, ``sys.exit(0)`` too.

    Parameters: ``names``: the predefined variables; ``arguments``: ``sys.argv[1:]``.
    """
    sys.argv = [str(path), *arguments]
    shell.namespace.update(names, __file__=str(path))
    try:
        code = compile(path.read_bytes(), str(path), "exec")
        exec(code, shell.namespace)
    except BaseException as failure:
        error = describe(failure, Sources(), Position(workspace_path, 0, _line(failure, path)))
        return KernelResult(False, error=error, task_values=names["dbutils"].jobs.taskValues.own)
    return KernelResult(True, task_values=names["dbutils"].jobs.taskValues.own)


def _line(failure: BaseException, path: Path) -> int:
    """The deepest line of the file that the exception passed through."""
    if isinstance(failure, SyntaxError):
        return failure.lineno or 0
    line = 0
    trace = failure.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
