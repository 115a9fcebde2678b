"""Runs of tasks through the Jobs API, by the unmodified SDK, on the session's stack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import Run, RunOutput, SubmitTask


@dataclass
class Ran:
    """A run that has ended, and the outputs of its tasks' last attempts."""

    run: Run
    outputs: dict[str, RunOutput]

    @property
    def states(self) -> dict[str, str]:
        """The result of each task."""
        return {task.task_key: str(task.state.result_state.value) for task in self.run.tasks}


@pytest.fixture
def ended(workspace: WorkspaceClient) -> Callable[[int], Ran]:
    """``ended(run_id) -> Ran``: wait for a run's end. The workspace holds the poll, nobody sleeps."""

    def wait(run_id: int) -> Ran:
        headers = {"User-Agent": "tests operator/wait"}
        while True:
            answer: Any = workspace.api_client.do(
                "GET", "/api/2.2/jobs/runs/get", query={"run_id": run_id}, headers=headers
            )
            run = Run.from_dict(answer)
            if run.state.life_cycle_state.value in ("TERMINATED", "INTERNAL_ERROR", "SKIPPED"):
                return Ran(run, {task.task_key: workspace.jobs.get_run_output(task.run_id) for task in run.tasks})

    return wait


@pytest.fixture
def submitted(workspace: WorkspaceClient, ended: Callable[[int], Ran]) -> Callable[..., Ran]:
    """``submitted(*tasks, **fields of runs/submit) -> Ran``: submit a run and wait for its end."""

    def submit(*tasks: dict[str, Any], **fields: Any) -> Ran:
        made = [SubmitTask.from_dict(task) for task in tasks]
        return ended(workspace.jobs.submit(run_name="a run", tasks=made, **fields).run_id)

    return submit
