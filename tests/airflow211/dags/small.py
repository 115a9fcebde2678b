"""What teams on Airflow 2.11 write: its own imports, the providers of its time."""

from __future__ import annotations

import datetime

from airflow.decorators import dag, task
from airflow.io.path import ObjectStoragePath
from airflow.providers.amazon.aws.operators.s3 import S3CreateBucketOperator
from airflow.providers.amazon.aws.sensors.s3 import S3KeySensor
from airflow.providers.databricks.operators.databricks import (
    DatabricksNotebookOperator,
    DatabricksRunNowOperator,
    DatabricksSubmitRunOperator,
)
from airflow.providers.databricks.operators.databricks_sql import DatabricksCopyIntoOperator, DatabricksSqlOperator
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup

NOTEBOOK = "/Workspace/Users/airflow211/count"
SQL = {"sql_endpoint_name": "local"}
CLUSTER = {"spark_version": "17.3.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 1}


@dag(dag_id="small", schedule=None, start_date=datetime.datetime(2024, 1, 1), catchup=False)
def small():
    bucket = S3CreateBucketOperator(task_id="bucket", bucket_name="airflow211")

    @task
    def land() -> str:
        path = ObjectStoragePath("s3://aws_default@airflow211/in/rows.csv")
        path.write_text("id,name\n1,a\n2,b\n")
        return path.key

    landed = S3KeySensor(task_id="landed", bucket_name="airflow211", bucket_key="in/rows.csv", poke_interval=1)
    create = DatabricksSqlOperator(
        task_id="create", sql="CREATE TABLE IF NOT EXISTS main.default.old (id BIGINT, name STRING)", **SQL
    )
    copy = DatabricksCopyIntoOperator(
        task_id="copy",
        table_name="main.default.old",
        file_location="s3://airflow211/in/",
        file_format="CSV",
        format_options={"header": "true", "inferSchema": "true"},
        copy_options={"mergeSchema": "true"},
        **SQL,
    )
    submit = DatabricksSubmitRunOperator(
        task_id="submit", tasks=[{"task_key": "only", "notebook_task": {"notebook_path": NOTEBOOK}}]
    )
    deferred = DatabricksSubmitRunOperator(
        task_id="deferred",
        tasks=[{"task_key": "only", "notebook_task": {"notebook_path": NOTEBOOK}}],
        deferrable=True,
        polling_period_seconds=1,
    )
    run_now = DatabricksRunNowOperator(task_id="run_now", job_name="old")

    with DatabricksWorkflowTaskGroup(
        group_id="workflow",
        databricks_conn_id="databricks_default",
        job_clusters=[{"job_cluster_key": "c", "new_cluster": CLUSTER}],
    ) as workflow:
        DatabricksNotebookOperator(
            task_id="notebook",
            notebook_path=NOTEBOOK,
            source="WORKSPACE",
            job_cluster_key="c",
            databricks_conn_id="databricks_default",
        )

    count = DatabricksSqlOperator(task_id="count", sql="SELECT count(*) FROM main.default.old", **SQL)
    bucket >> land() >> landed >> create >> copy >> [submit, deferred, run_now, workflow] >> count


small()
