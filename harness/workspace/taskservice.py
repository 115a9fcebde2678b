"""What tasks ask of the workspace (harness/runner/service.py): runs of other jobs, within their limits.

Source: docs.databricks.com, "Run Job task for jobs": "You should not create jobs with circular dependencies when using
the Run Job task or jobs that nest more than three Run Job tasks".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.runner.taskkinds import CannotRun
from harness.workspace import jobs, launch, pipelinerecords, pipelineupdates, queries
from harness.workspace.errors import ApiError
from harness.workspace.nesting import check
from harness.workspace.runs import cancel_run

if TYPE_CHECKING:
    from harness.lake.sql.operations import SqlEngine
    from harness.runner.run import Run, TaskRun
    from harness.workspace.state import Workspace


class TaskService:
    """Answers tasks. Parameters: ``workspace``: tells the workspace, which is made after its runner."""

    def __init__(self, workspace: Callable[[], Workspace]) -> None:
        self._workspace = workspace

    def start_job(self, run: Run, task: TaskRun, body: Mapping[str, Any]) -> Run:
        """Start a job for a ``run_job_task``. Raises: ``CannotRun``."""
        workspace = self._workspace()
        try:
            job = jobs.find(workspace, body["job_id"])
            check(workspace, job["settings"], (*_above(workspace, run), job["job_id"]))
            child = launch.of_job(workspace, job, launch.overrides({k: v for k, v in body.items() if k != "job_id"}))
        except ApiError as error:
            raise CannotRun(error.message) from error
        child.trigger, child.parent_run_id = "RUN_JOB_TASK", task.run_id
        workspace.runs.add(child)
        workspace.runs.adopt(child, task.run_id)
        launch.start(workspace, child)
        return child

    def start_update(self, run: Run, task: TaskRun, body: Mapping[str, Any]) -> Run:
        """Start an update for a ``pipeline_task``. Raises: ``CannotRun``."""
        workspace = self._workspace()
        given = run.parameters.get("pipeline_params") or {}
        asked = {name: value for name, value in {**body, **given}.items() if name != "pipeline_id"}
        try:
            pipeline = pipelinerecords.find(workspace, body["pipeline_id"])
            return pipelineupdates.begin(workspace, pipeline, pipelineupdates.checked(asked), "JOB_TASK")
        except ApiError as error:
            raise CannotRun(error.message) from error

    def ended(self, run: Run, seconds: float | None) -> bool:
        """Wait for a run's end."""
        return self._workspace().runs.ended(run, seconds)

    def cancel(self, run: Run) -> None:
        """Ask for a run's end."""
        cancel_run(self._workspace(), run)

    def query(self, query_id: str) -> Mapping[str, Any]:
        """A saved query. Raises: ``CannotRun``."""
        try:
            found = queries.find(self._workspace(), query_id)
        except ApiError as error:
            raise CannotRun(error.message) from error
        if found["lifecycle_state"] != "ACTIVE":
            raise CannotRun(f"Query {query_id} is in the trash.")
        return found

    @property
    def sql(self) -> SqlEngine:
        """What executes SQL statements."""
        return self._workspace().sql


def _above(workspace: Workspace, run: Run) -> Iterator[int]:
    """The job of a run, after the jobs whose Run Job tasks led to it."""
    found = workspace.runs.find(run.parent_run_id) if run.parent_run_id else None
    if found is not None:
        yield from _above(workspace, found[0])
    yield run.job_id
