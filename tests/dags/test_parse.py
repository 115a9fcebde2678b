"""The DAGs as Airflow sees them: no import error, the tasks, the edges and the asset chain as designed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Airflow reads its settings once a process, at import: a process of its own keeps this test apart from all others.
PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

def job(dag):
    launches = [task for task in dag.tasks if task.task_id.endswith(".launch")]
    return launches[0].create_workflow_json() if launches else {}


folder = sys.argv[1]
sys.path.insert(0, folder)  # as Airflow does with the DAG folder
bag = DagBag(folder)
print("PARSED " + json.dumps({
    "errors": {str(path): text for path, text in bag.import_errors.items()},
    "dags": {
        dag.dag_id: {
            "edges": sorted([up, task.task_id] for task in dag.tasks for up in task.upstream_task_ids),
            "tasks": sorted(dag.task_ids),
            "outlets": {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets},
            "assets": [asset.name for asset in condition.objects] if condition else [],
            "operators": {task.task_id: task.task_type for task in dag.tasks},
            "retries": {task.task_id: task.retries for task in dag.tasks},
            "job": job(dag),
            "serialized": DagSerialization.to_dict(dag)["dag"]["dag_id"],
        }
        for dag in bag.dags.values()
        for condition in [dag.timetable.asset_condition]
    },
}))
"""


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    home = tmp_path_factory.mktemp("airflow")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    }
    done = subprocess.run(
        [sys.executable, "-c", PARSE, str(ROOT / "dags")],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("PARSED ")]
    return json.loads(line.removeprefix("PARSED "))


def test_no_dag_file_fails_to_import(parsed: dict[str, Any]) -> None:
    assert parsed["errors"] == {}
    assert sorted(parsed["dags"]) == ["green_energy_extract", "green_energy_load", "green_energy_transform"]


def test_every_dag_can_be_serialized(parsed: dict[str, Any]) -> None:
    assert all(dag["serialized"] == dag_id for dag_id, dag in parsed["dags"].items())


def test_the_dags_follow_each_other_by_assets(parsed: dict[str, Any]) -> None:
    extract, load, transform = (parsed["dags"][f"green_energy_{name}"] for name in ("extract", "load", "transform"))
    assert extract["assets"] == []
    assert extract["outlets"] == {"announce": ["green_energy_landing"]}
    assert load["assets"] == ["green_energy_landing"]
    assert load["outlets"] == {"quality_gate": ["main.green_energy.energy"]}
    assert transform["assets"] == ["main.green_energy.energy"]
    assert transform["outlets"] == {"green_energy.analytics": ["main.green_energy.facility_efficiency"]}


def test_extract_uploads_once_the_bucket_is_there_and_announces_at_the_end(parsed: dict[str, Any]) -> None:
    assert parsed["dags"]["green_energy_extract"]["edges"] == [
        ["create_bucket", "upload"],
        ["list_files", "announce"],
        ["list_files", "upload"],
        ["upload", "announce"],
    ]


def test_load_lets_nothing_pass_but_through_the_quality_gate(parsed: dict[str, Any]) -> None:
    assert parsed["dags"]["green_energy_load"]["edges"] == [
        ["create_schema", "load_file.create_table"],
        ["inspect", "plan"],
        ["inspect", "quality_gate"],
        ["list_objects", "inspect"],
        ["load_file.copy", "measure"],
        ["load_file.create_table", "load_file.copy"],
        ["measure", "quality_gate"],
        ["plan", "load_file.copy"],
        ["plan", "load_file.create_table"],
    ]
    assert parsed["dags"]["green_energy_load"]["operators"]["load_file.copy"] == "S3CopyIntoOperator"


def test_transform_is_one_databricks_job_of_five_notebooks_and_a_report(parsed: dict[str, Any]) -> None:
    transform = parsed["dags"]["green_energy_transform"]
    operators = transform["operators"]
    notebooks = sorted(task for task, operator in operators.items() if operator == "DatabricksNotebookOperator")
    assert notebooks == [
        "green_energy.analytics",
        "green_energy.extract.extract_green",
        "green_energy.extract.extract_not_green",
        "green_energy.transform.transform_green",
        "green_energy.transform.transform_not_green",
    ]
    assert sorted(set(operators) - set(notebooks)) == ["green_energy.launch", "report"]
    edges = {(up, down) for up, down in transform["edges"] if up != "green_energy.launch"}
    assert edges == {
        ("green_energy.extract.extract_green", "green_energy.transform.transform_green"),
        ("green_energy.extract.extract_not_green", "green_energy.transform.transform_not_green"),
        ("green_energy.transform.transform_green", "green_energy.analytics"),
        ("green_energy.transform.transform_not_green", "green_energy.analytics"),
        ("green_energy.analytics", "report"),
    }


def test_the_job_runs_the_notebooks_in_order_on_one_job_cluster(parsed: dict[str, Any]) -> None:
    job = parsed["dags"]["green_energy_transform"]["job"]
    assert job["name"] == "green_energy_transform.green_energy"
    (cluster,) = job["job_clusters"]
    assert {task["job_cluster_key"] for task in job["tasks"]} == {cluster["job_cluster_key"]}
    names = {task["task_key"]: task["notebook_task"]["notebook_path"].rpartition("/")[2] for task in job["tasks"]}
    folders = {task["notebook_task"]["notebook_path"].rpartition("/")[0] for task in job["tasks"]}
    assert folders == {"/Workspace/Shared/green_energy"}
    upstream = {names[task["task_key"]]: {names[d["task_key"]] for d in task["depends_on"]} for task in job["tasks"]}
    assert upstream == {
        "extract_green": set(),
        "extract_not_green": set(),
        "transform_green": {"extract_green"},
        "transform_not_green": {"extract_not_green"},
        "analytics": {"transform_green", "transform_not_green"},
    }


def test_a_notebook_is_not_retried_by_airflow_which_would_find_the_same_run_again(parsed: dict[str, Any]) -> None:
    retries = parsed["dags"]["green_energy_transform"]["retries"]
    assert {task: count for task, count in retries.items() if count} == {"report": 2}


def test_every_notebook_of_the_job_is_in_the_repository(parsed: dict[str, Any]) -> None:
    folder = ROOT / "notebooks" / "green_energy"
    found = {path.stem for path in folder.iterdir() if path.suffix in {".py", ".ipynb"}}
    operators = parsed["dags"]["green_energy_transform"]["operators"]
    wanted = {task.rpartition(".")[2] for task, kind in operators.items() if kind == "DatabricksNotebookOperator"}
    assert wanted == found - {"helpers"}
