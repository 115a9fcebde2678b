"""What the production DAGs do when services fail: they get over it, without a row too many, or say what happened."""

from __future__ import annotations

import expected
import pytest
from databricks.sdk.errors import OperationFailed
from databricks.sdk.service.jobs import NotebookTask, RunResultState, SubmitTask, Task

EXTRACT, LOAD, TRANSFORM = "green_energy_extract", "green_energy_load", "green_energy_transform"
SCHEMA = "main.green_energy"


@pytest.mark.s3("faults")
def test_the_pipeline_gets_over_a_busy_s3_a_failed_copy_and_a_lost_cluster_is_told(run_assets, lake, faults):
    faults.s3("PUT", "/green-energy-landing/daily/*", times=2)
    # The rows of one file are there and Airflow is told that they are not: the second try must not add them again.
    lost = "The connection to the warehouse was lost."
    faults.statement(r"COPY INTO main\.green_energy\.energy", when="after", message=lost)
    faults.request("runs.get", status=429, times=2)
    faults.task("*/extract_green", when="after")
    run = run_assets(EXTRACT)
    assert {task.state for dag_id in (EXTRACT, LOAD) for task in run.run(dag_id).tasks} == {"success"}, run
    tries = sorted(task.tries for task in run.run(LOAD).tasks if task.task_id.endswith("copy"))
    assert tries == [1, 1, 1, 1, 2]
    for name in ("energy", "facilities"):
        assert lake.table(f"{SCHEMA}.{name}").count() == expected.row_counts()[name]
    # The service's words are in what Airflow shows, and nothing ran on what the lost cluster left behind.
    transform = run.run(TRANSFORM)
    assert "SPOT_INSTANCE_TERMINATION (CLOUD_FAILURE)" in str(transform)
    assert {task.name: task.state for task in transform.tasks}["report"] == "upstream_failed"
    assert f"{SCHEMA}.facility_efficiency" not in lake.tables("main")


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
    with pytest.raises(OperationFailed, match=r"Task probe failed with message: .*DRIVER_UNREACHABLE"):
        workspace.jobs.submit(tasks=[SubmitTask(task_key="probe", notebook_task=notebook)]).result()
