"""DatabricksHook: what DAGs call in Python, and no operator reaches; and the triggers' ends."""

from __future__ import annotations

import asyncio

import pytest
from databricks.sdk.service.jobs import NotebookTask, Task

FOLDER = "/Users/provider@example.com"
pytestmark = [
    # The provider (7.23.0) uses what the Airflow and aiohttp of its own requirements deprecate.
    pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture
def hook(notebooks):
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    return DatabricksHook("databricks_default")


def submitted(hook, notebook, **task):
    tasks = [{"task_key": "only", "notebook_task": {"notebook_path": f"{FOLDER}/{notebook}"}, **task}]
    return hook.submit_run({"run_name": notebook, "tasks": tasks})


def ended(run_id):
    """The run, once it has ended: to the operator's second read the workspace answers then."""
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    operators = DatabricksHook("databricks_default", caller="DatabricksSubmitRunOperator")
    operators.get_run_page_url(run_id)
    assert operators.get_run_state(run_id).is_terminal
    return run_id


def test_a_run_is_read_in_every_way(hook, workspace):
    run_id = ended(submitted(hook, "echo"))
    failed = ended(submitted(hook, "raises"))
    state = hook.get_run_state(run_id)
    assert (state.life_cycle_state, state.result_state) == ("TERMINATED", "SUCCESS")
    assert (state.is_terminal, state.is_successful) == (True, True)
    assert hook.get_run_state_lifecycle(run_id) == "TERMINATED"
    assert hook.get_run_state_result(failed) == "FAILED"
    assert "Workload failed, see run output for details" in hook.get_run_state_message(failed)
    assert "Result: FAILED" in hook.get_run_state_str(failed)
    assert hook.get_run_page_url(run_id).endswith(f"/run/{run_id}")
    assert hook.get_job_id(run_id) == workspace.jobs.get_run(run_id).job_id
    (task,) = hook.get_run_tasks(failed)
    assert hook.get_run_output(task["run_id"])["error"].startswith("ValueError: no such facility: 7")
    assert hook.get_run(run_id)["run_name"] == "echo"
    assert hook.get_latest_repair_id(run_id) is None


def test_the_asynchronous_twins_read_the_same(hook, clean_stack):
    run_id = ended(submitted(hook, "raises", existing_cluster_id="1234-567890-abcdefgh"))
    warehouse = clean_stack.warehouse_id
    statement_id = hook.post_sql_statement(
        {"statement": "SELECT 1", "warehouse_id": warehouse, "wait_timeout": "0s", "catalog": None, "parameters": None}
    )

    async def read():
        async with hook:
            (task,) = (await hook.a_get_run(run_id))["tasks"]
            return (
                await hook.a_get_run_page_url(run_id),
                await hook.a_get_run_state(run_id),
                await hook.a_get_run_output(task["run_id"]),
                await hook.a_get_cluster_state("1234-567890-abcdefgh"),
                await hook.a_get_warehouse_state(warehouse),
                (await hook.a_get_warehouse(warehouse))["id"],
            )

    assert asyncio.run(read()) == (
        hook.get_run_page_url(run_id),
        hook.get_run_state(run_id),
        hook.get_run_output(hook.get_run_tasks(run_id)[0]["run_id"]),
        hook.get_cluster_state("1234-567890-abcdefgh"),
        hook.get_warehouse_state(warehouse),
        hook.get_warehouse(warehouse)["id"],
    )
    hook.cancel_sql_statement(statement_id)
    assert hook.get_sql_statement_state(statement_id).is_terminal


def test_jobs_are_listed_changed_and_found_by_name(hook, workspace):
    from airflow.providers.databricks.exceptions import DatabricksApiError

    made = [hook.create_job({"name": f"job {number}", "tasks": [], "tags": {"n": "x"}}) for number in range(30)]
    assert [job["job_id"] for job in hook.list_jobs(limit=7)] == made[::-1]
    assert [job["job_id"] for job in hook.list_jobs(job_name="job 3", expand_tasks=True)] == [made[3]]
    assert hook.find_job_id_by_name("job 29") == made[29]
    assert hook.find_job_id_by_name("job") is None
    hook.update_job(str(made[0]), {"name": "renamed"})
    assert hook.find_job_id_by_name("renamed") == made[0]
    granted = {"access_control_list": [{"group_name": "admins", "permission_level": "CAN_MANAGE"}]}
    hook.update_job_permission(made[0], granted)
    entries = workspace.permissions.get("jobs", str(made[0])).access_control_list
    assert "admins" in [entry.group_name for entry in entries]
    assert hook.find_pipeline_id_by_name("nightly") is None
    with pytest.raises(DatabricksApiError, match="Job 7 does not exist"):
        hook.update_job("7", {"name": "x"})


def test_runs_are_cancelled_and_deleted(hook, workspace):
    from airflow.providers.databricks.exceptions import DatabricksApiError

    tasks = [Task("only", notebook_task=NotebookTask(f"{FOLDER}/waits"))]
    job_id = workspace.jobs.create(name="endless", tasks=tasks, max_concurrent_runs=3).job_id
    runs = [hook.run_now({"job_id": job_id}) for _ in range(2)]
    other = submitted(hook, "waits")
    with pytest.raises(DatabricksApiError, match="still active"):
        hook.delete_run(other)
    hook.cancel_all_runs(job_id)
    for run_id in runs:
        assert hook.get_run_state_result(ended(run_id)) == "CANCELED"
    assert not hook.get_run_state(other).is_terminal
    hook.cancel_run(other)
    hook.delete_run(ended(other))
    with pytest.raises(DatabricksApiError, match="Status Code: 404"):
        hook.get_run_state(other)


def test_the_trigger_of_a_task_that_is_cleared_cancels_the_run(hook, workspace):
    from airflow.providers.databricks.triggers.databricks import DatabricksExecutionTrigger

    run_id = submitted(hook, "waits")
    trigger = DatabricksExecutionTrigger(run_id, "databricks_default", run_page_url="")
    asyncio.run(trigger.on_kill())
    assert hook.get_run_state_result(ended(run_id)) == "CANCELED"


def test_the_connection_is_tested(hook, clean_stack, monkeypatch):
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    assert hook.test_connection() == (True, "Connection successfully tested")
    url = clean_stack.workspace_url.replace("http://", "databricks://:wrong@")
    monkeypatch.setenv("AIRFLOW_CONN_STRANGER", f"{url}/http")
    reached, said = DatabricksHook("stranger").test_connection()
    assert not reached
    assert "Status Code: 401" in said or "Status Code: 403" in said
