"""The DAG side on Airflow 2.11 and the providers of its time, against the same workspace."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path

import pytest
from databricks.sdk.service import jobs
from databricks.sdk.service.workspace import ImportFormat, Language

from harness.dagrun.connections import environment

HERE = Path(__file__).parent
NOTEBOOK = "/Workspace/Users/airflow211/count"
SOURCE = b"assert spark.table('main.default.old').count() == 2\n"

pytestmark = [pytest.mark.slow, pytest.mark.airflow211]


@pytest.fixture
def python() -> str:
    """The interpreter of that environment, which `tox -e airflow211` makes."""
    found = os.environ.get("HARNESS_TEST_AIRFLOW211")
    if not found:
        pytest.skip("no environment with Airflow 2.11: tox -e airflow211 makes one (HARNESS_TEST_AIRFLOW211)")
    return found


def test_operators_sensors_and_workflows_of_airflow_2_11_run(python, clean_stack, workspace, tmp_path):
    workspace.workspace.mkdirs("/Workspace/Users/airflow211")
    workspace.workspace.import_(
        NOTEBOOK, content=base64.b64encode(SOURCE).decode(), format=ImportFormat.SOURCE, language=Language.PYTHON
    )
    only = jobs.Task("only", notebook_task=jobs.NotebookTask(NOTEBOOK))
    workspace.jobs.create(name="old", tasks=[only])
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "AWS_", "DATABRICKS_", "PYTEST_"))}
    mine = {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
    }
    result = subprocess.run(
        [python, str(HERE / "run.py"), str(HERE / "dags"), "small"],
        env={**kept, **environment(clean_stack.endpoints), **mine},
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    said = json.loads(result.stdout.splitlines()[-1])
    assert said["airflow"].startswith("2.11.")
    assert said["state"] == "success", f"{said}\n{result.stdout[-6000:]}\n{result.stderr[-3000:]}"
    assert set(said["tasks"].values()) == {"success"}
    assert set(said["tasks"]) >= {"copy", "deferred", "run_now", "workflow.launch", "workflow.notebook"}
    assert "2" in said["count"]
