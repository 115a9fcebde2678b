"""dbt tasks: what is refused, and how commands are run, shown on a stand-in for dbt that needs no download.

dbt itself runs in tests/dbt (tox -e dbt).
"""

from __future__ import annotations

import io
import os
import tarfile
import threading
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest
from databricks.sdk.service.jobs import DbtTask, SubmitTask, Task
from databricks.sdk.service.workspace import ImportFormat

from tests.wheels import index

pytestmark = pytest.mark.slow

PROJECT = "/Workspace/Users/dbt/shop"
COMMANDS = ["dbt deps", 'dbt run --vars \'{"day": "{{job.parameters.day}}"}\'']
# What stands for dbt: tells what it was given, keeps an artifact, fails or waits when told to.
STAND_IN = """
import json, os, pathlib, sys

def cli():
    words = sys.argv[1:]
    if words == ["fail"]:
        print("12:00:00  Failure in model stg (models/stg.sql)")
        print("12:00:00    Database Error in model stg (models/stg.sql)")
        sys.exit(1)
    if words[0] == "wait":
        open(words[1], "w").close()
        open(words[1]).read()
    profiles = json.loads(pathlib.Path(os.environ["DBT_PROFILES_DIR"], "profiles.yml").read_text())
    print(json.dumps({"words": words, "host": os.environ["DBT_HOST"], "profiles": profiles}))
    target = pathlib.Path("target")
    target.mkdir(exist_ok=True)
    (target / "run_results.json").write_text(json.dumps(words))
"""


