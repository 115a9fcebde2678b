from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.spec import Gateway, KernelSpec
from harness.lake.paths import WorkspacePaths
from harness.runner.commands import Surroundings, kernel_spec
from harness.runner.run import Run, TaskRun
from harness.runner.taskkinds import CannotRun, supported, supported_job

NOTEBOOK = {"notebook_task": {"notebook_path": "/Shared/load"}}


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    (tmp_path / "load.py").write_text("# Databricks notebook source\n")
    (tmp_path / "job.py").write_text("")
    paths = WorkspacePaths({"/Workspace/Shared": tmp_path})
    return Surroundings(
        paths, "http://w", "token", "me@example.com", {"AWS_ENDPOINT_URL": "http://s3"}, tmp_path / "cache"
    )


def spec_of(
    around: Surroundings, task: dict[str, Any], run_parameters: dict[str, Any] | None = None, **settings: Any
) -> KernelSpec:
    record = TaskRun(2, "t", {"task_key": "t", **task}, "/runs/2")
    run = Run(1, 7, "job", {**settings, "tasks": [record.spec]}, [record], parameters=run_parameters or {})
    return kernel_spec(run, record, Gateway(1, "s", "tag"), around)


@pytest.mark.parametrize(
    ("task", "reason"),
    [
        (NOTEBOOK, None),
        ({**NOTEBOOK, "new_cluster": {"spark_version": "15.4.x-scala2.12"}, "max_retries": 1}, None),
        ({"spark_python_task": {"python_file": "/Shared/job.py", "parameters": ["a"]}}, None),
        ({**NOTEBOOK, "libraries": [{"pypi": {"package": "pandas"}}]}, None),
        ({"python_wheel_task": {"package_name": "p", "entry_point": "main", "named_parameters": {"a": "1"}}}, None),
        ({"python_wheel_task": {"package_name": "p"}}, "python_wheel_task.entry_point is required"),
        ({"sql_task": {"warehouse_id": "w", "file": {"path": "/x.sql"}}}, None),
        ({"sql_task": {"warehouse_id": "w", "query": {"query_id": "q"}, "parameters": {"a": "1"}}}, None),
        ({"sql_task": {"query": {"query_id": "q"}}}, "sql_task.warehouse_id is required"),
        ({"sql_task": {"warehouse_id": "w"}}, "must have exactly one of: file, query"),
        ({"sql_task": {"warehouse_id": "w", "alert": {"alert_id": "a"}}}, "sql_task.alert is not supported"),
        ({"sql_task": {"warehouse_id": "w", "dashboard": {}}}, "sql_task.dashboard is not supported"),
        (
            {"sql_task": {"warehouse_id": "w", "file": {"path": "x", "source": "GIT"}}},
            "file.source GIT needs a git_source",
        ),
        ({"spark_jar_task": {}}, "spark_jar_task.main_class_name is required"),
        ({"spark_jar_task": {"main_class_name": "a.B"}, "libraries": [{"jar": "dbfs:/x.jar"}]}, None),
        ({"spark_jar_task": {"main_class_name": "a.B", "run_as_repl": False}}, "run_as_repl false is no longer"),
        ({"spark_jar_task": {"main_class_name": "a.B"}, "libraries": [{"egg": "x.egg"}]}, "egg libraries are not"),
        ({"spark_submit_task": {}}, "spark_submit_task.parameters is required"),
        ({"spark_submit_task": {"parameters": ["--class", "a.B", "--verbose", "dbfs:/x.jar", "--master"]}}, None),
        ({"spark_submit_task": {"parameters": ["--class", "a.B"]}}, "names no jar or Python file to run"),
        ({"spark_submit_task": {"parameters": ["--master", "yarn", "x.jar"]}}, "--master is set by Databricks"),
        ({"spark_submit_task": {"parameters": ["--version", "x.jar"]}}, "--version is not supported here"),
        ({"spark_submit_task": {"parameters": ["x.jar"]}, "libraries": [{"jar": "y.jar"}]}, "has no libraries"),
        ({"dbt_task": {}}, "dbt_task.commands must be a list of 1 to 10 commands"),
        ({"dbt_task": {"commands": ["dbt run"], "project_directory": "/p"}}, None),
        ({"clean_rooms_notebook_task": {}}, "clean_rooms_notebook_task is not supported"),
        ({"condition_task": {"op": "EQUAL_TO", "left": "a", "right": "b"}}, None),
        ({"condition_task": {"op": "LIKE", "left": "a", "right": "b"}}, "condition_task.op must be one of"),
        ({"for_each_task": {"inputs": "[1]", "task": {"task_key": "u", **NOTEBOOK}, "concurrency": 100}}, None),
        ({"for_each_task": {"inputs": "[1]"}}, "for_each_task.task is required"),
        (
            {"for_each_task": {"inputs": "[1]", "task": {"task_key": "u", **NOTEBOOK}, "concurrency": 101}},
            "concurrency must",
        ),
        (
            {"for_each_task": {"inputs": "[1]", "task": {"task_key": "u", "for_each_task": {"inputs": ""}}}},
            "of another",
        ),
        ({}, "must have exactly one of: condition_task"),
        ({**NOTEBOOK, "spark_python_task": {"python_file": "/x.py"}}, "must have exactly one of"),
        ({**NOTEBOOK, "surprise": 1}, "surprise is not supported"),
        ({"notebook_task": {"notebook_path": "/x", "surprise": 1}}, "notebook_task.surprise is not supported"),
        ({"notebook_task": {"notebook_path": "x", "source": "GIT"}}, "notebook_task.source GIT needs a git_source"),
        ({"spark_python_task": {"python_file": "s3://b/x.py"}}, "python_file s3://b/x.py is not supported"),
        ({"spark_python_task": {"python_file": "dbfs:/x.py"}}, None),
        ({**NOTEBOOK, "libraries": [{"jar": "dbfs:/x.jar"}]}, "jar libraries are not supported"),
        ({**NOTEBOOK, "libraries": [{"whl": "/Volumes/a/b/c/x.whl"}, {"requirements": "/Workspace/r.txt"}]}, None),
        ({**NOTEBOOK, "libraries": [{"egg": "dbfs:/x.egg"}]}, "egg libraries are not supported"),
        ({**NOTEBOOK, "libraries": [{"maven": {"coordinates": "a:b:1"}}]}, "maven libraries are not supported"),
        ({**NOTEBOOK, "libraries": [{"cran": {"package": "x"}}]}, "cran libraries are not supported"),
        ({**NOTEBOOK, "libraries": [{"whl": "/x.wheelhouse.zip"}]}, "whl libraries are not supported here: /x.wheel"),
        ({**NOTEBOOK, "libraries": [{"pypi": {"package": "git+file:x y"}}]}, "only names of packages and wheels"),
        ({**NOTEBOOK, "disabled": True}, "disabled is not supported"),
    ],
)
def test_tasks_that_cannot_be_honoured_are_refused_by_name(task: dict[str, Any], reason: str | None) -> None:
    answer = supported({"task_key": "t", **task}, {})
    if reason is None:
        assert answer is None
    else:
        assert answer is not None
        assert answer.startswith("Task 't'")
        assert reason in answer


