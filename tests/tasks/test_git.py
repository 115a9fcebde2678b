"""Jobs whose notebooks, Python files and SQL files come from a Git repository (``git_source``)."""

from __future__ import annotations

import io
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import GitProvider, GitSource, JobSettings, NotebookTask, SparseCheckout, SubmitTask
from databricks.sdk.service.workspace import ImportFormat

LOAD = "# Databricks notebook source\nimport shared.names\nprint(shared.names.WHO, {!r})\n"
LATER = "\n# COMMAND ----------\n# MAGIC %run ./helpers\n\n# COMMAND ----------\n\nprint(helped)"
SQL = {"warehouse_id": "local"}


class Repository:
    """A repository of this machine, as a team has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"file://{folder}"
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        names = ("-c", "user.name=me", "-c", "user.email=me@example.com", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *names, *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, what: str) -> str:
        """Commit a project whose files say ``what``. Returns: the commit."""
        files = {
            "jobs/load.py": LOAD.format(what) + LATER,
            "jobs/helpers.py": f"# Databricks notebook source\nhelped = 'helped {what}'",
            "jobs/script.py": f"import sys\nprint('script', {what!r}, sys.argv[1:])",
            "shared/names.py": "WHO = 'shared'",
            "sql/report.sql": f"SELECT '{what}' AS what",
        }
        for name, text in files.items():
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).write_text(text)
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", what)
        return self.git("rev-parse", "HEAD")

    def source(self, **reference: Any) -> GitSource:
        return GitSource(git_url=self.url, git_provider=GitProvider.GIT_HUB, **reference)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "project")


def test_notebooks_files_and_sql_of_a_job_come_from_its_git_source(
    repository: Repository, submitted: Callable[..., Any], workspace: WorkspaceClient
) -> None:
    commit = repository.commit("one")
    own = "/Users/harness@localhost/own.py"
    workspace.workspace.upload(own, io.BytesIO(b"print('from the workspace')"), format=ImportFormat.RAW)
    ran = submitted(
        {"task_key": "notebook", "notebook_task": {"notebook_path": "jobs/load"}},
        {
            "task_key": "script",
            "spark_python_task": {"python_file": "jobs/script.py", "source": "GIT", "parameters": ["a"]},
        },
        {"task_key": "own", "spark_python_task": {"python_file": own}},
        {"task_key": "sql", "sql_task": {**SQL, "file": {"path": "sql/report.sql"}}},
        {
            "task_key": "missing",
            "notebook_task": {"notebook_path": "jobs/nowhere", "source": "GIT"},
        },
        git_source=repository.source(git_branch="main"),
    )
    assert ran.outputs["notebook"].logs == "shared one\nhelped one\n", ran.outputs["notebook"].error
    assert ran.outputs["script"].logs == "script one ['a']\n"
    assert ran.outputs["own"].logs == "from the workspace\n"
    assert ran.outputs["sql"].sql_output.query_output.query_text == "SELECT 'one' AS what"
    assert ran.states["missing"] == "FAILED"
    assert "jobs/nowhere" in ran.outputs["missing"].error
    assert ran.run.git_source.git_snapshot.used_commit == commit
    assert ran.run.git_source.git_branch == "main"


def test_a_run_uses_the_branch_tag_or_commit_as_the_remote_has_it_now(
    repository: Repository, submitted: Callable[..., Any]
) -> None:
    task = {"task_key": "only", "spark_python_task": {"python_file": "jobs/script.py", "source": "GIT"}}
    first = repository.commit("one")
    repository.git("tag", "--annotate", "-m", "the first", "v1")
    second = repository.commit("two")
    used = {}
    for field, name in (("git_branch", "main"), ("git_tag", "v1"), ("git_commit", first)):
        ran = submitted(task, git_source=repository.source(**{field: name}))
        used[name] = (ran.run.git_source.git_snapshot.used_commit, ran.outputs["only"].logs)
    assert used == {
        "main": (second, "script two []\n"),
        "v1": (first, "script one []\n"),
        first: (first, "script one []\n"),
    }
    ran = submitted(task, git_source=repository.source(git_branch="gone"))
    assert ran.states == {"only": "FAILED"}
    assert f"The remote {repository.url} has no branch 'gone'." in ran.run.state.state_message
    ran = submitted(task, git_source=repository.source(git_commit="0" * 40))
    assert ran.states == {"only": "FAILED"}


def test_a_repaired_run_stays_on_its_commit_and_a_new_run_does_not(
    repository: Repository, workspace: WorkspaceClient, ended: Callable[[int], Any]
) -> None:
    first = repository.commit("one")
    job = JobSettings.from_dict(
        {"tasks": [{"task_key": "only", "notebook_task": {"notebook_path": "jobs/load"}, "timeout_seconds": 60}]}
    )
    job_id = workspace.jobs.create(
        name="of git", tasks=job.tasks, git_source=repository.source(git_branch="main")
    ).job_id
    assert workspace.jobs.get(job_id).settings.git_source.git_snapshot is None
    run = ended(workspace.jobs.run_now(job_id).run_id).run
    second = repository.commit("two")
    workspace.jobs.repair_run(run.run_id, rerun_tasks=["only"])
    repaired = ended(run.run_id).run
    assert repaired.git_source.git_snapshot.used_commit == first
    latest = max(repaired.tasks, key=lambda task: task.attempt_number)
    assert workspace.jobs.get_run_output(latest.run_id).logs == "shared one\nhelped one\n"
    again = ended(workspace.jobs.run_now(job_id).run_id)
    assert again.run.git_source.git_snapshot.used_commit == second
    assert again.outputs["only"].logs == "shared two\nhelped two\n"


def test_a_sparse_checkout_has_no_other_folders(repository: Repository, submitted: Callable[..., Any]) -> None:
    repository.commit("one")
    source = repository.source(git_branch="main", sparse_checkout=SparseCheckout(patterns=["jobs"]))
    ran = submitted({"task_key": "only", "notebook_task": {"notebook_path": "jobs/load"}}, git_source=source)
    assert ran.outputs["only"].error == "ModuleNotFoundError: No module named 'shared'"


def test_the_tasks_of_loops_come_from_git_too(repository: Repository, submitted: Callable[..., Any]) -> None:
    repository.commit("one")
    inner = {"task_key": "inner", "notebook_task": {"notebook_path": "jobs/load"}}
    loop = {"task_key": "loop", "for_each_task": {"inputs": "[1, 2]", "task": inner}}
    assert submitted(loop, git_source=repository.source(git_branch="main")).states == {"loop": "SUCCESS"}


def test_a_run_that_is_cancelled_while_its_files_come_from_git_is_cancelled(
    workspace: WorkspaceClient, ended: Callable[[int], Any]
) -> None:
    """The remote answers nothing until the run was cancelled, and then goes away."""
    with socket.create_server(("127.0.0.1", 0)) as remote, ThreadPoolExecutor() as threads:
        url = f"http://127.0.0.1:{remote.getsockname()[1]}/project.git"
        source = GitSource(git_url=url, git_provider=GitProvider.GIT_HUB, git_branch="main")
        task = SubmitTask("load", notebook_task=NotebookTask("jobs/load"))
        name = f"cancelled {url}"
        submitting = threads.submit(workspace.jobs.submit, run_name=name, tasks=[task], git_source=source)
        asked, _ = remote.accept()
        (run_id,) = [run.run_id for run in workspace.jobs.list_runs(active_only=True) if run.run_name == name]
        workspace.jobs.cancel_run(run_id)
        asked.close()
        remote.close()
        submitting.result(60)
    ran = ended(run_id)
    assert (str(ran.run.state.result_state.value), ran.states) == ("CANCELED", {"load": "CANCELED"})
