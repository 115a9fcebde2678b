"""What a change touches, in a repository of its own."""

from __future__ import annotations

import subprocess

import pytest

from harness.settings import Settings
from harness.validate.changes import touched
from harness.validate.config import Config, ConfigInvalid
from harness.validate.project import Project
from tests.validate.projects import unpack

PROJECT = """
--- dags/lib/__init__.py
--- dags/lib/names.py
SCHEMA = "sales"
--- dags/lib/config.py
from lib.names import SCHEMA
--- dags/.airflowignore
lib/
--- dags/a.py
from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator
from airflow.sdk import DAG
from lib import config

with DAG("a", schedule=None):
    DatabricksSubmitRunOperator(task_id="run", json={"notebook_task": {"notebook_path": "/Shared/load"}})
--- dags/b.py
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import DAG

with DAG("b", schedule=None):
    DatabricksSqlOperator(task_id="report", sql="report.sql")
--- dags/report.sql
CREATE OR REPLACE TABLE main.sales.report AS SELECT * FROM main.sales.orders
--- dags/c.py
from airflow.sdk import DAG

with DAG("c", schedule=None):
    pass
--- notebooks/lib.py
# Databricks notebook source
X = 1
--- notebooks/load.py
# Databricks notebook source
# MAGIC %run ./lib

# COMMAND ----------

spark.table("samples.tpch.orders").write.saveAsTable("main.sales.orders")
--- tests/test_a.py
def test_a_runs(run_dag):
    assert run_dag("a").success


def test_c_runs(run_dag):
    assert run_dag("c").success


def test_the_notebook_alone(run_notebook):
    run_notebook("/Workspace/Shared/load")


def test_the_report(lake):
    assert lake.table("main.sales.report").count()
"""


@pytest.fixture
def repository(airflow_home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    unpack(PROJECT, tmp_path)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "first"],
    ):
        subprocess.run(["git", *command], check=True)
    return tmp_path


def since(folder, revision="HEAD"):
    return touched(Project(Settings(), Config.of(folder)), revision)


def append(file, line="\n"):
    file.write_text(file.read_text() + line)


def test_nothing_is_touched_where_nothing_changed(repository):
    assert since(repository).document() == {"files": [], "dags": [], "notebooks": [], "tables": [], "tests": []}


def test_a_changed_include_touches_the_notebooks_dags_tables_and_tests_that_lead_to_it(repository):
    append(repository / "notebooks" / "lib.py")
    found = since(repository)
    assert found.files == ["notebooks/lib.py"]
    assert found.notebooks == ["notebooks/lib.py", "notebooks/load.py"]
    assert found.dags == ["a"]
    assert found.tables == ["main.sales.orders", "samples.tpch.orders"]
    assert found.tests == ["tests/test_a.py::test_a_runs", "tests/test_a.py::test_the_notebook_alone"]


def test_a_changed_module_touches_the_dags_that_import_it_by_others(repository):
    append(repository / "dags" / "lib" / "names.py")
    assert since(repository).dags == ["a"]


def test_a_changed_template_touches_its_dag_its_tables_and_their_tests(repository):
    append(repository / "dags" / "report.sql")
    found = since(repository)
    assert found.dags == ["b"]
    assert found.tables == ["main.sales.orders", "main.sales.report"]
    assert found.tests == ["tests/test_a.py::test_the_report"]


def test_a_new_file_that_git_does_not_know_yet_is_a_change(repository):
    (repository / "dags" / "d.py").write_text(
        "from airflow.sdk import DAG\n\nwith DAG('d', schedule=None):\n    pass\n"
    )
    assert since(repository).dags == ["d"]


@pytest.mark.parametrize("revision", ["no-such-revision", "--output=/tmp/x"])
def test_an_unknown_revision_is_refused(repository, revision):
    with pytest.raises(ConfigInvalid, match="rev-parse"):
        since(repository, revision)
