"""What a run did on the stack, task by task, and what its diagnosis makes of it."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.dagrun import DagRunResult, TaskResult
from harness.dagrun.work import DatabricksRun, DatabricksTask, NotObserved, Statement, Work

NOTEBOOK = """
dbutils.widgets.text("day", "")
spark.sql("CREATE TABLE main.default.days AS SELECT '" + dbutils.widgets.get("day") + "' AS day")
spark.table("main.default.days").write.mode("overwrite").parquet("s3://lake/days")
"""


@pytest.fixture
def pipeline(make_notebook: Any) -> Any:
    """A DAG that writes an object, a table by SQL and a table by a notebook, and triggers another DAG."""
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
    from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
    from airflow.sdk import DAG, task

    with DAG("does_much", schedule=None, start_date=datetime.datetime(2024, 1, 1)) as dag:

        @task
        def put(ti: Any = None) -> str:
            import boto3

            s3 = boto3.client("s3")
            s3.create_bucket(Bucket="lake")
            for key in ("in/one.csv", "in/two.csv"):
                s3.put_object(Bucket="lake", Key=key, Body=b"1")
            s3.copy_object(Bucket="lake", Key="in/three.csv", CopySource="lake/in/one.csv")
            s3.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "in/two.csv"}]})
            s3.list_objects_v2(Bucket="lake")
            ti.xcom_push("size", 2)
            return "put"

        sql = DatabricksSqlOperator(
            task_id="sql", sql=["CREATE TABLE main.default.t AS SELECT 1 AS n", "INSERT INTO main.default.t VALUES (2)"]
        )
        notebook = DatabricksSubmitRunOperator(
            task_id="notebook",
            run_name="the days",
            notebook_task={"notebook_path": make_notebook(NOTEBOOK), "base_parameters": {"day": "{{ ds }}"}},
        )
        put() >> sql >> notebook
    return dag


@pytest.mark.s3("requests")
@pytest.mark.slow
def test_a_result_tells_what_every_task_did(pipeline: Any, run_dag: Any, sql: Any) -> None:
    sql("CREATE TABLE main.default.before AS SELECT 1 AS n")
    run = run_dag(pipeline, logical_date="2024-05-01", expect="success")
    sql("INSERT INTO main.default.t VALUES (3)")
    assert run.task("put").xcoms == {"size": 2, "return_value": "put"}
    assert "2024-05-01" in str(run.task("notebook").rendered)
    statements = [(each.task_id, each.text.split()[0], each.state) for each in run.statements]
    assert [each for each in statements if each[1] in ("CREATE", "INSERT")] == [
        ("sql", "CREATE", "FINISHED"),
        ("sql", "INSERT", "FINISHED"),
    ]
    (databricks,) = run.databricks_runs
    assert (databricks.task_id, databricks.name, databricks.state) == ("notebook", "the days", "SUCCESS")
    assert databricks.tasks[0].notebook.endswith("notebook-1")
    assert databricks.page == run.task("notebook").page
    assert [(each.task_id, each.table, each.version) for each in run.tables] == [
        ("sql", "main.default.t", 0),
        ("sql", "main.default.t", 1),
        ("notebook", "main.default.days", 0),
    ]
    mine = [(each.operation, each.address) for each in run.objects if each.task_id == "put"]
    assert mine == [
        ("write", "s3://lake/in/one.csv"),
        ("write", "s3://lake/in/two.csv"),
        ("read", "s3://lake/in/one.csv"),
        ("write", "s3://lake/in/three.csv"),
        ("delete", "s3://lake/in/two.csv"),
    ]
    assert any(
        each.task_id == "notebook" and each.operation == "write" and each.address.endswith(".parquet")
        for each in run.objects
    )


def test_the_diagnosis_has_the_databricks_task_and_the_statement_that_failed() -> None:
    cause = TaskResult("load", state="failed", tries=1, errors=(RuntimeError("Job run failed"),))
    task = DatabricksTask(
        "copy", "FAILED", "/Shared/copy", 1.0, "ValueError: no\nnotebook /Shared/copy, cell 3, line 2"
    )
    work = Work(
        [DatabricksRun(1, "r", "FAILED", "http://page", (task,), 1.0, 0.0, "load")],
        [
            Statement("SELECT\n  nothing", "FAILED", "[TABLE_OR_VIEW_NOT_FOUND] nothing", None, 0.1, 0.0, "load"),
            Statement("SELECT other", "FAILED", "of another task", None, 0.1, 0.0, "other"),
        ],
    )
    result = DagRunResult("dag", "run", "failed", [cause], first_failure=cause, work=work)
    assert str(result).splitlines()[3:] == [
        "First cause: task load",
        "  RuntimeError: Job run failed",
        "  Databricks task copy (/Shared/copy):",
        "    ValueError: no",
        "    notebook /Shared/copy, cell 3, line 2",
        "  Failed statement: SELECT nothing",
        "    [TABLE_OR_VIEW_NOT_FOUND] nothing",
    ]


def test_what_was_not_looked_at_is_not_called_empty(tmp_path: Path) -> None:
    result = DagRunResult("dag", "run", "success", [TaskResult("load", state="success")])
    for name in ("statements", "databricks_runs", "tables", "objects"):
        with pytest.raises(NotObserved):
            getattr(result, name)
    with pytest.raises(NotObserved, match="built-in S3 server"):
        _ = DagRunResult("dag", "run", "success", [], work=Work()).objects
