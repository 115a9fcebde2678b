"""Runs that are ended from outside: by somebody else, by the Airflow task's own end; and a task that tries again."""

from __future__ import annotations

import datetime

from airflow.providers.databricks.hooks.databricks import DatabricksHook
from airflow.providers.databricks.operators.databricks import (
    DatabricksRunNowOperator,
    DatabricksSubmitRunOperator,
    DatabricksTaskOperator,
)
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.sdk import DAG, Param, task

WAITS = {"notebook_task": {"notebook_path": "/Users/provider@example.com/waits"}}
# The same, telling the test when it is under way.
TELLS = {"notebook_task": {**WAITS["notebook_task"], "base_parameters": {"begun": "{{ params.begun }}"}}}
LIMIT = datetime.timedelta(hours=1)

with DAG("cancelled_by_somebody", schedule=None) as cancelled_by_somebody:

    @task
    def cancel(number: int) -> None:
        DatabricksHook("databricks_default").cancel_run(number)

    begin = DatabricksSubmitRunOperator(
        task_id="begin", json=WAITS, idempotency_token="{{ run_id }}", wait_for_termination=False
    )
    # The same token: it takes up the run that was begun.
    same = DatabricksSubmitRunOperator(task_id="same", json=WAITS, idempotency_token="{{ run_id }}")
    begin >> cancel("{{ ti.xcom_pull(task_ids='begin', key='run_id') }}") >> same

with DAG("killed", schedule=None, params={"begun": Param("", type="string")}) as killed:
    DatabricksSubmitRunOperator(task_id="submit", json=TELLS, execution_timeout=LIMIT)
    DatabricksRunNowOperator(
        task_id="run_now",
        job_name="endless",
        notebook_params={"begun": "{{ params.begun }}"},
        execution_timeout=LIMIT,
    )
    DatabricksTaskOperator(
        task_id="task", task_config=TELLS, existing_cluster_id="1234-567890-abcdefgh", execution_timeout=LIMIT
    )
    with DatabricksWorkflowTaskGroup(group_id="workflow", databricks_conn_id="databricks_default"):
        DatabricksTaskOperator(task_id="member", task_config=WAITS, execution_timeout=datetime.timedelta(seconds=1.5))
        DatabricksTaskOperator(
            task_id="sibling", task_config={"notebook_task": {"notebook_path": "/Users/provider@example.com/echo"}}
        )

with DAG("tries_again", schedule=None, params={"marker": Param("", type="string")}) as tries_again:
    DatabricksSubmitRunOperator(
        task_id="flaky",
        notebook_task={
            "notebook_path": "/Users/provider@example.com/flaky",
            "base_parameters": {"marker": "{{ params.marker }}"},
        },
        new_cluster={"spark_version": "16.4.x-scala2.12", "num_workers": 1},
        retries=1,
        retry_delay=datetime.timedelta(hours=1),
    )
