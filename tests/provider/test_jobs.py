"""DatabricksCreateJobsOperator and DatabricksRunNowOperator."""

from __future__ import annotations

import json

from databricks.sdk.service.jobs import NotebookTask, Task

FOLDER = "/Users/provider@example.com"


def job(workspace, name, notebook, **parameters):
    tasks = [Task("only", notebook_task=NotebookTask(f"{FOLDER}/{notebook}", base_parameters=parameters))]
    return workspace.jobs.create(name=name, tasks=tasks).job_id


def test_a_job_is_made_reset_and_run_in_every_way(run, polls, workspace, output):
    endless = job(workspace, "endless", "waits")
    result = run("jobs", "jobs")
    assert result.success, result
    job_id = result.task("create").xcom
    assert result.task("reset").xcom == job_id
    settings = workspace.jobs.get(job_id).settings
    assert (settings.tags, settings.schedule) == ({"made": "twice"}, None)
    granted = workspace.permissions.get("jobs", str(job_id)).access_control_list
    assert ("reader@example.com", "CAN_VIEW") in [
        (e.user_name, e.all_permissions[0].permission_level.value) for e in granted
    ]

    by_id, by_name, scripts, once, deferrable = [each.run_id for each in workspace.jobs.list_runs(job_id=job_id)][::-1]
    given = json.loads(output(by_id, "notebook").notebook_output.result)
    assert given["day"] not in ("monday", "")
    assert (given["n"], given["region"]) == ("1", "eu")
    # A job parameter takes precedence over a task's of the same name.
    assert json.loads(output(by_name, "notebook").notebook_output.result) == {"day": "monday", "n": "2", "region": "us"}
    assert output(by_id, "script").logs == f"arguments: {job_id}\n"
    assert output(scripts, "script").logs == "arguments: --fast 3\n"
    assert workspace.jobs.get_run(once).state.result_state.value == "SUCCESS"
    assert json.loads(output(deferrable, "notebook").notebook_output.result)["day"] == "monday"
    assert ("Pausing task as DEFERRED" in result.task("deferrable").log_text()) == (polls == "unheld")

    later, earlier = workspace.jobs.list_runs(job_id=endless)
    assert (earlier.state.result_state.value, later.state.result_state) == ("CANCELED", None)


def test_what_cannot_run_or_fails_is_named(run, unheld, workspace):
    job(workspace, "raising", "raises")
    result = run("jobs", "jobs_that_fail")
    assert {task.state for task in result.tasks} == {"failed"}
    said = {task.task_id: str(task.errors[-1]) for task in result.tasks}
    assert "Job ID for job name nobody's can not be found" in said["unknown_name"]
    assert "Job 987654321 does not exist." in said["unknown_id"]
    assert "Missing required field: job_id" in said["nameless"]
    assert "Missing required parameter: name" in said["without_name"]
    assert "clean_rooms_notebook_task" in said["not_here"]
    for task_id in ("raises", "raises_deferrable"):
        assert "ValueError: no such facility: 7" in said[task_id]
        assert "ValueError: no such facility: 7" in result.task(task_id).log_text()
    # DAG params are forwarded as job parameters (wire.md §1.3).
    assert [run.job_parameters[0].value for run in workspace.jobs.list_runs()] == ["friday", "friday"]


def test_a_repair_in_deferrable_mode_turns_the_task_green(run, polls, workspace, tmp_path):
    job(workspace, "flaky", "flaky", marker=str(tmp_path / "marker"))
    result = run("jobs", "repairs_deferrable")
    assert result.success, result
    (only,) = workspace.jobs.list_runs()
    history = workspace.jobs.get_run(only.run_id, include_history=True).repair_history
    assert [(entry.type.value, entry.state.result_state.value) for entry in history] == [
        ("ORIGINAL", "FAILED"),
        ("REPAIR", "SUCCESS"),
    ]


def test_a_repair_in_synchronous_mode_succeeds_and_the_provider_fails_the_task_all_the_same(run, workspace, tmp_path):
    """A fault of the provider (operators/databricks.py of 7.23.0:166): after the repair it raises the old error."""
    job(workspace, "flaky", "flaky", marker=str(tmp_path / "marker"))
    result = run("jobs", "repairs")
    assert result.task("sync").state == "failed"
    assert "the first attempt fails" in str(result.task("sync").errors[-1])
    (only,) = workspace.jobs.list_runs()
    assert only.state.result_state.value == "SUCCESS"
