"""The home: isolated, hermetic, quick."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from harness.dagrun import AirflowHome
from harness.dagrun.home import HomeFailed

DAGS = Path(__file__).parent / "dags"


def python(code: str, *arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_developer_s_clouds_are_scrubbed_and_given_back(home: AirflowHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", "databricks://production")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "some.vault")
    monkeypatch.setenv("UNRELATED", "kept")
    with AirflowHome(home.directory, DAGS, home.directory):
        inside = dict(os.environ)
    assert not {"AWS_PROFILE", "AIRFLOW_CONN_DATABRICKS_DEFAULT", "AIRFLOW__SECRETS__BACKEND"} & inside.keys()
    assert inside["UNRELATED"] == "kept"
    assert not Path(inside["AWS_SHARED_CREDENTIALS_FILE"]).exists()
    assert os.environ["AWS_PROFILE"] == "production"


def test_a_second_home_is_refused_once_airflow_is_imported(home: AirflowHome, tmp_path: Path) -> None:
    home.prepare()
    with pytest.raises(HomeFailed, match="imported before its home was set"):
        AirflowHome(tmp_path, DAGS, tmp_path).__enter__()


def test_the_template_is_migrated_to_the_newest_revision(home: AirflowHome) -> None:
    from airflow.utils import db

    home.clean()
    with sqlite3.connect(home.database) as database:
        (revision,) = database.execute("select version_num from alembic_version").fetchone()
        connections = database.execute("select count(*) from connection").fetchone()
    database.close()
    assert revision == list(db._REVISION_HEADS_MAP.values())[-1]
    assert connections == (0,)


DESCRIPTIONS = """
import sys
from pathlib import Path
from harness.dagrun import AirflowHome, api

def described():
    from airflow.sdk.api.datamodels._generated import API_VERSION
    from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor
    return InProcessTestSupervisor._api_client().get("/openapi.json", params={"version": API_VERSION}).json()

with AirflowHome(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[1])):
    whole = described()
    assert api.make_fast() is None
    trimmed = described()
    assert len(whole["paths"]) > 30, whole
    assert trimmed == whole
"""


@pytest.mark.slow
def test_the_trimmed_execution_api_describes_itself_as_the_whole_one_does(tmp_path: Path) -> None:
    done = python(DESCRIPTIONS, str(tmp_path), str(DAGS), cwd=tmp_path)
    assert done.returncode == 0, done.stderr


TERMINATED = """
import os, signal, sys, threading
from pathlib import Path
from airflow_home import home, run_dag
from airflow.sdk import BaseOperator, DAG

class Patient(BaseOperator):
    def execute(self, context):
        print("begun", file=sys.__stdout__, flush=True)
        os.kill(os.getpid(), signal.SIGTERM)
        signal.pause()
    def on_kill(self):
        print("told to stop", file=sys.__stdout__, flush=True)

with DAG("patient") as dag:
    Patient(task_id="wait")
run_dag(dag, home=home)
"""
DEBUGGED = """
from airflow_home import home, run_dag
from airflow.sdk import DAG, task

with DAG("debugged") as dag:
    @task
    def look():
        secret_number = 41
        breakpoint()
        return secret_number
    look()
print("RESULT", run_dag(dag, home=home).task("look").xcom)
"""
HOME = """
import sys
from pathlib import Path
from harness.dagrun import AirflowHome, run_dag
from harness.settings import Settings
home = AirflowHome(Path(sys.argv[1]), Path(sys.argv[2]), Settings().cache).__enter__()
"""


@pytest.mark.slow
def test_sigterm_ends_a_running_task_and_the_process(tmp_path: Path) -> None:
    (tmp_path / "airflow_home.py").write_text(HOME)
    done = python(TERMINATED, str(tmp_path / "home"), str(tmp_path / "dags"), cwd=tmp_path)
    assert done.stdout.split("\n")[:2] == ["begun", "told to stop"]
    assert done.returncode == -15


@pytest.mark.slow
def test_a_breakpoint_in_a_task_stops_there_on_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "airflow_home.py").write_text(HOME)
    script = tmp_path / "debugged.py"
    script.write_text(DEBUGGED)
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "home"), str(tmp_path / "dags")],
        input="p secret_number + 1\nsecret_number = 7\nc\n",
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )
    assert "(Pdb) 42" in done.stdout, done.stdout + done.stderr
    assert "RESULT 7" in done.stdout
