"""Debuggers with windows: a task waits for one, stops where its user asked, and its time does not run out."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, SubmitTask

from harness import ide
from harness.control import StackFailed
from harness.debugging import Debugger
from harness.lake.paths import WorkspacePaths
from harness.settings import Settings
from harness.stack import Stack
from tests.dap import Ide

# Enough for a notebook to start, on a machine that has much to do.
SECONDS = 5
NOTEBOOK = """# Databricks notebook source
import time
began = time.monotonic()
x = 20

# COMMAND ----------

x += 1

# COMMAND ----------

breakpoint()
dbutils.notebook.exit(f"{x} {time.monotonic() - began > 5}")
"""


def free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def test_a_task_that_finds_the_port_taken_goes_on_and_says_so(
    clean_stack: Stack, workspace: WorkspaceClient, make_notebook: Callable[..., str], ended: Callable[[int], Any]
) -> None:
    path = make_notebook("# Databricks notebook source\nbreakpoint()\nprint('done')\n")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with ide.attachable(clean_stack.endpoints, port):
            task = SubmitTask("t", notebook_task=NotebookTask(path))
            ran = ended(workspace.jobs.submit(run_name="alone", tasks=[task]).run_id)
    assert ran.states == {"t": "SUCCESS"}
    assert f"goes on without a debugger: 127.0.0.1:{port} is taken" in ran.outputs["t"].logs
    assert "done" in ran.outputs["t"].logs


def test_a_task_waits_for_a_debugger_and_its_time_does_not_run_out(
    clean_stack: Stack, workspace: WorkspaceClient, make_notebook: Callable[..., str], ended: Callable[[int], Any]
) -> None:
    path, port = make_notebook(NOTEBOOK), free_port()
    folders = clean_stack.control("GET", "status")["folders"]
    file = str(WorkspacePaths(folders).notebook(path).path)
    read, write = os.pipe()
    with (
        open(read) as shown,
        Debugger(clean_stack.endpoints, writes=write),
        ide.attachable(clean_stack.endpoints, port),
    ):
        task = SubmitTask("t", notebook_task=NotebookTask(path), timeout_seconds=SECONDS)
        run_id = workspace.jobs.submit(run_name="debugged", tasks=[task]).run_id
        assert shown.readline() == "\n"
        assert shown.readline().endswith(f" waits for a debugger at 127.0.0.1:{port}\n")
        with Ide(port) as debugger:
            debugger.attach({file: [8]})
            thread, place, line = debugger.stopped()
            assert (place, line) == (file, 8)
            assert debugger.evaluate(thread, f"x, time.sleep({SECONDS + 0.2})") == "(20, None)"
            debugger.ask("evaluate", expression="x = 40", context="repl", frameId=_top(debugger, thread))
            debugger.ask("continue", threadId=thread)
            thread, place, line = debugger.stopped()
            assert (place, line) == (file, 13)
            debugger.ask("continue", threadId=thread)
            ran = ended(run_id)
    os.close(write)
    assert ran.outputs["t"].notebook_output.result == "41 True", ran.outputs
    assert ran.states == {"t": "SUCCESS"}
    assert clean_stack.control("POST", "debugger/attach", {"port": 0})["port"] == 0


def _top(debugger: Ide, thread: int) -> int:
    return int(debugger.ask("stackTrace", threadId=thread)["stackFrames"][0]["id"])


@pytest.mark.parametrize("port", [-1, 65536, "x"])
def test_only_a_port_is_taken_for_one(clean_stack: Stack, port: Any) -> None:
    with pytest.raises(StackFailed, match=r"INVALID_PARAMETER_VALUE.*port"):
        clean_stack.control("POST", "debugger/attach", {"port": port})


def test_who_asks_for_a_debugger_is_told_that_debugpy_is_missing(tmp_path: Any) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    with pytest.raises(StackFailed, match=f"The notebooks' Python \\({python}\\) has no debugpy"):
        Stack(Settings(kernel_python=python, debugpy=5678)).__enter__()
    with pytest.raises(StackFailed, match="has no debugpy"):
        ide.require(Settings(kernel_python=tmp_path / "none"))