def test_what_the_task_of_a_loop_cannot_do_is_refused_by_its_name() -> None:
    loop = {"inputs": "[1]", "task": {"task_key": "inner", "dashboard_task": {}}}
    refusal = supported({"task_key": "t", "for_each_task": loop}, {}) or ""
    assert "Task 'inner': dashboard_task is not supported" in refusal


def test_what_tasks_share_is_checked_too() -> None:
    def environment(*dependencies: str) -> dict[str, Any]:
        return {"environment_key": "default", "spec": {"client": "1", "dependencies": list(dependencies)}}

    assert supported_job({"tasks": [{"task_key": "t", **NOTEBOOK}]}) is None
    good = environment("pandas>1", "/Volumes/a/b/c/x.whl", "-r /Workspace/r.txt", "--index-url https://x", "# none")
    assert supported_job({"environments": [good], "tasks": []}) is None
    refused = supported_job({"environments": [environment("-e ./here")], "tasks": []})
    assert refused == "Environment 'default': library '-e ./here' is not supported here."


def test_a_notebook_gets_its_parameters_overridden_by_the_run_and_then_by_job_parameters(around: Surroundings) -> None:
    task = {
        "notebook_task": {"notebook_path": "/Shared/load", "base_parameters": {"a": "1", "b": "2", "c": "{{job.id}}"}}
    }
    given = {"notebook_params": {"b": "3"}, "job_parameters": {"d": True}}
    declared = [{"name": "c", "default": "{{task.name}}"}, {"name": "d", "default": "no"}]
    assert spec_of(around, task).parameters == {"a": "1", "b": "2", "c": "7"}
    assert spec_of(around, task, given, parameters=declared).parameters == {"a": "1", "b": "3", "c": "t", "d": "true"}


