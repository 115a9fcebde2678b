"""One DAG an operator, ten tasks in a row each, to see what a task of it costs beside an empty one."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator, DatabricksSubmitRunOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk import DAG, chain

TASKS = 10
CLUSTER = {"spark_version": "16.4.x-scala2.12", "num_workers": 1, "node_type_id": "i3.xlarge"}


def nothing() -> None:
    pass


def row(dag_id: str, operator: type, **arguments: object) -> DAG:
    with DAG(dag_id, schedule=None) as dag:
        chain(*[operator(task_id=f"task_{number}", **arguments) for number in range(TASKS)])
    return dag


empty = row("empty", EmptyOperator)
python = row("python", PythonOperator, python_callable=nothing)
statement = row("statement", DatabricksSqlOperator, sql="SELECT 1")
NOTEBOOK = {"notebook_path": "/Workspace/Benchmarks/empty", "source": "WORKSPACE", "new_cluster": CLUSTER}
notebook = row("notebook", DatabricksNotebookOperator, **NOTEBOOK)
notebook_deferrable = row("notebook_deferrable", DatabricksNotebookOperator, **NOTEBOOK, deferrable=True)
SUBMIT = {"notebook_task": {"notebook_path": "/Workspace/Benchmarks/empty"}, "new_cluster": CLUSTER}
submit = row("submit", DatabricksSubmitRunOperator, **SUBMIT)
submit_deferrable = row("submit_deferrable", DatabricksSubmitRunOperator, **SUBMIT, deferrable=True)

with DAG("one_notebook", schedule=None) as one_notebook:
    DatabricksNotebookOperator(
        task_id="notebook", notebook_path="/Workspace/Benchmarks/empty", source="WORKSPACE", new_cluster=CLUSTER
    )
