"""Jobs that run jobs (``run_job_task``): how deep they nest, and that none runs itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs.databricks.com, "Run Job task for jobs": not "jobs that nest more than three Run Job tasks".
MOST = 3


def check(workspace: Workspace, settings: Document, chain: tuple[int, ...]) -> None:
    """Refuse a job that runs itself, or whose Run Job tasks nest too deep, as the jobs are now.

    Parameters: ``settings``: the job's; ``chain``: the job, after those that run it. Raises: ``InvalidParameter``.
    """
    for task in [*settings.get("tasks", []), settings]:
        nested = (task.get("for_each_task") or {}).get("task") or task
        job_id = (nested.get("run_job_task") or {}).get("job_id")
        if job_id is None:
            continue
        path = " -> ".join(map(str, (*chain, job_id)))
        if job_id in chain:
            raise InvalidParameter(f"Run Job tasks would run a job within itself: {path}.")
        if len(chain) > MOST:
            raise InvalidParameter(f"Run Job tasks nest deeper than {MOST}: {path}.")
        job = workspace.store.get("job", f"{job_id:016d}")
        if job is not None:
            check(workspace, job["settings"], (*chain, job_id))
