"""The machine's own git, with the user's own configuration: ``url.<base>.insteadOf`` leads remotes elsewhere.

Only remotes of this machine are asked: paths, ``file://``, and servers on loopback.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import urllib.parse
from collections.abc import Mapping
from pathlib import Path

from harness.workspace.auth import LOOPBACK
from harness.workspace.errors import InvalidParameter, InvalidState, NotServed

# A local clone takes seconds; a server that does not answer must not hold a thread for ever.
TIMEOUT_SECONDS = 300
# Where git looks for its repository is said by us alone: a workspace may run in a git hook.
SCRUBBED = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR", "GIT_NAMESPACE")


class GitFailed(InvalidState):
    """git refused. The message ends with what it said."""


def run(*arguments: str, cwd: Path) -> str:
    """Run git without a terminal. Returns: its output, stripped. Raises: ``GitFailed``, ``NotServed`` without git."""
    environment = {name: value for name, value in os.environ.items() if name not in SCRUBBED}
    environment |= {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    try:
        result = subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
        )
    except FileNotFoundError:
        raise NotServed("Git folders need git, which is not installed on this machine.") from None
    except subprocess.TimeoutExpired:
        raise GitFailed(f"git {arguments[0]} took longer than {TIMEOUT_SECONDS} s.") from None
    if result.returncode:
        raise GitFailed(f"git {arguments[0]} failed: {result.stderr.strip()[-2000:]}")
    return result.stdout.strip()


def check_remote(url: str, cwd: Path) -> None:
    """Refuse a remote that is not on this machine, or that git would take for an option or a command.

    Raises: ``InvalidParameter``.
    """
    if url.startswith("-") or any(ord(c) < 32 for c in url):
        raise InvalidParameter(f"{url!r} is not the URL of a Git repository.")
    if re.match(r"\w+://[^/@]*:[^/@]*@", url):
        raise InvalidParameter("The URL of a Git repository must not hold credentials: register a Git credential.")
    effective = run("ls-remote", "--get-url", "--", url, cwd=cwd)
    parts = urllib.parse.urlsplit(effective)
    if effective.startswith("/") or (parts.scheme == "file" and parts.hostname in (None, "localhost")):
        return
    if parts.scheme in ("http", "https", "ssh", "git") and parts.hostname in LOOPBACK:
        return
    host = f"{parts.scheme}://{parts.hostname}" if parts.hostname else "another machine"
    raise InvalidParameter(
        f"The remote {url} is on {host}, and the local workspace goes to no other machine. Clone it, and name the "
        f'clone in the setting git_remotes ("{url}" to its folder), or lead git to it: '
        f"git config --global url.file:///path/to/clone.insteadOf {url}"
    )


def remote(url: str, led: Mapping[str, str]) -> str:
    """Where a remote is looked for. Parameters: ``led``: the setting ``git_remotes``."""
    plain = url.rstrip("/").removesuffix(".git")
    return next((place for name, place in led.items() if name.rstrip("/").removesuffix(".git") == plain), url)


def commit_of(url: str, reference: str, cwd: Path) -> str | None:
    """The commit that a remote has under a full name (``refs/…``) now; of an annotated tag, what it points to.

    Raises: ``GitFailed`` when the remote does not answer.
    """
    lines = run("ls-remote", "--", url, reference, f"{reference}^{{}}", cwd=cwd).splitlines()
    found = {name: commit for commit, name in (line.split("\t", 1) for line in lines)}
    return found.get(f"{reference}^{{}}") or found.get(reference)


def snapshot(url: str, commit: str, patterns: list[str], target: Path) -> None:
    """The files of a commit, without a repository around them, in a folder that is not there yet.

    Parameters: ``patterns``: the folders to take, as of a sparse checkout in cone mode; empty: all. Raises:
    ``GitFailed``.
    """
    run("clone", "--quiet", "--no-hardlinks", "--no-checkout", "--", url, str(target), cwd=target.parent)
    named = (f"--git-dir={target / '.git'}", f"--work-tree={target}")
    if patterns:
        run(*named, "sparse-checkout", "set", "--cone", "--end-of-options", *patterns, cwd=target)
    run(*named, "checkout", "--quiet", "--detach", commit, "--", cwd=target)
    shutil.rmtree(target / ".git")


def clone(url: str, target: Path) -> None:
    """Clone a remote with all its branches and tags into a folder that is not there yet. Raises: ``GitFailed``."""
    run("clone", "--quiet", "--no-hardlinks", "--", url, str(target), cwd=target.parent)


class Checkout:
    """A clone. All commands name its repository: without, git would look for one in the folders above."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _run(self, *arguments: str) -> str:
        if not (self._folder / ".git").is_dir():
            raise GitFailed(f"{self._folder} is no Git repository any more.")
        named = (f"--git-dir={self._folder / '.git'}", f"--work-tree={self._folder}")
        return run(*named, *arguments, cwd=self._folder)

    def _find(self, *arguments: str) -> str | None:
        try:
            return self._run(*arguments)
        except GitFailed:
            return None

    def head(self) -> str | None:
        """The commit that is checked out; ``None`` in an empty repository."""
        return self._find("rev-parse", "--verify", "--quiet", "HEAD^{commit}")

    def branch(self) -> str | None:
        """The branch that is checked out; ``None`` when it is a tag."""
        return self._find("symbolic-ref", "--quiet", "--short", "HEAD")

    def fetch(self) -> None:
        """Learn what the remote has now."""
        self._run("fetch", "--quiet", "--prune", "--tags", "--force", "origin")

    def has(self, reference: str) -> bool:
        """Whether there is a commit of that full name (``refs/…``)."""
        return self._find("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}") is not None

    def discard(self) -> None:
        """Throw away what was changed and not committed."""
        self._run("reset", "--quiet", "--hard")
        self._run("clean", "--quiet", "-d", "--force")

    def to_branch(self, name: str) -> None:
        """Check out a branch as the remote has it. Raises: ``GitFailed`` when local changes are in the way."""
        remote = f"refs/remotes/origin/{name}"
        if self.has(f"refs/heads/{name}"):
            self._run("checkout", "--quiet", name, "--")
            self._run("merge", "--quiet", "--ff-only", remote)
        else:
            self._run("checkout", "--quiet", "-b", name, "--track", f"origin/{name}")

    def to_tag(self, name: str) -> None:
        """Check out a tag. Raises: ``GitFailed`` when local changes are in the way."""
        self._run("checkout", "--quiet", "--detach", f"refs/tags/{name}")
