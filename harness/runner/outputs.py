"""From what a kernel left behind to what ``runs/get-output`` tells."""

from __future__ import annotations

import signal
from pathlib import Path

from harness.kernel.spec import KernelError, KernelResult
from harness.runner.run import Output

# "The Jobs API returns the first 5 MB of the output" (docs: api/workspace/jobs/getrunoutput).
LIMIT = 5_000_000


def read_result(directory: Path) -> KernelResult | None:
    """The result of a task, or None when its process died before it could write one."""
    path = directory / "result.json"
    return KernelResult.read(path) if path.is_file() else None


def output(directory: Path, result: KernelResult | None) -> Output:
    """The output of an attempt.

    Parameters: ``directory``: the attempt's; ``result``: None when there is none.
    """
    logs, logs_truncated = _cut(directory / "log.txt")
    made = Output(logs=logs, logs_truncated=logs_truncated)
    if result is None:
        return made
    made.task_values = dict(result.task_values)
    if result.exit_value is not None:
        made.result, made.truncated = result.exit_value[:LIMIT], len(result.exit_value) > LIMIT
    if result.error is not None:
        made.error = f"{result.error.name}: {result.error.value}"
        made.error_trace = trace(result.error)
        made.place = ": ".join(part for part in (place(result.error), result.error.source) if part)
    return made


def place(error: KernelError) -> str:
    """Where an error is: ``notebook /Workspace/…, cell 3, line 12``; "" when it is in no notebook."""
    if not error.notebook:
        return ""
    cell = f", cell {error.cell}" if error.cell else ""
    line = f", line {error.line}" if error.line else ""
    return f"notebook {error.notebook}{cell}{line}"


def trace(error: KernelError) -> str:
    """The trace of a failed notebook, headed by the place that failed."""
    where = place(error)
    if not where:
        return error.trace
    source = f"\n    {error.source}" if error.source else ""
    return f"{where[0].upper()}{where[1:]}:{source}\n\n{error.trace}"


def death(code: int | None) -> str:
    """Why there is no result. ``code``: the process's exit code, negative for a signal; None: lost with its server."""
    if code is None:
        return "The notebook process ended unexpectedly: the process that notebooks are forked from ended."
    if code < 0:
        name = signal.Signals(-code).name
        return f"The notebook process ended unexpectedly (signal {-code}, {name})."
    return f"The notebook process ended unexpectedly (exit code {code})."


def _cut(log: Path) -> tuple[str, bool]:
    if not log.is_file():
        return "", False
    with log.open("rb") as file:
        data = file.read(LIMIT + 1)
    return data[:LIMIT].decode("utf-8", "replace"), len(data) > LIMIT
