"""Run one SQL statement, named by the run's configuration."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import DAG, Param

with DAG("one_statement", schedule=None, params={"sql": Param("SELECT 1", type="string")}):
    DatabricksSqlOperator(task_id="statement", sql="{{ params.sql }}")