def stand_in(folder: Path) -> Path:
    """A wheel named as dbt's adapter is."""
    files = {
        "dbt/cli/main.py": STAND_IN,
        "dbt_databricks-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: dbt-databricks\nVersion: 1.0\n",
        "dbt_databricks-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "dbt_databricks-1.0.dist-info/RECORD"
    files[record] = "".join(f"{file},,\n" for file in (*files, record))
    path = folder / "dbt_databricks-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)
    return path


@pytest.fixture
def libraries(tmp_path: Path) -> list[dict[str, Any]]:
    return [{"whl": str(stand_in(tmp_path))}]


@pytest.fixture
def project(workspace: WorkspaceClient) -> str:
    """A dbt project in the workspace. Returns: its path."""
    workspace.workspace.mkdirs(PROJECT)
    text = b"name: shop\nprofile: 'shop_profile'  # in ~/.dbt\n"
    workspace.workspace.upload(f"{PROJECT}/dbt_project.yml", io.BytesIO(text), format=ImportFormat.RAW, overwrite=True)
    return PROJECT


def task(**fields: Any) -> dict[str, Any]:
    body = {"commands": ["dbt run"], "project_directory": PROJECT, "warehouse_id": "local", **fields}
    return {k: v for k, v in body.items() if v is not None}


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"commands": []}, r"dbt_task.*commands"),
        ({"commands": ["dbt run"] * 11}, r"dbt_task\.commands must be a list of 1 to 10"),
        ({"commands": ["rm -rf /"]}, r"dbt_task\.commands must all start with dbt, got rm -rf /"),
        ({"commands": ["dbt run --vars '{"]}, r"dbt_task\.commands cannot be read"),
        ({"project_directory": None}, r"dbt_task\.project_directory is required"),
        ({"warehouse_id": None, "schema": "s"}, r"dbt_task\.schema can only be specified if a warehouse_id"),
        ({"warehouse_id": None, "catalog": "c"}, r"dbt_task\.catalog can only be specified if a warehouse_id"),
        ({"profiles_directory": "profiles"}, r"dbt_task\.profiles_directory can only be specified if no warehouse_id"),
        ({"warehouse_id": None, "profiles_directory": "../mine"}, r"dbt_task\.profiles_directory \.\./mine"),
        ({"source": "GIT"}, r"dbt_task\.source GIT needs a git_source"),
    ],
)
def test_what_a_dbt_task_cannot_say_is_refused_by_name(
    workspace: WorkspaceClient, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        workspace.jobs.create(name="dbt", tasks=[Task("t", dbt_task=DbtTask.from_dict(task(**fields)))])


def test_a_task_without_dbt_among_its_libraries_fails_and_says_so(
    submitted: Callable[..., Any], project: str, tmp_path: Path
) -> None:
    ran = submitted({"task_key": "t", "dbt_task": task()})
    assert ran.states == {"t": "FAILED"}
    assert "A dbt_task needs dbt-databricks" in ran.outputs["t"].error
    absent = {"task_key": "t", "dbt_task": task(), "libraries": [{"whl": "/Workspace/nowhere/dbt.whl"}]}
    assert "/Workspace/nowhere/dbt.whl does not exist" in submitted(absent).outputs["t"].error
    with index(tmp_path) as url:
        source = [{"pypi": {"package": "dbt-databricks==0.0.1", "repo": url}}]
        refused = submitted({"task_key": "t", "dbt_task": task(), "libraries": source})
    assert refused.states == {"t": "FAILED"}
    assert "dbt cannot be installed: installing dbt-databricks==0.0.1 failed" in refused.outputs["t"].error


def test_commands_run_in_order_with_a_profile_of_the_warehouse(
    workspace: WorkspaceClient,
    ended: Callable[[int], Any],
    project: str,
    libraries: list[dict[str, Any]],
    clean_stack: Any,
) -> None:
    spec = {
        "task_key": "build",
        "dbt_task": task(commands=COMMANDS, catalog="main", schema="shop"),
        "libraries": libraries,
    }
    job = workspace.jobs.create(name="dbt", tasks=[Task.from_dict(spec)], parameters=parameters(day="2026-01-31"))
    kept = workspace.jobs.get(job.job_id).settings.tasks[0].dbt_task
    assert (kept.commands, kept.schema, kept.project_directory) == (COMMANDS, "shop", PROJECT)
    ran = ended(workspace.jobs.run_now(job.job_id).run_id)
    assert ran.states == {"build": "SUCCESS"}
    output = ran.outputs["build"]
    lines = output.logs.splitlines()
    assert lines[0::2] == ["+ dbt deps", '+ dbt run --vars \'{"day": "2026-01-31"}\'']
    assert '"words": ["run", "--vars", "{\\"day\\": \\"2026-01-31\\"}"]' in lines[3]
    assert '{"shop_profile": {"target": "databricks", "outputs": {"databricks": {"type": "databricks"' in lines[3]
    assert '"http_path": "/sql/1.0/warehouses/local"' in lines[3]
    assert '"schema": "shop", "catalog": "main"' in lines[3]
    assert f'"host": "{clean_stack.workspace_url}"' in lines[3]
    assert clean_stack.token not in output.logs
    with urllib.request.urlopen(output.dbt_output.artifacts_link) as answer:
        content = io.BytesIO(answer.read())
    with tarfile.open(fileobj=content) as archive:
        assert "target/run_results.json" in archive.getnames()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(output.dbt_output.artifacts_link[:-1] + "x")
    # The project stays as it is.
    assert [each.path for each in workspace.workspace.list(PROJECT)] == [f"{PROJECT}/dbt_project.yml"]
    # What run-now gives replaces the task's own.
    again = ended(workspace.jobs.run_now(job.job_id, dbt_commands=["dbt test"]).run_id)
    assert again.outputs["build"].logs.startswith("+ dbt test\n")


def parameters(**values: str) -> Any:
    from databricks.sdk.service.jobs import JobParameterDefinition

    return [JobParameterDefinition(name=name, default=value) for name, value in values.items()]


def test_a_command_that_fails_fails_the_task_and_the_next_is_not_run(
    submitted: Callable[..., Any], project: str, libraries: list[dict[str, Any]]
) -> None:
    ran = submitted({"task_key": "t", "dbt_task": task(commands=["dbt fail", "dbt run"]), "libraries": libraries})
    assert ran.states == {"t": "FAILED"}
    output = ran.outputs["t"]
    assert output.error == (
        "The command `dbt fail` failed with exit code 1.\n"
        "Failure in model stg (models/stg.sql)\nDatabase Error in model stg (models/stg.sql)"
    )
    assert "+ dbt run" not in output.logs


def test_cancelling_kills_the_command_that_runs(
    workspace: WorkspaceClient,
    ended: Callable[[int], Any],
    project: str,
    libraries: list[dict[str, Any]],
    tmp_path: Path,
) -> None:
    fifo = tmp_path / "began"
    os.mkfifo(fifo)
    spec = {"task_key": "t", "dbt_task": task(commands=[f"dbt wait {fifo}", "dbt run"]), "libraries": libraries}
    began = threading.Thread(target=fifo.read_text, daemon=True)
    began.start()
    run = workspace.jobs.submit(run_name="dbt", tasks=[SubmitTask.from_dict(spec)])
    began.join(60)
    assert not began.is_alive(), "the command has not begun"
    workspace.jobs.cancel_run(run.run_id)
    ran = ended(run.run_id)
    assert ran.states == {"t": "CANCELED"}
    assert "+ dbt run" not in (ran.outputs["t"].logs or "")


def test_a_folder_that_is_no_project_fails_the_task(
    submitted: Callable[..., Any], workspace: WorkspaceClient, libraries: list[dict[str, Any]]
) -> None:
    workspace.workspace.mkdirs("/Workspace/Users/dbt/empty")
    empty = task(project_directory="/Workspace/Users/dbt/empty")
    ran = submitted({"task_key": "t", "dbt_task": empty, "libraries": libraries})
    assert "There is no dbt_project.yml" in ran.outputs["t"].error
    gone = task(project_directory="/Workspace/Users/dbt/gone")
    ran = submitted({"task_key": "t", "dbt_task": gone, "libraries": libraries})
    assert "Cannot read the dbt project /Workspace/Users/dbt/gone" in ran.outputs["t"].error
