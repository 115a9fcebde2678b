"""Trains the churn model on Databricks every week, and promotes it if it beats the bar."""

from __future__ import annotations

from datetime import datetime

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import Variable, dag, task

from churn import settings

MODELS = Variable.get("model_bucket")


@dag(schedule="@weekly", start_date=datetime(2024, 1, 1), catchup=False, params={"segment": "retail"})
def churn_training():
    features = DatabricksSqlOperator(
        task_id="features",
        sql=[
            "CREATE SCHEMA IF NOT EXISTS main.churn",
            "CREATE OR REPLACE TABLE main.churn.features AS "
            "SELECT id, id % 7 AS visits, id % 3 AS plan, CAST(id % 7 < 3 AS INT) AS churned FROM range(200)",
        ],
    )
    train = DatabricksSubmitRunOperator(
        task_id="train",
        new_cluster=settings.CLUSTER,
        do_xcom_push=True,
        notebook_task={
            "notebook_path": "/Repos/ml/churn/notebooks/train",
            "base_parameters": {"segment": "{{ params.segment }}", "models": f"s3://{MODELS}/churn"},
        },
    )

    @task.branch
    def better(training: int) -> str:
        from airflow.providers.databricks.hooks.databricks import DatabricksHook

        hook = DatabricksHook()
        task_run = hook.get_run(training)["tasks"][0]["run_id"]
        accuracy = float(hook.get_run_output(task_run)["notebook_output"]["result"])
        return "promote" if accuracy >= settings.BAR else "keep"

    @task
    def promote() -> str:
        from airflow.providers.amazon.aws.hooks.s3 import S3Hook

        hook = S3Hook("models_s3")
        hook.copy_object("churn/candidate.pkl", "churn/current.pkl", MODELS, MODELS)
        return "promoted"

    @task
    def keep() -> None:
        pass

    chosen = better(train.output["run_id"])
    features >> train >> chosen >> [promote(), keep()]


churn_training()
