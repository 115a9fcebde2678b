"""Init scripts of a cluster: run once for each of its starts, before its first task, when the settings say so.

Source: docs.databricks.com, "What are init scripts?" (order, variables, what happens when one fails). They run as the
user who runs the harness, in a folder of the cluster's own. What their ``pip`` installs, its tasks can import.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import harness
from harness.kernel.overlays import PackageNotInstalled
from harness.kernel.packages import Packages, fetcher
from harness.lake.paths import WorkspacePaths

# Where the cluster's own Python is on Databricks, which scripts name.
PYTHONS = ("/databricks/python/bin/", "/databricks/python3/bin/")
INSTALLED = "pip.lines"
# How much of what a failed script has said goes into the message.
SAID = 2000


class InitScriptFailed(Exception):
    """An init script cannot be read, or did not end with 0. The message names it."""


def prepare(
    scripts: list[str], directory: Path, cluster: Mapping[str, str], cache: str, roots: Mapping[str, str],
    fetch: Callable[[str], Path],
) -> list[list[str]]:  # fmt: skip
    """Run those scripts that have not run since the cluster's start; others wait meanwhile.

    Parameters: ``directory`` of the cluster's start; ``cluster``: variables that tell scripts of it; ``cache`` and
    ``roots``: for their ``pip``; ``fetch``: the local file behind a path. Returns: what their ``pip`` was asked for,
    a list of words each time. Raises: ``InitScriptFailed``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for number, script in enumerate(scripts):
            text = _read(script, fetch)
            done = directory / f"{number}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.done"
            if not done.exists():
                _run(script, text, directory, cluster, _tools(directory, cache, roots))
                done.touch()
    installed = directory / INSTALLED
    return [shlex.split(line) for line in installed.read_text().splitlines()] if installed.exists() else []


def _read(script: str, fetch: Callable[[str], Path]) -> str:
    try:
        return fetch(script).read_text()
    except (LookupError, OSError, ValueError) as error:
        raise InitScriptFailed(f"Cluster scoped init script {script} failed: it cannot be read. {error}") from error


def _run(script: str, text: str, directory: Path, cluster: Mapping[str, str], tools: Path) -> None:
    for python in PYTHONS:
        text = text.replace(python, f"{tools}/")
    copy = directory / "script.sh"
    copy.write_text(text)
    path = os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)])
    # Not through a pipe: agents that a script starts hold it open, and would be waited for.
    with (directory / "script.log").open("wb") as log:
        code = subprocess.call(
            ["bash", str(copy)],
            cwd=directory,
            env={**os.environ, **cluster, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    said = (directory / "script.log").read_text(errors="replace").strip()
    if code:
        raise InitScriptFailed(
            f"Cluster scoped init script {script} failed: Script exit status is non-zero ({code}).\n{said[-SAID:]}"
        )
    print(f"Init script {script} has run.{chr(10) if said else ''}{said}", file=sys.stderr)


def _tools(directory: Path, cache: str, roots: Mapping[str, str]) -> Path:
    """The folder of ``pip`` and ``python`` as scripts find them; they leave this interpreter's packages as they are."""
    tools = directory / "bin"
    tools.mkdir(exist_ok=True)
    ours = [sys.executable, "-m", "harness.kernel.initscripts", str(directory / INSTALLED), cache]
    ours += [f"{prefix}={folder}" for prefix, folder in roots.items()]
    path = shlex.quote(str(Path(harness.__file__).parent.parent))
    pip = f'#!/bin/sh\nexport PYTHONPATH={path}${{PYTHONPATH:+:$PYTHONPATH}}\nexec {shlex.join(ours)} -- "$@"\n'
    for name in ("pip", "pip3"):
        (tools / name).write_text(pip)
        (tools / name).chmod(0o700)
    for name in ("python", "python3"):
        shell = f'if [ "$1" = -m ] && [ "$2" = pip ]; then shift 2; exec {shlex.quote(str(tools / "pip"))} "$@"; fi'
        (tools / name).write_text(f'#!/bin/sh\n{shell}\nexec {shlex.quote(sys.executable)} "$@"\n')
        (tools / name).chmod(0o700)
    return tools


def _not_from_here(source: str, target: str) -> Any:
    raise PackageNotInstalled(f"{source}: pip in init scripts reads files of the workspace and of volumes only.")


def main() -> None:
    """``pip`` of an init script: install into the user's cache, and have the cluster's tasks find it."""
    at = sys.argv.index("--")
    installed, cache, *roots = sys.argv[1:at]
    words = sys.argv[at + 1 :]
    paths = WorkspacePaths(dict(root.split("=", 1) for root in roots))
    try:
        Packages(Path(cache), {}, fetcher(paths.local, _not_from_here)).pip(shlex.join(words))
    except PackageNotInstalled as error:
        sys.exit(str(error))
    with open(installed, "a") as file:
        file.write(shlex.join(words) + "\n")


if __name__ == "__main__":
    main()
