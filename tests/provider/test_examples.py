"""The example DAGs that the Airflow project ships with the installed provider, as they are (shipped.py).

Each is given what it assumes to be there. What cannot be green on Databricks either must fail where docs/provider.md
says, and nowhere else.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.dagrun import environment
from harness.lake.jars import Jars, pyspark_home
from harness.lake.java import find_java
from tests.provider.shipped import airflow_test_tools, examples

RESOURCES = Path(__file__).parent / "examples"


@pytest.fixture
def example(run_dag, clean_stack, tmp_path, monkeypatch):
    """``example(name)``: run one of the examples over HTTPS, where each warehouse is told from the others."""
    for name, module in airflow_test_tools().items():
        monkeypatch.setitem(sys.modules, name, module)
    production = environment(clean_stack.endpoints, tls=True)["AIRFLOW_CONN_DATABRICKS_DEFAULT"]
    names = ("databricks_default", "databricks_conn", "databricks", "my_connection")

    def run(name):
        file = shutil.copy(examples() / f"{name}.py", tmp_path)
        shutil.copy(RESOURCES / "test.sql", tmp_path)
        return run_dag(Path(file), connections=dict.fromkeys(names, production))

    return run


@pytest.fixture
def warehouse(workspace):
    """``warehouse(name) -> id``: a SQL warehouse more."""
    return lambda name: workspace.warehouses.create(name=name, cluster_size="Small", max_num_clusters=1).id


@pytest.fixture
def saved_query(workspace, warehouse, monkeypatch):
    """The saved query and the warehouse that the examples find in their environment."""
    from databricks.sdk.service.sql import CreateQueryRequestQuery

    warehouse_id = warehouse("Queries")
    query = CreateQueryRequestQuery(
        display_name="example", query_text="create or replace table default.queried as select 1 as x"
    )
    monkeypatch.setenv("WAREHOUSE_ID", warehouse_id)
    monkeypatch.setenv("QUERY_ID", workspace.queries.create(query=query).id)


@pytest.fixture
def jar(workspace, clean_stack, tmp_path):
    """The JAR that an example runs, where it looks for it."""
    classes = tmp_path / "classes"
    spark = [path for path in (pyspark_home() / "jars").glob("*.jar") if path.name.startswith(("spark-", "scala-lib"))]
    settings = clean_stack.settings
    compiler = Jars(settings.cache).compiler
    command = [find_java(settings.java_home).executable, "-jar", compiler, "-17", "-nowarn", "-d", classes]
    command += ["-classpath", os.pathsep.join(map(str, spark)), RESOURCES / "ProcessData.java"]
    subprocess.run([*map(str, command)], check=True)
    with zipfile.ZipFile(tmp_path / "etl.jar", "w") as archive:
        for path in classes.rglob("*.class"):
            archive.write(path, path.relative_to(classes))
    workspace.dbfs.upload("/lib/etl-0.1.jar", io.BytesIO((tmp_path / "etl.jar").read_bytes()))


def states(result):
    return {task.task_id: task.state for task in result.tasks}


def test_the_warehouse_example_is_green(example, warehouse, workspace, monkeypatch):
    warehouse_id = warehouse("An example's")
    monkeypatch.setenv("WAREHOUSE_ID", warehouse_id)
    result = example("example_databricks_sql_warehouse")
    assert result.success, result
    assert states(result) == {"start_warehouse": "success", "stop_warehouse": "success", "watcher": "skipped"}
    assert workspace.warehouses.get(warehouse_id).state.value == "STOPPED"


def test_the_git_folder_example_is_green(example, workspace, sql, tmp_path, git_settings):
    remote = tmp_path / "remote"
    remote.mkdir()
    who = ("-c", "user.name=colleague", "-c", "user.email=c@example.com", "-c", "commit.gpgsign=false")

    def git(*arguments):
        subprocess.run(["git", *who, *arguments], cwd=remote, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "nothing yet")
    git("switch", "--quiet", "--create", "releases")
    shutil.copy(RESOURCES / "notebooks" / "PrepareData.py", remote)
    git("add", ".")
    git("commit", "--quiet", "-m", "first release")
    git("switch", "--quiet", "main")
    git_settings.write_text(f'[url "file://{remote}"]\n\tinsteadOf = https://github.com/test/test\n')

    result = example("example_databricks_repos")
    assert result.success, result
    assert set(states(result)) == {"create_repo", "update_repo", "notebook_task", "delete_repo", "watcher"}
    assert sql("select count(*) from main.default.prepared")[0][0] == 3
    assert list(workspace.repos.list()) == []


def test_the_sql_example_is_green(example, warehouse, workspace, sql, s3):
    from databricks.sdk.service.sql import QueryFilter

    warehouse_id = warehouse("My Endpoint")
    s3.create_bucket(Bucket="container")
    s3.put_object(Bucket="container", Key="my-data/csv/a.csv", Body=b"id,v\n1,x\n")
    result = example("example_databricks_sql")
    assert result.success, result
    assert states(result) == {
        "create_and_populate_table": "success",
        "create_and_populate_from_file": "success",
        "import_csv": "success",
        "select_data": "success",
        "select_data_into_file": "success",
        "watcher": "skipped",
    }
    assert [tuple(row) for row in sql("select id, v from my_table")] == [(1, "x")]
    # It was that warehouse that was asked, and no other.
    history = workspace.query_history.list(filter_by=QueryFilter(warehouse_ids=[warehouse_id])).res
    assert "create table default.my_airflow_table(id int, v string)" in [query.query_text for query in history]


def test_the_sensor_example_is_green_but_for_a_warehouse_that_no_workspace_has(example, warehouse, sql):
    warehouse("Starter Warehouse")
    sql("create schema hive_metastore.temp")
    sql("create table hive_metastore.temp.sample_table_3 as select 1 as x")
    sql("create table hive_metastore.temp.sample_table_2 (x int, date string, name string) partitioned by (date, name)")
    sql("insert into hive_metastore.temp.sample_table_2 values (1, '2023-01-03', 'abc'), (2, '2023-01-03', 'def')")
    result = example("example_databricks_sensors")
    assert states(result) == {
        "sql_sensor_task": "success",
        "partition_sensor_task": "success",
        "sql_statement_sensor_task": "failed",
        "watcher": "failed",
    }
    assert "warehouse_id does not exist" in str(result.task("sql_statement_sensor_task").errors[-1])


def test_the_workflow_example_is_green(example, saved_query, workspace, output, sql):
    result = example("example_databricks_workflow")
    assert result.success, result
    assert len(result.tasks) == 6
    (listed,) = workspace.jobs.list_runs()
    run = workspace.jobs.get_run(listed.run_id)
    ended = {task.task_key: task.state.result_state.value for task in run.tasks}
    assert list(ended.values()) == ["SUCCESS"] * 4
    first, second, *_ = run.tasks
    assert output(run.run_id, first.task_key).notebook_output.result == "1, with faker"
    given = json.loads(output(run.run_id, second.task_key).notebook_output.result)
    assert set(given) == {"simplejson", "foo", "ds", "ts"}
    assert (given["simplejson"], given["foo"]) == ("3.18.0", "bar")
    assert sql("select x from main.default.queried")[0][0] == 1


def test_the_example_of_every_operator_is_green_where_it_can_be(example, saved_query, jar, workspace, sql):
    sql("create table default.my_airflow_table (id int, v string)")
    result = example("example_databricks")
    assert states(result) == {
        # The provider refuses these itself, before any request (docs/provider.md).
        "jobs_create_json": "failed",
        "jobs_create_named": "failed",
        "run_now": "upstream_failed",
        "nb_1": "failed",
        "sql_query": "failed",
        "spark_jar_task": "success",
        "notebook_task": "success",
        "sql_statement": "success",
        "notebook_1": "success",
        "notebook_2": "success",
        "watcher": "failed",
    }
    said = {task.task_id: str(task.errors[-1]) for task in result.tasks if task.state == "failed"}
    assert "Missing required parameter: name" in said["jobs_create_json"]
    assert "Missing required parameter: name" in said["jobs_create_named"]
    for task_id in ("nb_1", "sql_query"):
        assert "Must specify either existing_cluster_id or new_cluster." in said[task_id]
    assert sql("select count(*) from main.default.processed")[0][0] == 3
    assert len(list(workspace.jobs.list())) == 0
