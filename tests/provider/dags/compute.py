"""A warehouse stopped and started by Airflow, by polls and by triggers; a cluster that a run starts."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.providers.databricks.operators.warehouse import (
    DatabricksStartWarehouseOperator,
    DatabricksStopWarehouseOperator,
)
from airflow.sdk import DAG

WAREHOUSE = "{{ params.warehouse_id }}"

with DAG("warehouses", schedule=None, params={"warehouse_id": ""}) as warehouses:
    (
        DatabricksStopWarehouseOperator(task_id="stop", warehouse_id=WAREHOUSE)
        >> DatabricksStartWarehouseOperator(task_id="start", warehouse_id=WAREHOUSE)
        >> DatabricksStopWarehouseOperator(task_id="stop_deferrable", warehouse_id=WAREHOUSE, deferrable=True)
        >> DatabricksStartWarehouseOperator(task_id="start_deferrable", warehouse_id=WAREHOUSE, deferrable=True)
    )

with DAG("cluster", schedule=None, params={"cluster_id": ""}) as cluster:
    DatabricksSubmitRunOperator(
        task_id="submit",
        existing_cluster_id="{{ params.cluster_id }}",
        notebook_task={"notebook_path": "/Users/provider@example.com/runtime"},
    )
