"""dbt tasks of jobs, with dbt-databricks from PyPI among their libraries, by the SDK."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import GitProvider, GitSource, Run, SubmitTask

pytestmark = [pytest.mark.slow, pytest.mark.dbt]

PROJECT = Path(__file__).parent / "project"
LIBRARIES = [{"pypi": {"package": "dbt-databricks==1.12.7"}}, {"pypi": {"package": "dbt-core<1.12"}}]


@pytest.fixture
def repository(tmp_path: Path) -> GitSource:
    """A Git repository whose folder ``transform`` is the project."""
    folder = tmp_path / "repository"
    shutil.copytree(PROJECT, folder / "transform")
    names = ("-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false")
    for arguments in (["init", "--quiet", "--initial-branch=main"], ["add", "."], ["commit", "--quiet", "-m", "dbt"]):
        subprocess.run(["git", *names, *arguments], cwd=folder, check=True)
    return GitSource(git_url=f"file://{folder}", git_provider=GitProvider.GIT_HUB, git_branch="main")


def test_a_project_of_git_is_built_and_its_failure_told(
    executable: str, repository: GitSource, workspace: WorkspaceClient, sql: Callable[..., list[Any]]
) -> None:
    def task(key: str, *commands: str, after: str = "", **fields: Any) -> SubmitTask:
        body = {"commands": list(commands), "project_directory": "transform", **fields}
        upstream = {"depends_on": [{"task_key": after}]} if after else {}
        return SubmitTask.from_dict({"task_key": key, "dbt_task": body, "libraries": LIBRARIES, **upstream})

    tasks = [
        task("build", "dbt seed", "dbt run --select staging", warehouse_id="local", catalog="main", schema="from_job"),
        # With the project's own profile, in which the service gives host and token.
        task("own", "dbt test --select stg_customers --target job", after="build"),
        task("wrong", "dbt run --selekt x", "dbt run", after="build", warehouse_id="local"),
    ]
    run_id = workspace.jobs.submit(run_name="dbt", tasks=tasks, git_source=repository).run_id
    headers = {"User-Agent": "tests operator/wait"}
    while True:
        answer: Any = workspace.api_client.do(
            "GET", "/api/2.2/jobs/runs/get", query={"run_id": run_id}, headers=headers
        )
        run = Run.from_dict(answer)
        if run.state.life_cycle_state.value in ("TERMINATED", "INTERNAL_ERROR"):
            break
    outputs = {each.task_key: workspace.jobs.get_run_output(each.run_id) for each in run.tasks}
    states = {each.task_key: each.state.result_state.value for each in run.tasks}
    assert states == {"build": "SUCCESS", "own": "SUCCESS", "wrong": "FAILED"}, outputs
    assert [tuple(row) for row in sql("SELECT count(*) FROM main.from_job.stg_orders")] == [(6,)]
    assert "Completed successfully" in outputs["build"].logs
    assert "No such option" in outputs["wrong"].error_trace
    assert "`dbt run --selekt x` failed with exit code 2" in outputs["wrong"].error
    with urllib.request.urlopen(outputs["build"].dbt_output.artifacts_link) as link:
        content = io.BytesIO(link.read())
    with tarfile.open(fileobj=content) as archive:
        assert {"target/manifest.json", "target/run_results.json"} <= set(archive.getnames())
