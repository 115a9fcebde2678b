"""Deferrable operators beside each other: what only a triggerer and an executor of processes do."""

from __future__ import annotations

import datetime

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import dag


@dag(dag_id="deferred", schedule=None, start_date=datetime.datetime(2024, 1, 1), catchup=False)
def deferred():
    notebook = {"notebook_path": "/Workspace/Users/scheduler/answer", "source": "WORKSPACE"}
    runs = [
        DatabricksSubmitRunOperator(
            task_id=f"run_{number}",
            tasks=[{"task_key": "only", "notebook_task": notebook}],
            deferrable=True,
            polling_period_seconds=1,
        )
        for number in range(2)
    ]
    runs >> DatabricksSqlOperator(task_id="last", sql="SELECT 1", sql_endpoint_name="local")


deferred()
