"""``harness notebook shell``: IPython on this terminal, with Spark, ``dbutils`` and the rest as a notebook has them."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from harness import netguard
from harness.control import StackFailed, control
from harness.dagrun.connections import Endpoints
from harness.notebooks import given, some_stack, workspace_path
from harness.runner.forks import kernel_environment
from harness.settings import Settings
from harness.stack import Stack

NAME = "shell"
MODULE = "harness.kernel.interactive"


def open_shell(settings: Settings, name: str | None, parameters: list[str], fetch: Callable[[Settings], object]) -> int:
    """Open a shell on the stack that is up, or on one of its own, until it is left.

    Parameters: ``name``: the notebook, by its file or workspace path, whose place the shell takes: relative paths,
    imports and the working directory are that one's; by default one in the first of the setting ``mounts``;
    ``parameters``: ``name=value`` each, its widgets. Returns: the exit code of the shell. Raises: ``NotRunnable``,
    ``StackFailed``.
    """
    mounted = [prefix for prefix, folder in settings.mounts.items() if settings.path(folder).is_dir()]
    path = workspace_path(name, settings) if name else f"{[*mounted, '/Workspace'][0]}/{NAME}"
    pairs = given(parameters)
    with contextlib.ExitStack() as around:
        endpoints = around.enter_context(some_stack(settings, fetch))
        folder = Path(tempfile.mkdtemp(prefix="harness-shell-"))  # ours alone
        around.callback(shutil.rmtree, folder, ignore_errors=True)
        # The workspace keeps the shell's place in Spark until this connection ends, however this process does.
        connection = around.enter_context(_connected(endpoints, folder, path, pairs))
        with connection.makefile("r") as answer:
            spec = json.loads(answer.readline() or '{"error": "The workspace is gone."}')
        if "error" in spec:
            raise StackFailed(spec["error"])
        return _converse(settings, folder, spec)


def _connected(endpoints: Endpoints, folder: Path, path: str, parameters: dict[str, str]) -> socket.socket:
    place = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as listens:
        listens.bind(place)
        listens.listen(1)
        control(endpoints, "POST", "shells", {"socket": place, "path": path, "parameters": parameters})
        return listens.accept()[0]  # the workspace has connected before it answered


def _converse(settings: Settings, folder: Path, spec: dict[str, object]) -> int:
    file = folder / "spec.json"
    file.touch(mode=0o600)
    file.write_text(json.dumps(spec))
    python = str(settings.kernel_python or sys.executable)
    environment = kernel_environment(folder, python) | {netguard.VARIABLE: json.dumps(Stack(settings).network)}
    history = settings.path(settings.state) / "shell-history.sqlite"
    history.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen([python, "-m", MODULE, str(file), str(history)], env=environment)
    # Ctrl-C is the shell's.
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return process.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        process.kill()
