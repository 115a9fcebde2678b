"""A connection that names the production workspace: operators of each transport, and one that compares hosts."""

from __future__ import annotations

from airflow.providers.databricks.assets.databricks import UnityTableIdentity
from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksCopyIntoAssetOperator, DatabricksSqlOperator
from airflow.sdk import DAG, chain

HOST = "adb-1234567890123456.7.azuredatabricks.net"
ECHO = {
    "notebook_task": {"notebook_path": "/Users/provider@example.com/echo"},
    "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 1},
}

with DAG("host", schedule=None, default_args={"databricks_conn_id": "production"}) as host:
    chain(
        DatabricksSubmitRunOperator(task_id="waits", json=ECHO),
        DatabricksSubmitRunOperator(task_id="defers", json=ECHO, deferrable=True),
        DatabricksSqlOperator(task_id="table", sql="CREATE TABLE main.default.sales (id STRING, region STRING)"),
        DatabricksCopyIntoAssetOperator(
            task_id="asset",
            table_name="main.default.sales",
            file_location="s3://landing/sales",
            file_format="CSV",
            format_options={"header": "true"},
            unity_table=UnityTableIdentity(host=HOST, catalog="main", schema="default", table="sales"),
        ),
    )
