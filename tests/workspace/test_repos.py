"""Git folders through the SDK and Airflow's operators, with real remotes made by git; and Git credentials."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceAlreadyExists
from databricks.sdk.service.jobs import GitProvider, GitSource, NotebookTask, Task
from databricks.sdk.service.workspace import (
    ObjectType,
    RepoAccessControlRequest,
    RepoPermissionLevel,
    SparseCheckout,
)

from tests.workspace.conftest import Service

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

REPOS, CREDENTIALS = "/api/2.0/repos", "/api/2.0/git-credentials"
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")

NOTEBOOK = "# Databricks notebook source\nprint({!r})\n"


class Remote:
    """A repository beside the workspace, as a colleague works in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"file://{folder}"
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        names = ("-c", "user.name=colleague", "-c", "user.email=c@example.com", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", *names, *arguments], cwd=self.folder, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, text: str) -> str:
        """Commit a notebook that prints a text. Returns: the commit."""
        (self.folder / "load.py").write_text(NOTEBOOK.format(text))
        (self.folder / "lib").mkdir(exist_ok=True)
        (self.folder / "lib/helpers.py").write_text("X = 1\n")
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def remote(tmp_path: Path, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> Remote:
    """A remote with the branches main and releases, and the tag v1; the user's git has no settings."""
    http.post("/_harness/reset")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    remote = Remote(tmp_path / "demo")
    remote.commit("one")
    remote.git("tag", "v1")
    remote.git("switch", "--quiet", "--create", "releases")
    remote.commit("released")
    remote.git("switch", "--quiet", "main")
    return remote


def test_who_may_use_a_git_folder_is_recorded(w: WorkspaceClient, remote: Remote) -> None:
    repo_id = str(w.repos.create(remote.url, "GITHUB", path="/Repos/me@example.com/demo").id)
    entry = RepoAccessControlRequest(group_name="readers", permission_level=RepoPermissionLevel.CAN_READ)
    w.repos.update_permissions(repo_id, access_control_list=[entry])
    (read,) = w.repos.get_permissions(repo_id).access_control_list or []
    assert (read.group_name, [p.permission_level for p in read.all_permissions or []]) == (
        "readers",
        [RepoPermissionLevel.CAN_READ],
    )
    levels = w.repos.get_permission_levels(repo_id).permission_levels or []
    assert {level.permission_level for level in levels} == set(RepoPermissionLevel)
    assert w.repos.set_permissions(repo_id, access_control_list=[]).access_control_list == []


def test_a_git_folder_is_made_found_and_deleted(w: WorkspaceClient, service: Service, remote: Remote) -> None:
    made = w.repos.create(remote.url, "GITHUB", path="/Repos/me@example.com/demo")
    assert (made.branch, made.head_commit_id) == ("main", remote.git("rev-parse", "HEAD"))
    assert (made.url, made.provider, made.path) == (remote.url, "gitHub", "/Repos/me@example.com/demo")
    status = w.workspace.get_status("/Workspace/Repos/me@example.com/demo")
    assert (status.object_type, status.object_id) == (ObjectType.REPO, made.id)
    kinds = {info.path: info.object_type for info in w.workspace.list("/Repos/me@example.com", recursive=False)}
    assert kinds == {"/Repos/me@example.com/demo": ObjectType.REPO}
    kinds = {info.path: info.object_type for info in w.workspace.list("/Repos/me@example.com/demo")}
    assert kinds == {
        "/Repos/me@example.com/demo/lib": ObjectType.DIRECTORY,
        "/Repos/me@example.com/demo/load": ObjectType.NOTEBOOK,
    }
    assert w.workspace.download("/Repos/me@example.com/demo/load").read().decode() == NOTEBOOK.format("one")
    # Where a notebook task looks.
    assert "one" in service.workspace.paths.notebook("/Repos/me@example.com/demo/load").path.read_text()
    assert w.repos.get(made.id or 0).head_commit_id == made.head_commit_id
    w.repos.delete(made.id or 0)
    for missing in (lambda: w.repos.get(made.id or 0), lambda: w.workspace.get_status(made.path or "")):
        with pytest.raises(NotFound):
            missing()


def test_branches_and_tags_are_checked_out_as_the_remote_has_them(w: WorkspaceClient, remote: Remote) -> None:
    repo = w.repos.create(remote.url, "gitHub")
    assert repo.path == "/Repos/me@example.com/demo"
    number = repo.id or 0

    def shown() -> str:
        return w.workspace.download(f"{repo.path}/load").read().decode()

    w.repos.update(number, branch="releases")
    assert (w.repos.get(number).branch, shown()) == ("releases", NOTEBOOK.format("released"))
    head = remote.commit("two")
    w.repos.update(number, branch="main")
    assert (w.repos.get(number).head_commit_id, shown()) == (head, NOTEBOOK.format("two"))
    w.repos.update(number, tag="v1")
    assert (w.repos.get(number).branch, shown()) == (None, NOTEBOOK.format("one"))
    for wrong in ({"branch": "none"}, {"tag": "none"}, {"branch": "--force"}, {"tag": "main"}, {"branch": ""}):
        with pytest.raises(NotFound):
            w.repos.update(number, **wrong)
    assert shown() == NOTEBOOK.format("one")


def test_local_changes_are_kept_unless_they_are_to_be_discarded(
    w: WorkspaceClient, service: Service, remote: Remote
) -> None:
    repo = w.repos.create(remote.url, "gitHub")
    local = service.workspace.paths.local(f"{repo.path}/load.py")
    local.write_text("mine\n")
    remote.commit("two")
    with pytest.raises(BadRequest, match=r"load\.py"):
        w.repos.update(repo.id or 0, branch="main")
    assert local.read_text() == "mine\n"
    w.repos.update(repo.id or 0, branch="main", dangerously_force_discard_all=True)
    assert local.read_text() == NOTEBOOK.format("two")


def test_a_production_url_leads_where_the_users_git_says(w: WorkspaceClient, remote: Remote) -> None:
    url = "https://github.com/acme/demo.git"
    with pytest.raises(InvalidParameterValue, match="insteadOf"):
        w.repos.create(url, "gitHub")
    remote.git("config", "--global", f"url.{remote.url}.insteadOf", url)
    repo = w.repos.create(url, "gitHub")
    assert (repo.url, repo.path) == (url, "/Repos/me@example.com/demo")
    head = remote.commit("two")
    w.repos.update(repo.id or 0, branch="main")
    assert w.repos.get(repo.id or 0).head_commit_id == head


def test_lists_come_in_pages_by_prefix(w: WorkspaceClient, http: httpx2.Client, remote: Remote) -> None:
    names = [f"r{number:02}" for number in range(21)]
    for name in names:
        w.repos.create(str(remote.folder), "gitHub", path=f"/Repos/team/{name}")
    w.repos.create(str(remote.folder), "gitHub", path="/Users/me@example.com/own")
    assert [repo.path for repo in w.repos.list()] == [f"/Repos/team/{name}" for name in names]
    assert len(http.get(REPOS).json()["repos"]) == 20
    assert [repo.path for repo in w.repos.list(path_prefix="/Users")] == ["/Users/me@example.com/own"]
    assert [repo.path for repo in w.repos.list(path_prefix="/Workspace/Repos/team/r1")] == [
        f"/Repos/team/r1{digit}" for digit in range(10)
    ]
    assert list(w.repos.list(path_prefix="/Repos/nobody")) == []


def test_deleting_a_folder_forgets_its_git_folders(w: WorkspaceClient, remote: Remote) -> None:
    repo = w.repos.create(remote.url, "gitHub", path="/Repos/team/demo")
    w.workspace.delete("/Repos/team", recursive=True)
    with pytest.raises(NotFound):
        w.repos.get(repo.id or 0)
    assert w.repos.create(remote.url, "gitHub", path="/Repos/team/demo").id == repo.id


def test_what_cannot_be_a_git_folder_is_refused(w: WorkspaceClient, service: Service, remote: Remote) -> None:
    w.repos.create(remote.url, "gitHub")
    with pytest.raises(ResourceAlreadyExists):
        w.repos.create(remote.url, "gitHub")
    with pytest.raises(InvalidParameterValue, match="sparse_checkout"):
        w.repos.create(remote.url, "gitHub", path="/Repos/a/b", sparse_checkout=SparseCheckout(patterns=["x"]))
    with pytest.raises(InvalidParameterValue, match="Mercurial"):
        w.repos.create(remote.url, "Mercurial", path="/Repos/a/b")
    with pytest.raises(BadRequest, match="git clone failed"):
        w.repos.create(f"{remote.url}-none", "gitHub", path="/Repos/a/b")
    with pytest.raises(NotFound, match="parent folder"):
        w.repos.create(remote.url, "gitHub", path="/Shared/none/b")
    with pytest.raises(NotFound, match="credential"):
        w.repos.create(remote.url, "gitHub", path="/Repos/a/b", git_credential_id=77)
    with pytest.raises(Exception, match="read-only"):
        w.repos.create(remote.url, "gitHub", path="/Shared/pipelines/b")
    assert not (service.mount / "b").exists()
    assert list(service.workspace.paths.local("/Repos/a").iterdir()) == []


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/owned",
        "--upload-pack=touch /tmp/owned",
        "https://example.com/x.git",
        "ssh://git@example.com/x.git",
        "git@github.com:acme/x.git",
        "file://elsewhere/x",
        "https://user:token@localhost/x.git",
        "relative",
        "",
    ],
)
def test_remotes_of_other_machines_and_commands_are_refused(http: httpx2.Client, remote: Remote, url: str) -> None:
    answer = http.post(REPOS, json={"url": url, "provider": "gitHub", "path": "/Repos/a/b"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert not os.path.exists("/tmp/owned")


@pytest.mark.parametrize("path", ["/Repos/x", "/Repos/a/b/c", "/Repos/../../x", "/Repos/a/../b", "rel", "/", 7])
def test_paths_that_are_not_a_git_folders_are_refused(http: httpx2.Client, remote: Remote, path: object) -> None:
    answer = http.post(REPOS, json={"url": remote.url, "provider": "gitHub", "path": path})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_bad_updates_are_refused(w: WorkspaceClient, http: httpx2.Client, remote: Remote) -> None:
    number = w.repos.create(remote.url, "gitHub").id
    for body in ({}, {"branch": "main", "tag": "v1"}, {"branch": 7}, {"branch": "main", "sparse_checkout": {}}):
        answer = http.patch(f"{REPOS}/{number}", json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert http.get(f"{REPOS}/seven").json()["error_code"] == "INVALID_PARAMETER_VALUE"
    for method in ("GET", "PATCH", "DELETE"):
        assert http.request(method, f"{REPOS}/77").json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


def test_a_workspace_inside_a_repository_never_works_in_that_one(
    w: WorkspaceClient, service: Service, remote: Remote
) -> None:
    outer = service.workspace.config.directory
    subprocess.run(["git", "init", "--quiet"], cwd=outer, check=True)
    try:
        repo = w.repos.create(remote.url, "gitHub")
        local = service.workspace.paths.local(repo.path or "")
        (local / ".git").rename(local / "was-git")
        with pytest.raises(BadRequest, match="no Git repository any more"):
            w.repos.update(repo.id or 0, branch="main", dangerously_force_discard_all=True)
        assert (local / "load.py").exists()
    finally:
        subprocess.run(["rm", "-rf", str(outer / ".git")], check=True)


def test_airflows_operators_make_update_and_delete_a_git_folder(
    w: WorkspaceClient, remote: Remote, hook_of: Callable[[str], DatabricksHook]
) -> None:
    from airflow.providers.databricks.operators.databricks_repos import (
        DatabricksReposCreateOperator,
        DatabricksReposDeleteOperator,
        DatabricksReposUpdateOperator,
    )

    assert hook_of("any")  # sets the connection
    context: Any = {}
    path = "/Repos/user@domain.com/demo-repo"
    create = DatabricksReposCreateOperator(
        task_id="create", git_url=remote.url, git_provider="gitHub", repo_path=path, branch="releases"
    )
    number = create.execute(context)
    assert w.repos.get(int(number)).branch == "releases"
    again = {"git_url": remote.url, "git_provider": "gitHub", "repo_path": path}
    with pytest.raises(Exception, match="already exists"):
        DatabricksReposCreateOperator(task_id="again", **again).execute(context)
    kept = DatabricksReposCreateOperator(task_id="kept", ignore_existing_repo=True, **again)
    assert int(kept.execute(context)) == int(number)
    head = remote.commit("two")
    update = DatabricksReposUpdateOperator(task_id="update", repo_path=path, branch="main")
    assert update.execute(context) == head
    by_id = DatabricksReposUpdateOperator(task_id="by_id", repo_id=str(number), tag="v1")
    assert by_id.execute(context) == remote.git("rev-parse", "v1")
    DatabricksReposDeleteOperator(task_id="delete", repo_path=path).execute(context)
    with pytest.raises(NotFound):
        w.workspace.get_status(path)
    with pytest.raises(Exception, match="Can't find Repo ID"):
        DatabricksReposDeleteOperator(task_id="gone", repo_path=path).execute(context)


def test_git_credentials_are_records_without_their_tokens(
    w: WorkspaceClient, http: httpx2.Client, service: Service
) -> None:
    http.post("/_harness/reset")
    made = w.git_credentials.create(
        "github", git_username="me", personal_access_token="ghp-secret", name="mine", is_default_for_provider=True
    )
    assert (made.git_provider, made.git_username, made.is_default_for_provider) == ("gitHub", "me", True)
    w.git_credentials.update(made.credential_id, "gitLab", git_username="you", personal_access_token="glp-secret")
    found = w.git_credentials.get(made.credential_id)
    assert (found.git_provider, found.git_username, found.name) == ("gitLab", "you", "mine")
    assert [c.credential_id for c in w.git_credentials.list()] == [made.credential_id]
    records = (service.workspace.config.directory / "workspace.db").read_bytes()
    assert b"-secret" not in records + http.get(CREDENTIALS).content
    w.git_credentials.delete(made.credential_id)
    assert list(w.git_credentials.list()) == []
    for method in ("GET", "PATCH", "DELETE"):
        answer = http.request(method, f"{CREDENTIALS}/{made.credential_id}")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "git_provider"),
        ({"git_provider": "cvs"}, "cvs"),
        ({"git_provider": 1}, "git_provider"),
        ({"git_provider": "gitHub", "git_username": []}, "git_username"),
        ({"git_provider": "gitHub", "is_default_for_provider": "maybe"}, "is_default_for_provider"),
        ({"git_provider": "gitHub", "principal_id": 1}, "principal_id"),
    ],
)
def test_bad_credentials_are_refused_by_name(http: httpx2.Client, body: dict[str, object], word: str) -> None:
    answer = http.post(CREDENTIALS, json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert word in answer.json()["message"]


def test_remotes_elsewhere_are_looked_for_where_the_settings_say(
    w: WorkspaceClient, service: Service, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    led = dataclasses.replace(service.workspace.config, git_remotes={"https://github.com/team/demo": remote.url})
    monkeypatch.setattr(service.workspace, "config", led)
    made = w.repos.create("https://github.com/team/demo.git", "gitHub", path="/Repos/me@example.com/demo")
    assert (made.url, made.branch) == ("https://github.com/team/demo.git", "main")
    w.repos.update(made.id or 0, branch="releases")
    assert w.repos.get(made.id or 0).branch == "releases"
    task = Task(task_key="only", notebook_task=NotebookTask(notebook_path="load"))
    source = GitSource("https://github.com/team/demo/", GitProvider.GIT_HUB, git_branch="releases")
    job_id = w.jobs.create(name="of git", tasks=[task], git_source=source).job_id
    run_id = w.jobs.run_now(job_id or 0).run_id
    shown = w.jobs.get_run(run_id).git_source
    assert shown is not None
    assert shown.git_snapshot is not None
    assert shown.git_snapshot.used_commit == remote.git("rev-parse", "releases")
    with pytest.raises(InvalidParameterValue, match="git_remotes"):
        w.repos.create("https://github.com/team/other", "gitHub", path="/Repos/me@example.com/other")
