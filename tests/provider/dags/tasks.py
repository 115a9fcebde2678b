"""DatabricksNotebookOperator and DatabricksTaskOperator: alone, and as tasks of one job in a workflow group."""

from __future__ import annotations

from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator, DatabricksTaskOperator
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.sdk import DAG, Param

FOLDER = "/Users/provider@example.com"
ECHO, FLAKY, RAISES = f"{FOLDER}/echo", f"{FOLDER}/flaky", f"{FOLDER}/raises"
SCRIPT = {"spark_python_task": {"python_file": f"/Workspace{FOLDER}/script.py", "parameters": ["{{ ds }}"]}}
CLUSTER = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 2}
SHARED = [{"job_cluster_key": "shared", "new_cluster": CLUSTER}]
EXISTING = "1234-567890-abcdefgh"
MARKER = "{{ params.marker }}"

with DAG("alone", schedule=None, params={"marker": Param("", type="string")}) as alone:
    DatabricksNotebookOperator(
        task_id="notebook",
        notebook_path=ECHO,
        source="WORKSPACE",
        new_cluster=CLUSTER,
        notebook_params={"day": "{{ ds }}"},
        notebook_packages=[{"pypi": {"package": "pyarrow>=10"}}],
    )
    DatabricksNotebookOperator(
        task_id="notebook_deferrable",
        notebook_path=ECHO,
        source="WORKSPACE",
        existing_cluster_id=EXISTING,
        deferrable=True,
    )
    DatabricksNotebookOperator(
        task_id="notebook_retried",
        notebook_path=FLAKY,
        source="WORKSPACE",
        new_cluster=CLUSTER,
        notebook_params={"marker": MARKER},
        max_retries=1,
    )
    DatabricksTaskOperator(task_id="task", task_config=SCRIPT, new_cluster=CLUSTER)
    DatabricksTaskOperator(
        task_id="task_deferrable",
        task_config={"notebook_task": {"notebook_path": ECHO, "base_parameters": {"day": "{{ ds }}"}}},
        existing_cluster_id=EXISTING,
        databricks_task_key="by_its_own_name",
        deferrable=True,
    )

with DAG("alone_that_fails", schedule=None) as alone_that_fails:
    for suffix, mode in (("", {}), ("_deferrable", {"deferrable": True})):
        DatabricksNotebookOperator(
            task_id=f"notebook{suffix}", notebook_path=RAISES, source="WORKSPACE", new_cluster=CLUSTER, **mode
        )
    DatabricksTaskOperator(
        task_id="missing", task_config={"notebook_task": {"notebook_path": f"{FOLDER}/nowhere"}}, new_cluster=CLUSTER
    )
    DatabricksTaskOperator(task_id="without_cluster", task_config=SCRIPT)
    DatabricksNotebookOperator(
        task_id="from_git", notebook_path="a/b", source="GIT", new_cluster=CLUSTER, wait_for_termination=False
    )

with (
    DAG("workflow", schedule=None, params={"marker": Param("", type="string")}) as workflow,
    DatabricksWorkflowTaskGroup(
        group_id="job",
        databricks_conn_id="databricks_default",
        job_clusters=SHARED,
        notebook_params={"region": "eu"},
        notebook_packages=[{"pypi": {"package": "pyarrow>=10"}}],
        extra_job_params={"timeout_seconds": 600, "tags": {"team": "energy"}},
    ),
):
    first = DatabricksNotebookOperator(
        task_id="first",
        notebook_path=ECHO,
        source="WORKSPACE",
        job_cluster_key="shared",
        notebook_params={"day": "{{ ds }}"},
    )
    retried = DatabricksNotebookOperator(
        task_id="retried",
        notebook_path=FLAKY,
        source="WORKSPACE",
        existing_cluster_id=EXISTING,
        notebook_params={"marker": f"{MARKER}1"},
        max_retries=1,
    )
    retried_deferrable = DatabricksNotebookOperator(
        task_id="retried_deferrable",
        notebook_path=FLAKY,
        source="WORKSPACE",
        notebook_params={"marker": f"{MARKER}2"},
        max_retries=1,
        deferrable=True,
    )
    script = DatabricksTaskOperator(task_id="script", task_config=SCRIPT, job_cluster_key="shared")
    deferrable = DatabricksTaskOperator(
        task_id="deferrable", task_config={"notebook_task": {"notebook_path": ECHO}}, deferrable=True
    )
    first >> [script, deferrable]

with (
    DAG("workflow_that_fails", schedule=None) as workflow_that_fails,
    DatabricksWorkflowTaskGroup(group_id="job", databricks_conn_id="databricks_default"),
):
    raises = DatabricksNotebookOperator(
        task_id="raises", notebook_path=RAISES, source="WORKSPACE", max_retries=1, min_retry_interval_millis=0
    )
    after = DatabricksNotebookOperator(task_id="after", notebook_path=ECHO, source="WORKSPACE")
    anyway = DatabricksNotebookOperator(
        task_id="anyway", notebook_path=ECHO, source="WORKSPACE", trigger_rule="all_done", deferrable=True
    )
    unmoved = DatabricksTaskOperator(task_id="unmoved", task_config=SCRIPT)
    raises >> [after, anyway]
