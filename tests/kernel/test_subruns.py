"""``dbutils.notebook.run`` and the SDK within notebooks, through the whole stack and an unmodified client."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from databricks.sdk.service.jobs import NotebookTask, Run, RunOutput, RunResultState, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

FOLDER = "/Users/subruns@example.com"

Make = Callable[[str, str], str]


@pytest.fixture
def make(workspace: WorkspaceClient) -> Make:
    """Import a notebook of one cell. Returns: its path."""
    workspace.workspace.mkdirs(FOLDER)

    def notebook(name: str, code: str) -> str:
        content = io.BytesIO(f"# Databricks notebook source\n{code}\n".encode())
        path = f"{FOLDER}/{name}"
        workspace.workspace.upload(path, content, format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True)
        return path

    return notebook


def outcome(workspace: WorkspaceClient, *paths: str) -> list[RunOutput]:
    """Run notebooks side by side in one run. Returns: the outputs of its tasks."""
    tasks = [SubmitTask(task_key=f"t{i}", notebook_task=NotebookTask(path)) for i, path in enumerate(paths)]
    waiter = workspace.jobs.submit(run_name="subruns", tasks=tasks)
    ended: list[Run] = []
    try:
        waiter.result(callback=lambda run: ended.append(run))
    except Exception:
        assert ended
    run = workspace.jobs.get_run(waiter.run_id)
    return [workspace.jobs.get_run_output(task.run_id) for task in run.tasks or [] if task.run_id]


def test_a_notebook_runs_another_and_gets_its_exit_value(workspace: WorkspaceClient, make: Make) -> None:
    make("child", "dbutils.notebook.exit('got ' + dbutils.widgets.get('x'))")
    parent = make("parent", "dbutils.notebook.exit(dbutils.notebook.run('./child', 60, {'x': 1}))")
    (output,) = outcome(workspace, parent)
    assert output.error is None
    assert output.notebook_output is not None
    assert output.notebook_output.result == "got 1"


def test_a_failing_notebook_fails_the_one_that_runs_it_with_its_reason(workspace: WorkspaceClient, make: Make) -> None:
    child = make("child", "1 / 0")
    parent = make("parent", f"dbutils.notebook.run('{child}', 60)")
    (output,) = outcome(workspace, parent)
    reason = f"ZeroDivisionError: division by zero (notebook /Workspace{child}, cell 1, line 2: 1 / 0)"
    assert output.error is not None
    assert output.error.startswith(f"WorkflowException: Notebook {child} ended FAILED: {reason}")
    assert output.metadata is not None
    assert output.metadata.state is not None
    assert output.metadata.state.result_state is RunResultState.FAILED


def test_a_notebook_that_takes_too_long_is_ended(workspace: WorkspaceClient, make: Make) -> None:
    child = make("child", "import threading\nthreading.Event().wait(120)")
    parent = make("parent", f"dbutils.notebook.run('{child}', 1)")
    (output,) = outcome(workspace, parent)
    assert output.error is not None
    assert "Timed out after 1 seconds." in output.error


def test_notebooks_that_wait_for_others_do_not_keep_them_from_running(workspace: WorkspaceClient, make: Make) -> None:
    child = make("child", "dbutils.notebook.exit('done')")
    parent = make("parent", f"dbutils.notebook.exit(dbutils.notebook.run('{child}', 60))")
    outputs = outcome(workspace, *[parent] * 9)
    assert [output.notebook_output.result for output in outputs if output.notebook_output] == ["done"] * 9


def test_the_sdk_in_a_notebook_finds_its_workspace(workspace: WorkspaceClient, make: Make) -> None:
    parent = make(
        "sdk", "from databricks.sdk import WorkspaceClient\nprint(WorkspaceClient().current_user.me().user_name)"
    )
    (output,) = outcome(workspace, parent)
    assert output.error is None
    assert output.logs == f"{workspace.current_user.me().user_name}\n"
