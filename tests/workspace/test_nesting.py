"""Jobs that run jobs: what is refused when they are made, changed and run."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import jobs as sdk


def running(job_id: int) -> list[sdk.Task]:
    return [sdk.Task("t", run_job_task=sdk.RunJobTask(job_id))]


def made(w: WorkspaceClient, tasks: list[sdk.Task]) -> int:
    job_id = w.jobs.create(name="j", tasks=tasks).job_id
    assert job_id is not None
    return job_id


def plain(w: WorkspaceClient) -> int:
    return made(w, [sdk.Task("t", notebook_task=sdk.NotebookTask("/Shared/pipelines/load"))])


def test_a_job_cannot_be_made_to_run_itself(w: WorkspaceClient) -> None:
    inner = plain(w)
    outer = made(w, running(inner))
    with pytest.raises(InvalidParameterValue, match=f"within itself: {inner} -> {outer} -> {inner}"):
        w.jobs.reset(inner, sdk.JobSettings(name="j", tasks=running(outer)))
    with pytest.raises(InvalidParameterValue, match=f"within itself: {inner} -> {inner}"):
        w.jobs.update(inner, new_settings=sdk.JobSettings(tasks=running(inner)))
    tasks = w.jobs.get(inner).settings
    assert tasks is not None
    assert tasks.tasks is not None
    assert tasks.tasks[0].run_job_task is None


def test_run_job_tasks_nest_three_deep_and_no_deeper(w: WorkspaceClient) -> None:
    job_id = plain(w)
    for _ in range(3):
        job_id = made(w, running(job_id))
    with pytest.raises(InvalidParameterValue, match="nest deeper than 3"):
        made(w, running(job_id))
    with pytest.raises(InvalidParameterValue, match="nest deeper than 3"):
        w.jobs.submit(tasks=[sdk.SubmitTask("t", run_job_task=sdk.RunJobTask(job_id))])


def test_a_run_job_task_without_a_job_or_with_what_cannot_be_passed_is_refused(w: WorkspaceClient) -> None:
    with pytest.raises(InvalidParameterValue, match=r"Missing required field: tasks\[0\]\.run_job_task\.job_id"):
        w.api_client.do("POST", "/api/2.2/jobs/create", body={"tasks": [{"task_key": "t", "run_job_task": {}}]})
    with pytest.raises(InvalidParameterValue, match="pipeline_params is not supported"):
        made(w, [sdk.Task("t", run_job_task=sdk.RunJobTask(1, pipeline_params=sdk.PipelineParams()))])
