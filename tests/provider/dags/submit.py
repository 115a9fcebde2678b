"""Every shape in which DatabricksSubmitRunOperator submits a run."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.sdk import DAG, Param

CLUSTER = {
    "spark_version": "16.4.x-scala2.12",
    "node_type_id": "i3.xlarge",
    "num_workers": 2,
    "aws_attributes": {"availability": "SPOT"},
}
ECHO = "/Users/provider@example.com/echo"
SCRIPT = "/Workspace/Users/provider@example.com/script.py"

with DAG("submit", schedule=None, params={"site": Param("north", type="string")}) as submit:
    DatabricksSubmitRunOperator(
        task_id="json_tasks",
        json={
            "run_name": "two tasks, serverless",
            "tasks": [
                {
                    "task_key": "first",
                    "notebook_task": {"notebook_path": ECHO, "base_parameters": {"ds": "{{ ds }}", "n": 1}},
                    "timeout_seconds": 600,
                },
                {
                    "task_key": "second",
                    "depends_on": [{"task_key": "first"}],
                    "spark_python_task": {"python_file": SCRIPT, "parameters": ["{{ '{{job.run_id}}' }}"]},
                    "environment_key": "default",
                },
            ],
            "environments": [{"environment_key": "default", "spec": {"client": "2", "dependencies": []}}],
        },
    )
    DatabricksSubmitRunOperator(
        task_id="notebook_task", notebook_task={"notebook_path": ECHO}, new_cluster=CLUSTER, timeout_seconds=600
    )
    DatabricksSubmitRunOperator(
        task_id="spark_python_task",
        spark_python_task={"python_file": SCRIPT, "parameters": ["--day", "{{ ds }}"]},
        new_cluster=CLUSTER,
    )
    DatabricksSubmitRunOperator(
        task_id="legacy_json",
        json={"notebook_task": {"notebook_path": ECHO}, "existing_cluster_id": "1234-567890-abcdefgh", "libraries": []},
    )
    DatabricksSubmitRunOperator(
        task_id="deferrable", notebook_task={"notebook_path": ECHO}, new_cluster=CLUSTER, deferrable=True
    )
    DatabricksSubmitRunOperator(
        task_id="not_waited_for",
        notebook_task={"notebook_path": "/Users/provider@example.com/waits"},
        new_cluster=CLUSTER,
        wait_for_termination=False,
    )

WAITS = {"notebook_path": "/Users/provider@example.com/waits"}

with DAG("submit_that_fails", schedule=None) as submit_that_fails:
    for suffix, mode in (("", {}), ("_deferrable", {"deferrable": True})):
        DatabricksSubmitRunOperator(
            task_id=f"raises{suffix}",
            notebook_task={"notebook_path": "/Users/provider@example.com/raises"},
            new_cluster=CLUSTER,
            **mode,
        )
        DatabricksSubmitRunOperator(
            task_id=f"missing{suffix}",
            notebook_task={"notebook_path": "/Users/provider@example.com/nowhere"},
            new_cluster=CLUSTER,
            **mode,
        )
    DatabricksSubmitRunOperator(task_id="late", notebook_task=WAITS, new_cluster=CLUSTER, timeout_seconds=1)
    DatabricksSubmitRunOperator(task_id="not_here", json={"tasks": [{"task_key": "a", "spark_submit_task": {}}]})
    DatabricksSubmitRunOperator(
        task_id="pipeline", pipeline_task={"pipeline_name": "nightly"}, run_name="a pipeline that does not exist"
    )
