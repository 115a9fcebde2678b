"""Orders from the shop to gold: landed as JSON lines, refined by the notebooks of the bundle."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from airflow.providers.amazon.aws.hooks.s3 import S3Hook
from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.sdk import DAG, Asset, task

BUNDLE = "/Workspace/Shared/.bundle/medallion/prod/files"
GOLD = Asset("gold_revenue")
ORDERS = [
    {"id": 1, "country": "NL", "amount": "10.50", "at": "2024-05-01T08:00:00"},
    {"id": 2, "country": "NL", "amount": "4.50", "at": "2024-05-01T09:30:00"},
    {"id": 2, "country": "NL", "amount": "4.50", "at": "2024-05-01T09:30:00"},
    {"id": 3, "country": "FR", "amount": "-1", "at": "2024-05-01T10:00:00"},
]
CLUSTER = {
    "job_cluster_key": "small",
    "new_cluster": {
        "spark_version": "15.4.x-scala2.12",
        "node_type_id": "i3.xlarge",
        "num_workers": 1,
    },
}

with DAG(
    "medallion",
    schedule="@daily",
    start_date=datetime(2024, 1, 1),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
    tags=["orders"],
):

    @task
    def land(ds=None) -> str:
        key = f"orders/{ds}.json"
        lines = "\n".join(json.dumps(order) for order in ORDERS)
        S3Hook(aws_conn_id="lake_writer").load_string(
            lines, key, bucket_name="shop-landing", replace=True
        )
        return key

    with DatabricksWorkflowTaskGroup(
        group_id="refine",
        databricks_conn_id="databricks_prod",
        job_clusters=[CLUSTER],
        notebook_params={"day": "{{ ds }}"},
    ) as refine:

        def notebook(name: str) -> DatabricksNotebookOperator:
            return DatabricksNotebookOperator(
                task_id=name,
                databricks_conn_id="databricks_prod",
                notebook_path=f"{BUNDLE}/src/notebooks/{name}",
                source="WORKSPACE",
                job_cluster_key="small",
            )

        notebook("bronze") >> notebook("silver") >> notebook("gold")

    publish = DatabricksSqlOperator(
        task_id="publish",
        databricks_conn_id="databricks_prod",
        sql="COMMENT ON TABLE main.gold.revenue IS 'Revenue a country, as of {{ ds }}'",
        outlets=[GOLD],
    )
    land() >> refine >> publish

with DAG("alert_on_gold", schedule=[GOLD], start_date=datetime(2024, 1, 1), catchup=False):

    @task
    def alert(triggering_asset_events=None) -> int:
        return len(triggering_asset_events[GOLD])

    alert()
