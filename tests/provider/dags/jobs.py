"""Jobs: made and reset by DatabricksCreateJobsOperator, run by DatabricksRunNowOperator in each of its ways."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksCreateJobsOperator, DatabricksRunNowOperator
from airflow.sdk import DAG, Param, chain

JOB = "{{ ti.xcom_pull(task_ids='create') }}"
TASKS = [
    {
        "task_key": "notebook",
        "notebook_task": {
            "notebook_path": "/Users/provider@example.com/echo",
            "base_parameters": {"day": "monday", "n": "1"},
        },
        "job_cluster_key": "shared",
    },
    {
        "task_key": "script",
        "spark_python_task": {
            "python_file": "/Workspace/Users/provider@example.com/script.py",
            "parameters": ["{{ '{{job.id}}' }}"],
        },
        "job_cluster_key": "shared",
    },
]
CLUSTERS = [
    {
        "job_cluster_key": "shared",
        "new_cluster": {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 2},
    }
]

with DAG("jobs", schedule=None) as jobs:
    chain(
        DatabricksCreateJobsOperator(
            task_id="create",
            name="nightly",
            tasks=TASKS,
            job_clusters=CLUSTERS,
            schedule={"quartz_cron_expression": "0 0 2 * * ?", "timezone_id": "UTC"},
            json={"parameters": [{"name": "region", "default": "eu"}]},
            email_notifications={"on_failure": ["me@example.com"]},
            max_concurrent_runs=2,
        ),
        DatabricksCreateJobsOperator(
            task_id="reset",
            json={
                "name": "nightly",
                "tasks": TASKS,
                "job_clusters": CLUSTERS,
                "tags": {"made": "twice"},
                "parameters": [{"name": "region", "default": "eu"}],
                "max_concurrent_runs": 2,
                "access_control_list": [{"user_name": "reader@example.com", "permission_level": "CAN_VIEW"}],
            },
        ),
        DatabricksRunNowOperator(task_id="by_id", job_id=JOB, notebook_params={"day": "{{ ds }}"}),
        DatabricksRunNowOperator(task_id="by_name", job_name="nightly", job_parameters={"region": "us", "n": 2}),
        DatabricksRunNowOperator(task_id="scripts", job_name="nightly", python_params=["--fast", 3]),
        DatabricksRunNowOperator(task_id="once", job_name="nightly", idempotency_token="{{ run_id }}"),
        DatabricksRunNowOperator(task_id="once_more", job_name="nightly", idempotency_token="{{ run_id }}"),
        DatabricksRunNowOperator(task_id="deferrable", job_name="nightly", deferrable=True),
        DatabricksRunNowOperator(task_id="unwaited", job_name="endless", wait_for_termination=False),
        DatabricksRunNowOperator(
            task_id="instead", job_name="endless", cancel_previous_runs=True, wait_for_termination=False
        ),
    )

with DAG("jobs_that_fail", schedule=None, params={"day": Param("friday", type="string")}) as jobs_that_fail:
    DatabricksRunNowOperator(task_id="unknown_name", job_name="nobody's")
    DatabricksRunNowOperator(task_id="unknown_id", job_id=987654321)
    DatabricksRunNowOperator(task_id="nameless", json={"notebook_params": {}})
    DatabricksCreateJobsOperator(task_id="without_name", json={"tasks": TASKS})
    DatabricksCreateJobsOperator(
        task_id="not_here", name="jar", tasks=[{"task_key": "a", "clean_rooms_notebook_task": {"etag": "x"}}]
    )
    DatabricksRunNowOperator(task_id="raises", job_name="raising")
    DatabricksRunNowOperator(task_id="raises_deferrable", job_name="raising", deferrable=True)

with DAG("repairs", schedule=None) as repairs:
    DatabricksRunNowOperator(task_id="sync", job_name="flaky", repair_run=True)

with DAG("repairs_deferrable", schedule=None) as repairs_deferrable:
    DatabricksRunNowOperator(task_id="deferrable", job_name="flaky", repair_run=True, deferrable=True)
