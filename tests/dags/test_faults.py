"""What the production DAGs do when services fail: they get over it, without a row too many, or say what happened."""

from __future__ import annotations

import expected
from databricks.sdk.service.jobs import NotebookTask, RunResultState, SubmitTask, Task

EXTRACT, LOAD, TRANSFORM = "green_energy_extract", "green_energy_load", "green_energy_transform"
SCHEMA = "main.green_energy"


def test_the_pipeline_gets_over_a_busy_s3_a_failed_copy_and_a_lost_cluster_is_told(run_assets, run_dag, lake, faults):
    faults.s3("PUT", "/green-energy-landing/daily/*", times=2)
    # The rows of one file are there and Airflow is told that they are not: the second try must not add them again.
    lost = "The connection to the warehouse was lost."
    faults.statement(r"COPY INTO main\.green_energy\.energy", when="after", message=lost)
    faults.request("runs.get", status=429, times=2)
    faults.task("green_energy_transform__green_energy__extract__extract_green", when="after")
    run = run_assets(EXTRACT)
    assert run.run(EXTRACT).success, run
    assert run.run(LOAD).success, run
    tries = sorted(task.try_number for task in run.run(LOAD).tasks if task.task_id.endswith("copy"))
    assert tries == [1, 1, 1, 1, 2]
    for name in ("energy", "facilities"):
        assert lake.table(f"{SCHEMA}.{name}").count() == expected.row_counts()[name]
    assert not run.run(TRANSFORM).success
    assert "SPOT_INSTANCE_TERMINATION" in str(run)
    # A new run on a new cluster, as a data engineer would start it.
    again = run_dag(TRANSFORM)
    assert again.success, again
    assert lake.table(f"{SCHEMA}.green_readings").count() == expected.row_counts()["green_readings"]


def test_databricks_repeats_a_task_that_lost_its_spot_instance_if_the_job_says_so(workspace, faults):
    faults.task("probe")
    notebook = NotebookTask(notebook_path="/Workspace/Users/tester@example.com/works")
    job = workspace.jobs.create(
        name="spot", tasks=[Task(task_key="probe", notebook_task=notebook, max_retries=1, min_retry_interval_millis=0)]
    )
    run = workspace.jobs.run_now(job.job_id).result()
    assert run.state.result_state is RunResultState.SUCCESS
    first, second = sorted(run.tasks, key=lambda task: task.attempt_number)
    assert "SPOT_INSTANCE_TERMINATION (CLOUD_FAILURE)" in first.state.state_message
    assert second.state.result_state is RunResultState.SUCCESS
    faults.task("probe", "CLUSTER_TERMINATED")
    failed = workspace.jobs.submit(tasks=[SubmitTask(task_key="probe", notebook_task=notebook)])
    assert "DRIVER_UNREACHABLE" in str(workspace.jobs.get_run_output(_ended(workspace, failed.run_id)).error)


def _ended(workspace, run_id):
    """The task run of a run that has ended."""
    workspace.jobs.wait_get_run_job_terminated_or_skipped(run_id)
    (task,) = workspace.jobs.get_run(run_id).tasks
    return task.run_id