def test_the_specification_names_file_identity_environment_and_runtime(around: Surroundings, tmp_path: Path) -> None:
    cluster = {"job_cluster_key": "c", "new_cluster": {"spark_version": "15.4.x-scala2.12"}}
    spec = spec_of(around, {**NOTEBOOK, "job_cluster_key": "c"}, job_clusters=[cluster])
    assert (spec.kind, spec.path, spec.workspace_path) == (
        "notebook",
        str(tmp_path / "load.py"),
        "/Workspace/Shared/load",
    )
    assert spec.context["job_id"] == "7"
    assert spec.context["task_run_id"] == "2"
    assert spec.environment == {"AWS_ENDPOINT_URL": "http://s3", "DATABRICKS_RUNTIME_VERSION": "15.4"}


def test_a_cluster_gives_its_variables_and_conf_but_not_the_way_to_s3_or_to_its_programs(around: Surroundings) -> None:
    given = {"STAGE": "prod", "N": 1, "AWS_ENDPOINT_URL": "https://s3.amazonaws.com", "PYSPARK_PYTHON": "/databricks/p"}
    machine = {
        "spark_version": "15.4.x-scala2.12",
        "node_type_id": "i3.xlarge",
        "custom_tags": {"team": "data"},
        "spark_env_vars": {**given, "PATH": "/bin", "TOKEN": "{{secrets/s/k}}"},
        "spark_conf": {"spark.sql.shuffle.partitions": 8},
    }
    spec = spec_of(around, {**NOTEBOOK, "new_cluster": machine})
    assert spec.variables == {"STAGE": "prod", "N": "1", "TOKEN": "{{secrets/s/k}}"}
    assert spec.conf["spark.sql.shuffle.partitions"] == "8"
    usage = {k.removeprefix("spark.databricks.clusterUsageTags."): v for k, v in spec.conf.items()}
    assert (usage["clusterNodeType"], usage["sparkVersion"]) == ("i3.xlarge", "15.4.x-scala2.12")
    assert {"key": "team", "value": "data"} in json.loads(usage["clusterAllTags"])
    assert {"key": "JobId", "value": "7"} in json.loads(usage["clusterAllTags"])
    assert spec_of(around, NOTEBOOK).variables == {}


def test_the_runtime_is_that_of_the_existing_cluster_that_a_task_names(around: Surroundings) -> None:
    clusters = {"c-1": {"spark_version": "14.3.x-scala2.12"}}
    for cluster_id, version in (("c-1", "14.3"), ("c-2", "17.3")):
        spec = spec_of(around, {**NOTEBOOK, "existing_cluster_id": cluster_id}, existing_clusters=clusters)
        assert spec.environment["DATABRICKS_RUNTIME_VERSION"] == version


