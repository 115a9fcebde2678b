from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.kernel.spec import Gateway, KernelSpec
from harness.lake.paths import WorkspacePaths
from harness.runner.commands import CannotRun, Surroundings, kernel_spec, supported, supported_job
from harness.runner.run import Run, TaskRun

NOTEBOOK = {"notebook_task": {"notebook_path": "/Shared/load"}}


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    (tmp_path / "load.py").write_text("# Databricks notebook source\n")
    (tmp_path / "job.py").write_text("")
    paths = WorkspacePaths({"/Workspace/Shared": tmp_path})
    return Surroundings(paths, "http://w", "token", "me@example.com", {"AWS_ENDPOINT_URL": "http://s3"})


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
        ({"python_wheel_task": {}}, "python_wheel_task is not supported here"),
        ({"condition_task": {}}, "condition_task is not supported"),
        ({}, "must have exactly one of: notebook_task, spark_python_task"),
        ({**NOTEBOOK, "spark_python_task": {"python_file": "/x.py"}}, "must have exactly one of"),
        ({**NOTEBOOK, "surprise": 1}, "surprise is not supported"),
        ({"notebook_task": {"notebook_path": "/x", "surprise": 1}}, "notebook_task.surprise is not supported"),
        ({"notebook_task": {"notebook_path": "x", "source": "GIT"}}, "notebook_task.source GIT is not supported"),
        ({"spark_python_task": {"python_file": "s3://b/x.py"}}, "python_file s3://b/x.py is not supported"),
        ({**NOTEBOOK, "libraries": [{"jar": "dbfs:/x.jar"}]}, "jar libraries are not supported"),
        ({**NOTEBOOK, "libraries": [{"pypi": {"package": "no-such-package"}}]}, "'no-such-package' is not installed"),
        ({**NOTEBOOK, "libraries": [{"pypi": {"package": "pandas<0.1"}}]}, "not satisfied by the installed"),
        ({**NOTEBOOK, "libraries": [{"pypi": {"package": "git+file:x y"}}]}, "is not a package requirement"),
        ({**NOTEBOOK, "disabled": True}, "disabled is not supported"),
    ],
)
def test_tasks_that_cannot_be_honoured_are_refused_by_name(task: dict[str, Any], reason: str | None) -> None:
    answer = supported({"task_key": "t", **task})
    if reason is None:
        assert answer is None
    else:
        assert answer is not None
        assert answer.startswith("Task 't'")
        assert reason in answer


def test_what_tasks_share_is_checked_too() -> None:
    environment = {"environment_key": "default", "spec": {"client": "1", "dependencies": ["no-such-package"]}}
    assert supported_job({"tasks": [{"task_key": "t", **NOTEBOOK}]}) is None
    assert "git_source is not supported" in (supported_job({"git_source": {"git_url": "x"}, "tasks": []}) or "")
    assert "'no-such-package' is not installed" in (supported_job({"environments": [environment], "tasks": []}) or "")
    assert supported_job({"environments": [environment], "tasks": []}, None) is None


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
