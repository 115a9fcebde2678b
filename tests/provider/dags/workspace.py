"""What the workspace has besides jobs and SQL: warehouses that start and stop, and Git folders."""

from __future__ import annotations

import os

from airflow.providers.databricks.operators.databricks_repos import (
    DatabricksReposCreateOperator,
    DatabricksReposDeleteOperator,
    DatabricksReposUpdateOperator,
)
from airflow.providers.databricks.operators.warehouse import (
    DatabricksStartWarehouseOperator,
    DatabricksStopWarehouseOperator,
)
from airflow.sdk import DAG, chain, task

WAREHOUSE = os.environ["DATABRICKS_WAREHOUSE_ID"]

with DAG("warehouses", schedule=None) as warehouses:

    @task
    def state() -> str:
        from airflow.providers.databricks.hooks.databricks import DatabricksHook

        return DatabricksHook("databricks_default").get_warehouse_state(WAREHOUSE).state

    chain(
        DatabricksStartWarehouseOperator(task_id="already_running", warehouse_id=WAREHOUSE),
        DatabricksStopWarehouseOperator(task_id="stop", warehouse_id=WAREHOUSE),
        state.override(task_id="stopped")(),
        DatabricksStopWarehouseOperator(task_id="already_stopped", warehouse_id=WAREHOUSE),
        DatabricksStartWarehouseOperator(task_id="start", warehouse_id=WAREHOUSE),
        state.override(task_id="started")(),
        DatabricksStopWarehouseOperator(task_id="stop_deferrable", warehouse_id=WAREHOUSE, deferrable=True),
        state.override(task_id="stopped_deferrable")(),
        DatabricksStartWarehouseOperator(task_id="start_deferrable", warehouse_id=WAREHOUSE, deferrable=True),
        DatabricksStopWarehouseOperator(task_id="unwaited", warehouse_id=WAREHOUSE, wait_for_termination=False),
    )

with DAG("warehouses_that_fail", schedule=None) as warehouses_that_fail:
    DatabricksStartWarehouseOperator(task_id="start", warehouse_id="nobodys")
    DatabricksStopWarehouseOperator(task_id="stop_deferrable", warehouse_id="nobodys", deferrable=True)

PATH = "/Repos/provider@example.com/demo"
# Not a template field of the operator: the test says where its repository is when the file is parsed.
URL = os.environ.get("DEMO_URL", "https://github.com/acme/demo.git")
GIT = {"git_url": URL, "git_provider": "gitHub"}

# Not a template field either.
ID = os.environ.get("DEMO_ID", "1")

with DAG("repos", schedule=None) as repos:
    chain(
        DatabricksReposCreateOperator(task_id="create", **GIT, repo_path=PATH, branch="releases"),
        DatabricksReposCreateOperator(task_id="again", **GIT, repo_path=PATH, ignore_existing_repo=True),
        DatabricksReposUpdateOperator(task_id="to_tag", repo_path=PATH, tag="v1"),
        DatabricksReposCreateOperator(task_id="another", **GIT, repo_path=f"{PATH}2", tag="v1"),
        DatabricksReposDeleteOperator(task_id="delete", repo_path=f"{PATH}2"),
        DatabricksReposCreateOperator(task_id="somewhere", **GIT),
    )

with DAG("repos_by_id", schedule=None) as repos_by_id:
    chain(
        DatabricksReposUpdateOperator(task_id="to_branch", repo_id=ID, branch="main"),
        DatabricksReposDeleteOperator(task_id="delete", repo_id=ID),
    )

with DAG("repos_that_fail", schedule=None) as repos_that_fail:
    made = DatabricksReposCreateOperator(task_id="made", **GIT, repo_path=PATH)
    made >> [
        DatabricksReposCreateOperator(task_id="there_already", **GIT, repo_path=PATH),
        # The provider tells the Git provider from the host.
        DatabricksReposCreateOperator(task_id="elsewhere", git_url="https://github.com/acme/other.git"),
        DatabricksReposUpdateOperator(task_id="no_branch", repo_path=PATH, branch="nobodys"),
        DatabricksReposUpdateOperator(task_id="no_folder", repo_path="/Repos/a/b", branch="main"),
        DatabricksReposDeleteOperator(task_id="no_id", repo_id="1"),
    ]
