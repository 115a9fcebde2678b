"""One notebook by itself, from a terminal: run as a task, its cells' outputs printed, its failure explained."""

from __future__ import annotations

import contextlib
import json
import posixpath
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from harness.control import api, control
from harness.dagrun.connections import Endpoints
from harness.debugging import Debugger
from harness.ide import attachable, require
from harness.serve import NotRunning, running
from harness.settings import Settings
from harness.stack import Stack

ENDED = ("TERMINATED", "INTERNAL_ERROR", "SKIPPED")
# The workspace holds the polls of such callers until the run has ended.
CALLER = "harness operator/notebook"
JOBS = "api/2.2/jobs"
HOLD_SECONDS = 200.0
SUFFIXES = (".py", ".ipynb", ".sql")


class NotRunnable(ValueError):
    """A notebook that is in no folder of the workspace, or a parameter that is none. The message says what is wrong."""


def run_alone(
    settings: Settings,
    name: str,
    parameters: list[str],
    console: Console,
    fetch: Callable[[Settings], object],
    debug: bool = False,
    port: int = 0,
) -> bool:
    """Run a notebook on the stack that is up, or on one of its own; see :func:`run`.

    Parameters: ``parameters``: ``name=value`` each; ``fetch``: fetches the jars that Spark needs; ``debug``: its
    breakpoints stop on this terminal; ``port``: it waits there for a debugger. Raises: ``NotRunnable``,
    ``StackFailed``.
    """
    path, pairs = workspace_path(name, settings), given(parameters)
    if port:
        require(settings)
    with contextlib.ExitStack() as around:
        endpoints = around.enter_context(some_stack(settings, fetch))
        if debug or port:
            around.enter_context(Debugger(endpoints))
        if port:
            around.enter_context(attachable(endpoints, port))
        return run(endpoints, path, pairs, console)


@contextlib.contextmanager
def some_stack(settings: Settings, fetch: Callable[[Settings], object]) -> Iterator[Endpoints]:
    """The stack that is up, or one meanwhile. Parameters: ``fetch``: fetches the jars that Spark needs."""
    try:
        endpoints = running(settings).endpoints
    except NotRunning:
        fetch(settings)
        with Stack(settings) as stack:
            yield stack.endpoints
        return
    yield endpoints


def given(parameters: list[str]) -> dict[str, str]:
    """Parameters of the form ``name=value``. Raises: ``NotRunnable`` for others."""
    if wrong := next((text for text in parameters if not text.partition("=")[0] or "=" not in text), None):
        raise NotRunnable(f"The parameter {wrong!r} is not of the form name=value.")
    return {name: value for name, _, value in (text.partition("=") for text in parameters)}


def workspace_path(name: str, settings: Settings) -> str:
    """The workspace path of a notebook that is named by it, or by its file. Raises: ``NotRunnable``."""
    file = Path(name).resolve()
    if not file.is_file():
        if name.startswith("/"):
            return name
        raise NotRunnable(f"There is no file {file}, and a workspace path begins with /.")
    mounts = {prefix: settings.path(folder).resolve() for prefix, folder in settings.mounts.items()}
    for prefix, folder in sorted(mounts.items(), key=lambda each: -len(str(each[1]))):
        if file.is_relative_to(folder):
            plain = file.with_suffix("") if file.suffix in SUFFIXES else file
            return posixpath.join(prefix, plain.relative_to(folder).as_posix())
    shown = ", ".join(f"{folder} ({prefix})" for prefix, folder in mounts.items())
    raise NotRunnable(f"{file} is in no folder of the workspace; the setting `mounts` has {shown}.")


def run(endpoints: Endpoints, path: str, parameters: Mapping[str, str], console: Console) -> bool:
    """Run a notebook and print what each cell put out, and where it failed. Returns: whether it succeeded.

    It is cancelled when the wait for it is interrupted.
    """
    task = {"task_key": "notebook", "notebook_task": {"notebook_path": path, "base_parameters": dict(parameters)}}
    run_id = api(endpoints, "POST", f"{JOBS}/runs/submit", {"run_name": path, "tasks": [task]})["run_id"]
    try:
        found = _ended(endpoints, run_id)
    except BaseException:
        api(endpoints, "POST", f"{JOBS}/runs/cancel", {"run_id": run_id})
        raise
    task_run = found["tasks"][-1]["run_id"]
    output = api(endpoints, "GET", f"{JOBS}/runs/get-output?run_id={task_run}")
    for line in _cells(_directory(endpoints, run_id)):
        console.print(line, markup=False, soft_wrap=True)
    result, error = found["state"].get("result_state"), output.get("error_trace") or output.get("error")
    if error and result != "SUCCESS":
        console.print(f"\n{error.rstrip()}", markup=False, soft_wrap=True, style="red")
    value = output.get("notebook_output", {}).get("result")
    ends = f" with the value {value!r}" if value is not None else ""
    console.print(f"\n{path} ended {result or found['state']['life_cycle_state']}{ends}", markup=False, soft_wrap=True)
    return bool(result == "SUCCESS")


def _ended(endpoints: Endpoints, run_id: int) -> dict[str, Any]:
    while True:
        query = urllib.parse.urlencode({"run_id": run_id})
        found = api(endpoints, "GET", f"{JOBS}/runs/get?{query}", caller=CALLER, timeout=HOLD_SECONDS)
        if found["state"]["life_cycle_state"] in ENDED:
            return found


def _directory(endpoints: Endpoints, run_id: int) -> Path:
    runs = control(endpoints, "GET", "runs")["runs"]
    return Path(next(run["tasks"][-1]["directory"] for run in runs if run["run_id"] == run_id))


def _cells(directory: Path) -> Iterator[str]:
    """What there is to see of an executed notebook: each cell's place, how long it took, and its outputs as text."""
    with contextlib.suppress(OSError):
        document = json.loads((directory / "executed.ipynb").read_text())
        for number, cell in enumerate(document["cells"], 1):
            if not cell.get("outputs"):
                continue
            title, seconds = cell["metadata"].get("title", ""), cell["metadata"].get("seconds", 0)
            yield f"── cell {number}{f' · {title}' if title else ''} · {seconds:.1f} s"
            for output in cell["outputs"]:
                if text := _text(output):
                    yield text.rstrip("\n")


def _text(output: Mapping[str, Any]) -> str:
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return ""  # told in full at the end
    data = output["data"]
    return "".join(data.get("text/plain") or f"<{next(iter(data), 'nothing')}>")