def test_python_params_of_the_run_replace_the_tasks_own(around: Surroundings) -> None:
    task = {"spark_python_task": {"python_file": "/Workspace/Shared/job.py", "parameters": ["{{job.run_id}}", "b"]}}
    assert spec_of(around, task).arguments == ["1", "b"]
    assert spec_of(around, task, {"python_params": ["c"]}).arguments == ["c"]
    assert spec_of(around, task).workspace_path == "/Workspace/Shared/job.py"


def test_a_python_file_may_rest_in_dbfs_or_a_volume(around: Surroundings, tmp_path: Path) -> None:
    (tmp_path / "on_dbfs.py").write_text("")
    paths = WorkspacePaths({"/Workspace": tmp_path / "w", "/dbfs": tmp_path, "/Volumes": tmp_path})
    with_storage = dataclasses.replace(around, paths=paths)
    for name in ("dbfs:/on_dbfs.py", "/dbfs/on_dbfs.py", "/Volumes/on_dbfs.py"):
        spec = spec_of(with_storage, {"spark_python_task": {"python_file": name}})
        assert spec.path == str(tmp_path / "on_dbfs.py")


def test_a_missing_notebook_is_told_in_the_services_words(around: Surroundings) -> None:
    with pytest.raises(CannotRun) as caught:
        spec_of(around, {"notebook_task": {"notebook_path": "/Shared/nowhere"}})
    assert str(caught.value) == (
        'Unable to access the notebook "/Shared/nowhere" in the workspace. Either it does not exist, or the identity '
        "used to run this job, me@example.com, lacks the required permissions."
    )


def test_a_missing_python_file_and_an_unknown_reference_cannot_run(around: Surroundings) -> None:
    with pytest.raises(CannotRun, match=r"/Shared/no\.py"):
        spec_of(around, {"spark_python_task": {"python_file": "/Shared/no.py"}})
    with pytest.raises(CannotRun, match=r"\{\{job\.nothing\}\}"):
        spec_of(
            around, {"notebook_task": {"notebook_path": "/Shared/load", "base_parameters": {"a": "{{job.nothing}}"}}}
        )


def test_a_specification_survives_the_way_through_its_file(around: Surroundings, tmp_path: Path) -> None:
    spec = spec_of(around, NOTEBOOK)
    spec.write(tmp_path / "spec.json")
    assert KernelSpec.read(tmp_path / "spec.json") == spec
    assert (tmp_path / "spec.json").stat().st_mode & 0o077 == 0


def test_a_wheel_task_gets_its_parameters_in_order_and_then_the_named_ones(around: Surroundings) -> None:
    body = {"package_name": "p", "entry_point": "main", "parameters": ["{{job.id}}"], "named_parameters": {"day": "1"}}
    task = {"python_wheel_task": body, "libraries": [{"whl": "/x.whl"}, {"pypi": {"package": "a", "repo": "http://i"}}]}
    spec = spec_of(around, task)
    assert (spec.kind, spec.package, spec.entry_point) == ("wheel", "p", "main")
    assert spec.arguments == ["7", "--day=1"]
    assert spec.libraries == ["/x.whl", "--index-url http://i", "a"]
    assert spec_of(around, task, {"python_named_params": {"n": "2"}}).arguments == ["7", "--n=2"]


def test_job_parameters_go_to_wheel_tasks_of_named_parameters_before_those_of_the_same_name(
    around: Surroundings,
) -> None:
    body = {"package_name": "p", "entry_point": "main", "named_parameters": {"day": "1", "n": "{{job.id}}"}}
    declared = [{"name": "day", "default": "sunday"}, {"name": "env", "default": "dev"}]
    spec = spec_of(around, {"python_wheel_task": body}, {"job_parameters": {"env": "test"}}, parameters=declared)
    assert spec.arguments == ["--day=sunday", "--n=7", "--env=test"]
    positional = {"package_name": "p", "entry_point": "main", "parameters": ["a"]}
    assert spec_of(around, {"python_wheel_task": positional}, parameters=declared).arguments == ["a"]
