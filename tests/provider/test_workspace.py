"""The operators of SQL warehouses and of Git folders."""

from __future__ import annotations

import subprocess

import pytest


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A repository with two branches and a tag; the DAGs make Git folders of it."""
    folder = tmp_path / "demo"
    folder.mkdir()
    monkeypatch.setenv("DEMO_URL", f"file://{folder}")
    names = ("-c", "user.name=colleague", "-c", "user.email=c@example.com", "-c", "commit.gpgsign=false")

    def git(*arguments):
        done = subprocess.run(["git", *names, *arguments], cwd=folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    git("init", "--quiet", "--initial-branch=main")
    git("commit", "--quiet", "--allow-empty", "-m", "one")
    git("tag", "v1")
    git("branch", "releases")
    git("commit", "--quiet", "--allow-empty", "-m", "two")
    return git


def test_warehouses_are_started_and_stopped_in_every_way(run, workspace, clean_stack, slept):
    result = run("workspace", "warehouses", fast=False)
    assert result.success, result
    assert slept == []
    states = [result.task(task_id).xcom for task_id in ("stopped", "started", "stopped_deferrable")]
    assert states == ["STOPPED", "RUNNING", "STOPPED"]
    assert "is already running" in result.task("already_running").log_text()
    assert "is already stopped" in result.task("already_stopped").log_text()
    for task_id in ("stop_deferrable", "start_deferrable"):
        assert "Pausing task as DEFERRED" in result.task(task_id).log_text()
    assert workspace.warehouses.get(clean_stack.warehouse_id).state.value == "STOPPED"

    result = run("workspace", "warehouses_that_fail")
    for task in result.tasks:
        assert task.state == "failed"
        assert "nobodys does not exist" in str(task.errors[-1])


def test_git_folders_are_made_updated_and_deleted(run, workspace, remote, monkeypatch):
    result = run("workspace", "repos")
    assert result.success, result
    assert result.task("again").xcom == str(result.task("create").xcom)  # the hook finds it as text
    assert result.task("to_tag").xcom == remote("rev-parse", "v1")
    made = {repo.path: repo.branch for repo in workspace.repos.list()}
    assert made == {
        "/Repos/provider@example.com/demo": None,
        f"/Repos/{workspace.current_user.me().user_name}/demo": "main",
    }

    monkeypatch.setenv("DEMO_ID", str(result.task("create").xcom))
    result = run("workspace", "repos_by_id")
    assert result.success, result
    assert result.task("to_branch").xcom == remote("rev-parse", "main")
    assert len(list(workspace.repos.list())) == 1


def test_a_git_folder_that_cannot_be_made_or_found_is_named(run, remote):
    result = run("workspace", "repos_that_fail")
    said = {task.task_id: str(task.errors[-1]) for task in result.tasks if task.state == "failed"}
    assert "Repo with path '/Repos/provider@example.com/demo' already exists" in said["there_already"]
    assert "git config --global url.file:///path/to/clone.insteadOf" in said["elsewhere"]
    assert "no branch 'nobodys'" in said["no_branch"]
    assert "Can't find Repo ID for path '/Repos/a/b'" in said["no_folder"]
    assert "Status Code: 404" in said["no_id"]
    assert len(said) == 5
