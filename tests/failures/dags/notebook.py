"""Run one notebook, named by the run's configuration, on a job cluster of its own."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator
from airflow.sdk import DAG, Param

with DAG("one_notebook", schedule=None, params={"notebook": Param("raises", type="string")}):
    DatabricksNotebookOperator(
        task_id="notebook",
        notebook_path="/Users/tester@example.com/{{ params.notebook }}",
        source="WORKSPACE",
        new_cluster={
            "spark_version": "16.4.x-scala2.12",
            "node_type_id": "i3.xlarge",
            "num_workers": 2,
            "aws_attributes": {"availability": "SPOT"},
        },
    )
