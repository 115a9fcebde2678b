"""What every task has read and written, seen from outside: tables by Spark's plans, objects by the S3 server's log."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from harness.dagrun import DagRunResult
from harness.dagrun.lineage import Lineage, TaskLineage
from harness.dagrun.work import NotObserved, Work

START = datetime.datetime(2024, 1, 1)
NOTEBOOK = """
from delta.tables import DeltaTable
from pyspark.sql import functions as F

orders = spark.table("main.default.orders")
orders.groupBy("kind").count().write.saveAsTable("main.default.by_kind")
orders.write.mode("overwrite").parquet("s3://lake/out/orders")
spark.read.parquet("s3://lake/out/orders").write.format("delta").save("s3://lake/out/delta")
(
    DeltaTable.forName(spark, "main.default.stock").alias("s")
    .merge(orders.alias("o"), "s.kind = o.kind").whenMatchedUpdate(set={"n": "o.n"}).execute()
)
dbutils.fs.put("/Volumes/main/default/files/a.json", '{"n": 1}')
spark.read.json("/Volumes/main/default/files").writeTo("main.default.from_files").create()
(
    spark.readStream.table("main.default.by_kind").writeStream.trigger(availableNow=True)
    .option("checkpointLocation", "/tmp/lineage/checkpoint").toTable("main.default.streamed").awaitTermination()
)
"""
OTHER = "spark.sql('SELECT 1').collect(); spark.table('main.default.by_kind').toPandas()"


@pytest.fixture
def pipeline(make_notebook: Any, make_volume: Any) -> Any:
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
    from airflow.providers.databricks.operators.databricks_sql import (
        DatabricksCopyIntoOperator,
        DatabricksSqlOperator,
    )
    from airflow.sdk import DAG, task

    make_volume("main.default.files")
    with DAG("lineage", schedule=None, start_date=START) as dag:

        @task
        def put() -> None:
            import boto3

            s3 = boto3.client("s3")
            s3.create_bucket(Bucket="lake")
            s3.put_object(Bucket="lake", Key="in/one.csv", Body=b"kind,n\na,1\n")
            s3.put_object(Bucket="lake", Key="in/gone.csv", Body=b"")
            s3.get_object(Bucket="lake", Key="in/one.csv")
            s3.delete_object(Bucket="lake", Key="in/gone.csv")

        copy = DatabricksCopyIntoOperator(
            task_id="copy",
            table_name="main.default.orders",
            file_location="s3://lake/in/",
            file_format="CSV",
            format_options={"header": "true", "inferSchema": "true"},
            copy_options={"mergeSchema": "true"},
        )
        make = DatabricksSqlOperator(
            task_id="make",
            sql=[
                "CREATE TABLE main.default.orders (kind STRING, n INT)",
                "CREATE TABLE main.default.stock AS SELECT 'a' AS kind, 0 AS n",
                "CREATE VIEW main.default.large AS SELECT * FROM main.default.orders WHERE n > 0",
            ],
        )
        change = DatabricksSqlOperator(
            task_id="change",
            sql=[
                "INSERT INTO main.default.stock SELECT kind, n FROM main.default.large",
                "UPDATE main.default.stock SET n = n + 1",
                "SELECT count(*) FROM main.default.stock",
            ],
        )
        sold = DatabricksSqlOperator(
            task_id="sold", sql="DELETE FROM main.default.stock WHERE kind IN (SELECT kind FROM main.default.orders)"
        )
        notebook = DatabricksSubmitRunOperator(
            task_id="notebook",
            tasks=[
                {"task_key": "first", "notebook_task": {"notebook_path": make_notebook(NOTEBOOK)}},
                {
                    "task_key": "second",
                    "depends_on": [{"task_key": "first"}],
                    "notebook_task": {"notebook_path": make_notebook(OTHER)},
                },
            ],
        )
        put() >> make >> copy >> change >> sold >> notebook
    return dag


@pytest.mark.s3("requests")
@pytest.mark.slow
def test_every_task_tells_what_it_has_read_and_written(pipeline: Any, run_dag: Any, sql: Any) -> None:
    sql("CREATE TABLE main.default.before AS SELECT 1 AS n")
    lineage = run_dag(pipeline, expect="success").lineage
    sql("INSERT INTO main.default.stock SELECT 'z', n FROM main.default.before")
    seen = {
        task.task_id: (task.tables_read, task.tables_written, task.objects_read, task.objects_written)
        for task in lineage
    }
    assert seen == {
        "put": ((), (), ("s3://lake/in/one.csv",), ("s3://lake/in/gone.csv", "s3://lake/in/one.csv")),
        "make": ((), ("main.default.stock",), (), ()),
        "copy": ((), ("main.default.orders",), ("s3://lake/in/one.csv",), ()),
        "change": (("main.default.orders", "main.default.stock"), ("main.default.stock",), (), ()),
        "sold": (("main.default.orders", "main.default.stock"), ("main.default.stock",), (), ()),
        "notebook": (
            ("main.default.by_kind", "main.default.orders"),
            ("main.default.by_kind", "main.default.from_files", "main.default.stock", "main.default.streamed"),
            ("/Volumes/main/default/files", "s3://lake/out/orders"),
            ("s3://lake/out/delta", "s3://lake/out/orders"),
        ),
    }
    assert "main.default.before" not in lineage.tables_read


@pytest.mark.slow
def test_the_tasks_of_a_workflow_have_their_own(make_notebook: Any, run_dag: Any, sql: Any) -> None:
    from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator
    from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
    from airflow.sdk import DAG

    sql("CREATE TABLE main.default.raw AS SELECT 1 AS n")
    bronze = make_notebook("spark.table('main.default.raw').write.saveAsTable('main.default.bronze')")
    silver = make_notebook("spark.table('main.default.bronze').write.saveAsTable('main.default.silver')")
    with (
        DAG("workflow", schedule=None, start_date=START) as dag,
        DatabricksWorkflowTaskGroup(group_id="flow", databricks_conn_id="databricks_default"),
    ):
        steps = [
            DatabricksNotebookOperator(
                task_id=name, notebook_path=path, source="WORKSPACE", databricks_conn_id="databricks_default"
            )
            for name, path in (("bronze", bronze), ("silver", silver))
        ]
        steps[0] >> steps[1]
    lineage = run_dag(dag, expect="success").lineage
    assert [(task.task_id, task.tables_read, task.tables_written) for task in lineage] == [
        ("flow.bronze", ("main.default.raw",), ("main.default.bronze",)),
        ("flow.silver", ("main.default.bronze",), ("main.default.silver",)),
    ]


def test_objects_that_nobody_could_see_are_not_called_none() -> None:
    lineage = Lineage((TaskLineage("load", tables_written=("main.default.t",), paths_read=("s3://lake/in",)),), False)
    assert (lineage.tables_written, lineage.task("load").paths_read) == (("main.default.t",), ("s3://lake/in",))
    for owner in (lineage, lineage.task("load"), lineage.task("other")):
        with pytest.raises(NotObserved, match="built-in S3 server"):
            _ = owner.objects_read
        with pytest.raises(NotObserved, match="built-in S3 server"):
            _ = owner.objects_written
    with pytest.raises(NotObserved):
        _ = DagRunResult("dag", "run", "success", [], work=Work()).lineage
