"""Compare facilities inside and outside the green initiative: a Databricks job of five notebooks, then a report."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.sdk import Param, TaskGroup, dag
from green_energy.config import (
    CATALOG,
    DATABRICKS_CONN_ID,
    ENERGY,
    FACILITY_EFFICIENCY,
    NOTEBOOK_FOLDER,
    SCHEMA,
    WAREHOUSE,
    table,
)

JOB_CLUSTER = {
    "job_cluster_key": "green_energy",
    "new_cluster": {
        "spark_version": "16.4.x-scala2.12",
        "node_type_id": "m5d.large",
        "autoscale": {"min_workers": 1, "max_workers": 4},
        "data_security_mode": "SINGLE_USER",
        "aws_attributes": {"availability": "SPOT_WITH_FALLBACK", "first_on_demand": 1, "zone_id": "auto"},
        "spark_conf": {"spark.sql.session.timeZone": "UTC"},
        "custom_tags": {"team": "energy-data", "pipeline": "green_energy"},
    },
}


def notebook(name: str, **kwargs) -> DatabricksNotebookOperator:
    """A task of the job: the notebook of that name, on the job cluster."""
    return DatabricksNotebookOperator(
        task_id=name,
        databricks_conn_id=DATABRICKS_CONN_ID,
        notebook_path=f"{NOTEBOOK_FOLDER}/{name}",
        source="WORKSPACE",
        job_cluster_key=JOB_CLUSTER["job_cluster_key"],
        **kwargs,
    )


@dag(
    dag_id="green_energy_transform",
    schedule=[ENERGY],
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    params={"year": Param(2025, type="integer", minimum=2000, description="The year to compare facilities in.")},
    default_args={"owner": "energy-data", "retries": 2, "retry_delay": timedelta(minutes=2)},
    tags=["green_energy"],
    doc_md=__doc__,
)
def transform():
    with DatabricksWorkflowTaskGroup(
        group_id="green_energy",
        databricks_conn_id=DATABRICKS_CONN_ID,
        job_clusters=[JOB_CLUSTER],
        notebook_params={"catalog": CATALOG, "schema": SCHEMA, "year": "{{ params.year }}"},
        # A second try of a notebook's task would look at the same run of the job again.
        default_args={"retries": 0},
    ) as job:
        with TaskGroup("extract"):
            extract_green = notebook("extract_green")
            extract_not_green = notebook("extract_not_green")
        with TaskGroup("transform"):
            transform_green = notebook("transform_green")
            transform_not_green = notebook("transform_not_green")
        analytics = notebook("analytics", outlets=[FACILITY_EFFICIENCY])

        extract_green >> transform_green
        extract_not_green >> transform_not_green
        [transform_green, transform_not_green] >> analytics

    report = DatabricksSqlOperator(
        task_id="report",
        databricks_conn_id=DATABRICKS_CONN_ID,
        sql_endpoint_name=WAREHOUSE,
        sql="sql/report.sql",
        params={"facility_efficiency": table("facility_efficiency")},
    )
    job >> report


transform()
