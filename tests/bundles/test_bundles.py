"""Bundles are resolved as ``databricks bundle`` resolves them; what only a deployment knows is refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.bundles import Bundle, BundleInvalid, read

ROOT = """
bundle: {name: shop}
include: [resources/*.yml]
variables:
  size: {default: 2}
  schema: {default: "raw_${bundle.target}"}
  cluster:
    type: complex
    default: {spark_version: 16.4.x-scala2.12, num_workers: "${var.size}"}
  secret: {description: has no default}
  warehouse: {lookup: {warehouse: main}}
targets:
  dev:
    default: true
    mode: development
  prod:
    workspace: {root_path: "/Workspace/Shared/${bundle.name}"}
    variables: {size: 8, schema: {default: gold}}
    run_as: {user_name: robot@example.com}
    permissions: [{level: CAN_VIEW, group_name: users}]
    resources:
      jobs:
        load:
          max_concurrent_runs: 2
          tasks:
            - task_key: bronze
              timeout_seconds: 60
            - task_key: report
              run_job_task: {job_id: "${resources.jobs.report.id}"}
"""
LOAD = """
resources:
  jobs:
    load:
      name: load ${var.schema}
      tags: {team: shop}
      schedule: {quartz_cron_expression: "0 0 6 * * ?", timezone_id: UTC}
      job_clusters: [{job_cluster_key: small, new_cluster: "${var.cluster}"}]
      tasks:
        - task_key: bronze
          job_cluster_key: small
          notebook_task: {notebook_path: ../src/bronze.py, base_parameters: {size: "n=${var.size}", day: "{{job.id}}"}}
          libraries: [{whl: ../dist/*.whl}, {pypi: {package: six}}]
        - task_key: script
          spark_python_task: {python_file: ../src/main.py}
        - task_key: elsewhere
          notebook_task: {notebook_path: /Shared/other}
    report:
      tasks: [{task_key: one, sql_task: {warehouse_id: x, file: {path: ../src/report.sql}}}]
  schemas: {raw: {name: raw}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("src/bronze.py", "src/main.py", "src/report.sql", "dist/shop-1.0-py3-none-any.whl"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "load.yml").write_text(LOAD)
    (tmp_path / "databricks.yml").write_text(ROOT)
    return tmp_path


def resolved(folder: Path, **said: Any) -> Bundle:
    return read(folder, user="me.too@example.com", **said)


def test_a_target_s_settings_variables_and_paths_are_those_of_a_deployment(folder: Path) -> None:
    bundle = resolved(folder, target="prod")
    assert (bundle.name, bundle.target, bundle.file_path) == ("shop", "prod", "/Workspace/Shared/shop/files")
    assert bundle.others == ("schemas.raw",)
    job = bundle.jobs["load"]
    assert job["name"] == "load gold"
    assert job["run_as"] == {"user_name": "robot@example.com"}
    assert job["access_control_list"] == [{"permission_level": "CAN_VIEW", "group_name": "users"}]
    # The type of a value stays where a reference stands alone.
    assert job["job_clusters"][0]["new_cluster"] == {"spark_version": "16.4.x-scala2.12", "num_workers": 8}
    bronze, script, elsewhere, report = job["tasks"]
    assert bronze == {
        "task_key": "bronze",
        "job_cluster_key": "small",
        "timeout_seconds": 60,
        "notebook_task": {
            "notebook_path": "/Workspace/Shared/shop/files/src/bronze",
            "base_parameters": {"size": "n=8", "day": "{{job.id}}"},
        },
        "libraries": [
            {"whl": "/Workspace/Shared/shop/files/dist/shop-1.0-py3-none-any.whl"},
            {"pypi": {"package": "six"}},
        ],
    }
    assert script["spark_python_task"] == {"python_file": "/Workspace/Shared/shop/files/src/main.py"}
    assert elsewhere["notebook_task"] == {"notebook_path": "/Shared/other"}
    assert report["run_job_task"] == {"job_id": "${resources.jobs.report.id}"}
    assert bundle.jobs["report"]["tasks"][0]["sql_task"]["file"] == {
        "path": "/Workspace/Shared/shop/files/src/report.sql"
    }


def test_development_is_marked_and_paused(folder: Path) -> None:
    bundle = resolved(folder)
    assert bundle.file_path == "/Workspace/Users/me.too@example.com/.bundle/shop/dev/files"
    job = bundle.jobs["load"]
    assert job["name"] == "[dev me_too] load raw_dev"
    assert job["tags"] == {"dev": "me_too", "team": "shop"}
    assert job["schedule"]["pause_status"] == "PAUSED"
    assert job["max_concurrent_runs"] == 4


def test_a_variable_is_given_by_hand_then_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNDLE_VAR_schema", "told")
    assert resolved(folder, target="prod").jobs["load"]["name"] == "load told"
    assert resolved(folder, target="prod", variables={"schema": "given"}).jobs["load"]["name"] == "load given"


def test_jobs_that_others_run_are_made_first(folder: Path) -> None:
    made: list[Any] = []

    def create(settings: Any) -> int:
        made.append(settings)
        return 100 + len(made)

    assert resolved(folder, target="prod").made(create) == {"report": 101, "load": 102}
    assert made[1]["tasks"][-1]["run_job_task"] == {"job_id": 101}


JOB = "resources: {jobs: {j: {tasks: [%s]}}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (JOB % "{task_key: a, description: '${var.secret}'}", "variable secret has no default"),
        (JOB % "{task_key: a, description: '${var.warehouse}'}", "variable warehouse is looked up in a workspace"),
        (JOB % "{task_key: a, description: '${var.absent}'}", "there is no variable absent"),
        (JOB % "{task_key: a, description: '${resources.pipelines.p.id}'}", "resources.pipelines.p.id} is not known"),
        (JOB % "{task_key: a, run_job_task: {job_id: '${resources.jobs.k.id}'}}", "there is no job k"),
        (JOB % "{task_key: a, notebook_task: {notebook_path: ../src/gone.py}}", "there is no ../src/gone.py"),
        (JOB % "{task_key: a, notebook_task: {notebook_path: ../../}}", "is outside of the bundle"),
        (JOB % "{task_key: a, libraries: [{whl: ../build/*.whl}]}", "../build/*.whl is 0 files"),
        ("variables: {size: {default: '${var.size}'}}", "refers to itself"),
        ("python: {resources: ['resources:load']}", "`python`: jobs that Python code makes"),
        ("- a list", "not a mapping"),
        ("a: [", "while parsing"),
    ],
)
def test_what_only_a_deployment_knows_is_refused_by_name(folder: Path, text: str, message: str) -> None:
    (folder / "resources" / "more.yml").write_text(text)
    with pytest.raises(BundleInvalid) as error:
        resolved(folder)
    assert message in str(error.value)


def test_jobs_that_run_each_other_are_refused(folder: Path) -> None:
    run = "{tasks: [{task_key: a, run_job_task: {job_id: '${resources.jobs.%s.id}'}}]}"
    (folder / "resources" / "more.yml").write_text(f"resources: {{jobs: {{x: {run % 'y'}, y: {run % 'x'}}}}}")
    with pytest.raises(BundleInvalid, match="these jobs ask for each other's ids: x, y"):
        resolved(folder).made(lambda settings: 1)


def test_targets_and_folders_that_are_not_there_are_named(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with pytest.raises(BundleInvalid, match="there is no target stage; there are dev, prod"):
        resolved(folder, target="stage")
    text = ROOT.replace("    default: true\n", "")
    (folder / "databricks.yml").write_text(text)
    with pytest.raises(BundleInvalid, match="say which target: dev, prod"):
        resolved(folder)
    with pytest.raises(BundleInvalid, match="there is no bundle in"):
        resolved(tmp_path_factory.mktemp("empty"))
