"""Git folders: the Repos API, ``/api/2.0/repos``. Clones made by the machine's git, among the workspace's files.

A Git folder's id is the object id of its path, as ``get-status`` gives it: Airflow's operators find it that way
(wire.md §1.2, #28).
"""

from __future__ import annotations

import shutil
import urllib.parse
import uuid
from typing import TYPE_CHECKING

from harness.lake.paths import under
from harness.workspace import confined, files, git, gitcredentials
from harness.workspace.errors import AlreadyExists, InvalidParameter, NotFound
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, page, whole

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

PAGE_SIZE = 20


def get(workspace: Workspace, repo_id: object) -> Document:
    """A Git folder's record. Raises: ``InvalidParameter``, ``NotFound``."""
    number = whole(repo_id)
    if number is None:
        raise InvalidParameter(f"Expected repo_id to be an integer, got {repo_id}.")
    document = workspace.store.get("repo", number)
    if document is None:
        raise NotFound(f"Git folder with id {number} does not exist.")
    return document


def shown(document: Document) -> Document:
    """A record as the API shows it."""
    return {**document, "path": document["path"].removeprefix("/Workspace")}


def stamps(checkout: git.Checkout) -> Document:
    """What is checked out."""
    return {"branch": checkout.branch(), "head_commit_id": checkout.head()}


def place(call: Call, url: str) -> str:
    """The path of a new Git folder, normalised. Raises: ``InvalidParameter``."""
    if "path" not in call.arguments:
        name = urllib.parse.urlsplit(url).path.rstrip("/").rpartition("/")[2].removesuffix(".git")
        call.arguments["path"] = f"/Repos/{call.workspace.config.user}/{name}"
    path = files.given_path(call)
    confined.checked(path)
    names = path.split("/")[2:]
    if not names or not names[-1] or (names[0] == "Repos" and len(names) != 3):
        raise InvalidParameter(f"Path ({call.text('path')}) must have the format /Repos/{{folder}}/{{repo-name}}.")
    return path


def refuse_sparse(call: Call) -> None:
    """Raises: ``InvalidParameter`` for a field that is not served."""
    if "sparse_checkout" in call.arguments:
        raise InvalidParameter(
            "sparse_checkout is not served by the local workspace: Git folders are checked out whole."
        )
    if "git_credential_id" in call.arguments:
        gitcredentials.get(call.workspace, call.arguments["git_credential_id"])


def create(call: Call) -> Document:
    workspace, url = call.workspace, call.text("url")
    provider = gitcredentials.provider(call.text("provider"))
    refuse_sparse(call)
    path = place(call, url)
    target = files.writable(workspace.paths, path)
    if under(path, "/Workspace/Repos"):
        target.parent.mkdir(parents=True, exist_ok=True)
    if not target.parent.is_dir():
        raise NotFound(f"The parent folder ({path.rpartition('/')[0]}) does not exist.")
    if target.exists():
        raise AlreadyExists(f"Path ({path}) already exists.")
    remote = git.remote(url, workspace.config.git_remotes)
    git.check_remote(remote, target.parent)
    repo_id = files.object_id(path)
    fresh = target.with_name(f".{uuid.uuid4().hex}.clone")
    try:
        git.clone(remote, fresh)
        document: Document = {"id": repo_id, "path": path, "url": url, "provider": provider}
        document |= stamps(git.Checkout(fresh))
        fresh.rename(target)
    except OSError:
        raise AlreadyExists(f"Path ({path}) already exists.") from None
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    workspace.store.put("repo", repo_id, document)
    return shown(document)


def list_repos(call: Call) -> Document:
    """An empty prefix stands for ``/Workspace/Repos`` (docs: api/workspace/repos/list)."""
    prefix = call.text("path_prefix", "").rstrip("/")
    if prefix and not prefix.startswith("/Workspace"):
        prefix = "/Workspace" + prefix
    if prefix in ("", "/Workspace"):
        prefix = "/Workspace/Repos/"
    found = [shown(repo) for repo in call.workspace.store.all("repo") if repo["path"].startswith(prefix)]
    call.arguments["page_token"] = call.text("next_page_token", "")
    repos, following, _ = page(sorted(found, key=lambda repo: repo["path"]), call, size=PAGE_SIZE, most=PAGE_SIZE)
    return {"repos": repos, "next_page_token": following} if repos else {}


def read(call: Call) -> Document:
    return shown(get(call.workspace, call.path["repo_id"]))


def update(call: Call) -> Document:
    """Check out a branch as the remote has it now, or a tag."""
    workspace = call.workspace
    document = get(workspace, call.path["repo_id"])
    refuse_sparse(call)
    given = {field: call.text(field) for field in ("branch", "tag") if field in call.arguments}
    if len(given) != 1:
        raise InvalidParameter("Exactly one of branch and tag must be given.")
    ((field, name),) = given.items()
    checkout = git.Checkout(workspace.paths.local(document["path"]))
    git.check_remote(git.remote(document["url"], workspace.config.git_remotes), workspace.paths.local("/Workspace"))
    checkout.fetch()
    reference = f"refs/tags/{name}" if field == "tag" else f"refs/remotes/origin/{name}"
    if not name or name.startswith("-") or not checkout.has(reference):
        raise NotFound(f"The remote {document['url']} has no {field} {name!r}.")
    if call.flag("dangerously_force_discard_all"):
        checkout.discard()
    if field == "tag":
        checkout.to_tag(name)
    else:
        checkout.to_branch(name)
    changed = {**document, **stamps(checkout)}
    workspace.store.update("repo", document["id"], lambda _: changed)
    return shown(changed)


def delete(call: Call) -> Document:
    document = get(call.workspace, call.path["repo_id"])
    call.workspace.store.delete("repo", document["id"])
    shutil.rmtree(call.workspace.paths.local(document["path"]), ignore_errors=True)
    return {}


routes = [
    *api("POST", "2.0/repos", create),
    *api("GET", "2.0/repos", list_repos),
    *api("GET", "2.0/repos/{repo_id}", read),
    *api("PATCH", "2.0/repos/{repo_id}", update),
    *api("DELETE", "2.0/repos/{repo_id}", delete),
]
