"""DatabricksSubmitRunOperator: each shape of a run, each way to wait for it, each end."""

from __future__ import annotations

import json
import os
import re
import signal
import threading


def runs_by_name(workspace):
    return {run.run_name: run for run in workspace.jobs.list_runs()}


def test_every_shape_of_a_submitted_run_is_run(run, polls, workspace, output):
    result = run("submit", "submit")
    assert result.success, result
    runs = runs_by_name(workspace)
    two = runs["two tasks, serverless"].run_id
    first = json.loads(output(two, "first").notebook_output.result)
    assert first == {"ds": first["ds"], "n": "1"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", first["ds"])
    assert output(two, "second").logs == f"arguments: {two}\n"
    # DAG params become base parameters where none are given (wire.md §1.3).
    for name in ("notebook_task", "legacy_json", "deferrable"):
        assert json.loads(output(runs[name].run_id).notebook_output.result) == {"site": "north"}
    assert output(runs["spark_python_task"].run_id).logs == f"arguments: --day {first['ds']}\n"
    assert workspace.jobs.get_run(runs["not_waited_for"].run_id).state.result_state is None
    log = result.task("deferrable").log_text()
    assert ("Pausing task as DEFERRED" in log) == (polls == "unheld")


def test_a_run_that_fails_says_why_in_the_log_of_its_task(run, unheld, workspace):
    result = run("submit", "submit_that_fails")
    assert {task.state for task in result.tasks} == {"failed"}

    def says(task_id, *words):
        log, error = result.task(task_id).log_text(), str(result.task(task_id).errors[-1])
        for word in words:
            assert word in log
            assert word in error

    for suffix in ("", "_deferrable"):
        says(
            f"raises{suffix}",
            "ValueError: no such facility: 7 (notebook /Workspace/Users/provider@example.com/raises, cell 1, line 2: ",
            "Workload failed, see run output for details",
        )
        says(
            f"missing{suffix}", 'Unable to access the notebook "/Users/provider@example.com/nowhere" in the workspace.'
        )
    says("late", "TIMEDOUT", "Timed out after 1 seconds.")
    says("not_here", "spark_submit_task", "INVALID_PARAMETER_VALUE")
    # The workspace has no pipelines; the provider looks for the name, and finds that it has no id to send.
    assert "pipeline_id" in result.task("pipeline").log_text()
    ended = {run.run_name: run.state.result_state.value for run in workspace.jobs.list_runs()}
    assert ended == {
        "raises": "FAILED",
        "raises_deferrable": "FAILED",
        "missing": "FAILED",
        "missing_deferrable": "FAILED",
        "late": "TIMEDOUT",
    }


def test_a_run_that_somebody_cancels_fails_its_task(run, workspace):
    result = run("ended", "cancelled_by_somebody")
    assert [(task.task_id, task.state) for task in result.tasks] == [
        ("begin", "success"),
        ("cancel", "success"),
        ("same", "failed"),
    ]
    assert "CANCELED" in str(result.task("same").errors[-1])
    (only,) = workspace.jobs.list_runs()  # the same idempotency token: the same run
    assert only.state.result_state.value == "CANCELED"


def test_a_task_that_is_killed_cancels_its_run_and_no_other(run, workspace, tmp_path):
    workspace.jobs.create(name="endless", tasks=_tasks("/Users/provider@example.com/waits"))
    os.mkfifo(begun := tmp_path / "begun")
    thread = threading.Thread(target=_time_out, args=(begun, 3), daemon=True)
    thread.start()
    result = run("ended", "killed", conf={"begun": str(begun)})
    thread.join(10)
    failed = [task for task in result.tasks if task.state == "failed"]
    assert [task.task_id for task in failed] == ["submit", "run_now", "task", "workflow.member"]
    for task in failed:
        assert "was requested to be cancelled" in task.log_text()
    assert result.task("workflow.sibling").state == "success"
    ended = [
        [task.state.result_state.value for task in run.tasks] for run in workspace.jobs.list_runs(expand_tasks=True)
    ]
    assert sorted(ended) == [["CANCELED"], ["CANCELED"], ["CANCELED"], ["CANCELED", "SUCCESS"]]


def test_a_task_that_is_tried_again_submits_another_run(run, workspace, tmp_path):
    result = run("ended", "tries_again", conf={"marker": str(tmp_path / "marker")})
    assert result.success, result
    assert result.task("flaky").tries == 2
    ended = [run.state.result_state.value for run in workspace.jobs.list_runs()]
    assert ended == ["SUCCESS", "FAILED"]  # newest first


def _time_out(begun, times):
    """Raise the alarm of ``execution_timeout`` whenever a notebook has begun: the task's ``on_kill`` is called."""
    for _ in range(times):
        begun.read_text()
        os.kill(os.getpid(), signal.SIGALRM)


def _tasks(path):
    from databricks.sdk.service.jobs import NotebookTask, Task

    return [Task("only", notebook_task=NotebookTask(path))]
