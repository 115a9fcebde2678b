"""DatabricksNotebookOperator, DatabricksTaskOperator and DatabricksWorkflowTaskGroup."""

from __future__ import annotations

import hashlib
import json


def key(dag_id, task_id):
    return hashlib.md5(f"{dag_id}__{task_id}".encode()).hexdigest()


def attempts(run, task_key):
    return [task.state.result_state.value for task in run.tasks if task.task_key == task_key]


def test_tasks_alone_are_runs_of_their_own(run, polls, workspace, output, tmp_path):
    result = run("tasks", "alone", conf={"marker": str(tmp_path / "marker")})
    assert result.success, result
    runs = {each.run_name: workspace.jobs.get_run(each.run_id) for each in workspace.jobs.list_runs()}
    notebook = runs[key("alone", "notebook")]
    given = json.loads(output(notebook.run_id).notebook_output.result)
    assert list(given) == ["day"]
    assert notebook.tasks[0].libraries[0].pypi.package == "pyarrow>=10"
    assert runs[key("alone", "notebook_deferrable")].tasks[0].existing_cluster_id == "1234-567890-abcdefgh"
    assert attempts(runs[key("alone", "notebook_retried")], key("alone", "notebook_retried")) == ["FAILED", "SUCCESS"]
    assert output(runs[key("alone", "task")].run_id).logs == f"arguments: {given['day']}\n"
    assert json.loads(output(runs["by_its_own_name"].run_id).notebook_output.result) == given
    for task_id in ("notebook_deferrable", "task_deferrable"):
        log = result.task(task_id).log_text()
        assert ("Pausing task as DEFERRED" in log) == (polls == "unheld")


def test_a_task_alone_that_fails_says_why_in_its_log(run, unheld):
    result = run("tasks", "alone_that_fails")
    assert {task.state for task in result.tasks} == {"failed"}
    said = {task.task_id: str(task.errors[-1]) for task in result.tasks}
    for task_id in ("notebook", "notebook_deferrable"):
        assert "Task failed. Final state FAILED" in said[task_id]
        assert "ValueError: no such facility: 7" in said[task_id]
        assert "ValueError: no such facility: 7" in result.task(task_id).log_text()
    assert "Unable to access the notebook" in said["missing"]
    assert "Must specify either existing_cluster_id or new_cluster." in said["without_cluster"]
    assert "source GIT" in said["from_git"]


def test_the_tasks_of_a_workflow_group_are_one_job(run, polls, workspace, output, tmp_path):
    result = run("tasks", "workflow", conf={"marker": str(tmp_path / "marker")})
    assert result.success, result
    (listed,) = workspace.jobs.list_runs()
    job = workspace.jobs.get(listed.job_id)
    assert (job.settings.name, job.settings.tags) == ("workflow.job", {"team": "energy"})
    run_ = workspace.jobs.get_run(listed.run_id)
    assert run_.state.result_state.value == "SUCCESS"

    def at(task_id):
        return key("workflow", f"job.{task_id}")

    first = json.loads(output(run_.run_id, at("first")).notebook_output.result)
    assert first["region"] == "eu"
    assert output(run_.run_id, at("script")).logs == f"arguments: {first['day']}\n"
    tasks = {task.task_key: task for task in run_.tasks}
    assert [upstream.task_key for upstream in tasks[at("script")].depends_on] == [at("first")]
    assert (tasks[at("script")].job_cluster_key, tasks[at("deferrable")].job_cluster_key) == ("shared", None)
    for task_id in ("retried", "retried_deferrable"):
        assert attempts(run_, at(task_id)) == ["FAILED", "SUCCESS"]
    # The group's next run resets its job; it makes no other.
    assert run("tasks", "workflow", conf={"marker": str(tmp_path / "marker")}).task("job.launch").state == "success"
    assert {each.job_id for each in workspace.jobs.list_runs()} == {listed.job_id}


def test_in_a_workflow_group_each_task_is_judged_by_its_own_run(run, polls, workspace):
    result = run("tasks", "workflow_that_fails")
    states = {task.task_id: task.state for task in result.tasks}
    assert states == {
        "job.launch": "success",
        "job.raises": "failed",
        "job.after": "upstream_failed",
        "job.anyway": "success",
        "job.unmoved": "success",
    }
    assert "ValueError: no such facility: 7" in result.task("job.raises").log_text()
    (listed,) = workspace.jobs.list_runs(expand_tasks=True)
    at = {name: key("workflow_that_fails", f"job.{name}") for name in ("raises", "after", "anyway")}
    assert attempts(listed, at["raises"]) == ["FAILED", "FAILED"]
    assert attempts(listed, at["after"]) == ["UPSTREAM_FAILED"]
    assert attempts(listed, at["anyway"]) == ["SUCCESS"]
