"""The notebooks of these tests in the workspace, and their DAGs by name."""

from __future__ import annotations

import asyncio
import io
import runpy
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service.workspace import ImportFormat, Language

HERE = Path(__file__).parent
FOLDER = "/Users/provider@example.com"


@pytest.fixture
def notebooks(workspace: Any) -> str:
    """The folder that holds the notebooks and the script, imported by the SDK as a deployment does it."""
    workspace.workspace.mkdirs(FOLDER)
    for file in sorted((HERE / "notebooks").iterdir()):
        content = io.BytesIO(file.read_bytes())
        if file.name == "script.py":
            workspace.workspace.upload(f"{FOLDER}/{file.name}", content, format=ImportFormat.RAW)
        else:
            workspace.workspace.upload(
                f"{FOLDER}/{file.stem}", content, format=ImportFormat.SOURCE, language=Language.PYTHON
            )
    return FOLDER


@pytest.fixture
def run(request: pytest.FixtureRequest, run_dag: Any, notebooks: str) -> Callable[..., Any]:
    """``run(file, dag_id, **options)``: run a DAG of these tests. What is held may never sleep between two polls."""
    if "polls" not in request.fixturenames or request.getfixturevalue("polls") == "unheld":
        return lambda file, dag_id, **options: run_dag(_dags(file)[dag_id], **options)
    slept = request.getfixturevalue("slept")

    def awake(file: str, dag_id: str, **options: Any) -> Any:
        # With the polling periods that the operators have by default.
        result = run_dag(_dags(file)[dag_id], fast=False, **options)
        assert slept == []
        return result

    return awake


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Where and for how many seconds the provider would have slept between two polls; it does not."""
    asked: list[tuple[str, float]] = []

    def shortened(sleep: Callable[..., Any]) -> Callable[..., Any]:
        def asleep(seconds: float, *rest: Any) -> Any:
            frame = sys._getframe(1)
            if not frame.f_globals["__name__"].startswith("airflow.providers.databricks."):
                return sleep(seconds, *rest)
            asked.append((frame.f_code.co_qualname, seconds))
            return sleep(0.02, *rest)

        return asleep

    monkeypatch.setattr(time, "sleep", shortened(time.sleep))
    monkeypatch.setattr(asyncio, "sleep", shortened(asyncio.sleep))
    return asked


@pytest.fixture
def unheld(clean_stack: Any) -> None:
    """Polls are answered at once, not held until the run has ended: what can defer defers."""
    clean_stack.control("POST", "hold", {"seconds": 0})


@pytest.fixture(params=["held", "unheld"])
def polls(request: pytest.FixtureRequest) -> str:
    """Both ways in which polls are answered."""
    if request.param == "unheld":
        request.getfixturevalue("unheld")
    return str(request.param)


@pytest.fixture
def output(workspace: Any) -> Callable[..., Any]:
    """``output(run_id, task_key=None)``: ``get-output`` of a task of a run, by default of its first one."""

    def read(run_id: int, task_key: str | None = None) -> Any:
        tasks = workspace.jobs.get_run(run_id).tasks
        (task,) = [task for task in tasks if task_key in (None, task.task_key)][-1:]
        return workspace.jobs.get_run_output(task.run_id)

    return read


def _dags(file: str) -> dict[str, Any]:
    from airflow.sdk import DAG

    made = runpy.run_path(str(HERE / "dags" / f"{file}.py"))
    return {value.dag_id: value for value in made.values() if isinstance(value, DAG)}
