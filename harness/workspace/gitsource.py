"""Jobs whose files come from a Git repository: ``git_source`` of jobs/create and runs/submit.

A run works on one commit, which it shows as ``git_source.git_snapshot``; a repair stays on it. Each commit is checked
out once, for all runs, where Databricks has it too: in ``/Workspace/Repos/.internal``.

Source: databricks-sdk, jobs.GitSource; docs.databricks.com, "Use Git with Lakeflow Jobs" (one snapshot for a run).
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from harness.runner.run import Run
from harness.workspace import git, gitcredentials
from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

CHECKOUTS = "/Workspace/Repos/.internal"
REFERENCES = {"git_branch": "refs/heads/", "git_tag": "refs/tags/", "git_commit": ""}
# What decides about the files; the rest of a git_source is kept and read back.
DECISIVE = ("git_url", *REFERENCES, "sparse_checkout")
COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)


def check(workspace: Workspace, settings: Document) -> None:
    """Refuse a source that cannot be had. Raises: ``InvalidParameter`` naming ``git_source``."""
    source = settings.get("git_source")
    if not source:
        return
    gitcredentials.provider(source["git_provider"])
    _reference(source)
    try:
        git.check_remote(_remote(workspace, source), workspace.config.directory)
    except InvalidParameter as error:
        raise InvalidParameter(f"git_source.git_url: {error.message}") from None


def check_out(workspace: Workspace, run: Run) -> None:
    """Check out the commit that a run is to work on, unless it has one. Raises: ``GitFailed``, ``InvalidParameter``."""
    source = run.settings.get("git_source")
    if not source:
        return
    kept = source.get("git_snapshot", {}).get("used_commit")
    commit = kept or _commit(workspace, source)
    folder = _folder(workspace, source, commit)
    snapshot = {**source, "git_snapshot": {"used_commit": commit}}
    run.settings = {**run.settings, "git_source": snapshot, "git_folder": folder}


def same_commit(before: Mapping[str, Document], settings: Document) -> Document:
    """Settings that a repair runs by, on the commit of its run unless the source is another one meanwhile."""
    old, new = before.get("git_source"), settings.get("git_source")
    if not old or not new or any(old.get(name) != new.get(name) for name in DECISIVE):
        return settings
    return {**settings, "git_source": {**new, "git_snapshot": old.get("git_snapshot", {})}}


def _remote(workspace: Workspace, source: Document) -> str:
    return git.remote(source["git_url"], workspace.config.git_remotes)


def _reference(source: Document) -> tuple[str, str]:
    """Which of branch, tag and commit is given, and its name. Raises: ``InvalidParameter``."""
    given = [(field, source[field]) for field in REFERENCES if source.get(field)]
    if len(given) != 1:
        raise InvalidParameter(f"git_source must have exactly one of: {', '.join(REFERENCES)}.")
    ((field, name),) = given
    if field == "git_commit" and not COMMIT.fullmatch(name):
        raise InvalidParameter(f"git_source.git_commit {name!r} is not the whole hash of a commit.")
    return field, name


def _commit(workspace: Workspace, source: Document) -> str:
    """The commit that a source means now. Raises: ``GitFailed``, ``InvalidParameter``."""
    field, name = _reference(source)
    if field == "git_commit":
        return name.lower()
    url = _remote(workspace, source)
    git.check_remote(url, workspace.config.directory)
    commit = git.commit_of(url, REFERENCES[field] + name, workspace.config.directory)
    if commit is None:
        raise InvalidParameter(f"The remote {source['git_url']} has no {field.removeprefix('git_')} {name!r}.")
    return commit


def _folder(workspace: Workspace, source: Document, commit: str) -> str:
    """The workspace path of a commit's files, checked out if nobody has yet."""
    patterns = source.get("sparse_checkout", {}).get("patterns") or []
    of_source = hashlib.sha256(json.dumps([source["git_url"], patterns]).encode()).hexdigest()[:12]
    folder = f"{CHECKOUTS}/{of_source}_commits/{commit}"
    target = workspace.paths.local(folder)
    if not target.is_dir():
        target.parent.mkdir(parents=True, exist_ok=True)
        url, fresh = _remote(workspace, source), target.with_name(f".{uuid.uuid4().hex}")
        git.check_remote(url, target.parent)
        try:
            git.snapshot(url, commit, patterns, fresh)
            if not target.is_dir():
                fresh.rename(target)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder
