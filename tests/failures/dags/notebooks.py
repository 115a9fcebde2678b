"""DAGs of one notebook each, on a job cluster of its own."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator
from airflow.sdk import DAG

for name in ("raises", "nowhere", "waits", "works"):
    with DAG(name, schedule=None) as dag:
        DatabricksNotebookOperator(
            task_id="notebook",
            notebook_path=f"/Users/tester@example.com/{name}",
            source="WORKSPACE",
            new_cluster={
                "spark_version": "16.4.x-scala2.12",
                "node_type_id": "i3.xlarge",
                "num_workers": 2,
                "aws_attributes": {"availability": "SPOT"},
            },
        )
    globals()[name] = dag
