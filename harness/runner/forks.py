"""Our side of the fork server: one process per task, asked for over a socket, killed for certain.

The server is started ahead of the first task and again when it dies; the tasks it ran are lost with it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import harness
from harness import netguard
from harness.kernel.spec import Gateway
from harness.process import kill_group
from harness.runner.channel import Channel, ChannelClosed

# Variables that could lead a notebook to somebody's cloud, or that belong to Airflow's and the harness's own Python
# (those of coverage.py would have the fork server measured, and every task twice).
SCRUBBED = (
    "AIRFLOW_",
    "ARM_",
    "AWS_",
    "AZURE_",
    "CLOUDSDK_",
    "COVERAGE_",
    "DATABRICKS_",
    "GCLOUD_",
    "GOOGLE_",
    "PYSPARK_",
    "SPARK_",
)


class Fork:
    """One forked process. ``code``: its exit code (negative: a signal), None when the fork server was lost; ``begun``:
    set when ``pid`` is known."""

    def __init__(self, number: int, server: Channel) -> None:
        self.number = number
        self.pid = 0
        self.code: int | None = None
        self.begun = threading.Event()
        self.ended = threading.Event()
        self._server = server

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the process's end. Returns: False when ``timeout`` seconds passed first."""
        return self.ended.wait(timeout)

    def kill(self) -> None:
        """Kill the process and all it has started; :meth:`wait` tells when they are gone."""
        with contextlib.suppress(ChannelClosed):
            self.send({"kill": True})

    def send(self, request: Mapping[str, Any]) -> None:
        """Ask its server for something about it. Raises: ``ChannelClosed``."""
        self._server.send({"id": self.number, **request})


class Forks:
    """Starts processes for tasks.

    Parameters: ``directory`` (log, import folder), ``python``: the notebooks' interpreter, ``environment``: what the
    server inherits (:func:`kernel_environment`).
    """

    def __init__(self, directory: Path, python: str, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._python = python
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._server: _Server | None = None
        self._stopped = False

    def start(self) -> None:
        """Start the server; returns at once."""
        with self._lock:
            self._start()

    def fork(self, spec: Path, cwd: Path, log: Path) -> Fork:
        """Start the process of a task.

        Raises: ``ChannelClosed`` when the server cannot be started or ended just now; the message says why.
        """
        return self._asked({"task": _task(spec, cwd, log)})

    def prepare(self, gateway: Gateway) -> Fork:
        """Start a process that attaches to Spark and waits for a task. Raises: ``ChannelClosed``."""
        return self._asked({"gateway": asdict(gateway)})

    def claim(self, fork: Fork, spec: Path, cwd: Path, log: Path) -> None:
        """Give a process of :meth:`prepare` its task. Raises: ``ChannelClosed``."""
        fork.send({"claim": _task(spec, cwd, log)})

    def _asked(self, request: dict[str, Any]) -> Fork:
        with self._lock:
            server = self._server or self._start()
        server.channel.wait_ready()
        fork = Fork(next(self._numbers), server.channel)
        server.forks[fork.number] = fork
        fork.send(request)
        return fork

    def stop(self) -> None:
        """Kill every task's process and the server."""
        with self._lock:
            self._stopped = True
            server, self._server = self._server, None
        if server is not None:
            server.channel.stop()

    def status(self) -> dict[str, Any]:
        """What runs: the server's process id, and how many tasks it holds."""
        server = self._server
        return {"pid": server.channel.pid, "tasks": len(server.forks)} if server else {"tasks": 0}

    def _start(self) -> _Server:
        if self._stopped:
            raise ChannelClosed("The runner has been stopped.")
        self._server = _Server(self._directory / "kernels.log", self._python, self._environment, self._lost)
        return self._server

    def _lost(self, server: _Server) -> None:
        """Start another server when a working one died; after one that never worked, the next task tries again."""
        with self._lock:
            if self._server is server:
                self._server = None
                if server.channel.worked and not self._stopped:
                    self._start()


def _task(spec: Path, cwd: Path, log: Path) -> dict[str, str]:
    return {"spec": str(spec), "cwd": str(cwd), "log": str(log)}


class _Server:
    """One fork server and what it has forked."""

    def __init__(self, log: Path, python: str, environment: Mapping[str, str], lost: Callable[[_Server], None]) -> None:
        self.forks: dict[int, Fork] = {}
        self._tell = lost
        name = "The fork server of the notebooks"
        self.channel = Channel(
            name, "harness.kernel", log=log, take=self._take, lost=self._lost, python=python, env=environment
        )

    def _take(self, report: dict[str, Any]) -> None:
        fork = self.forks[report["id"]]
        if "pid" in report:
            fork.pid = report["pid"]
            fork.begun.set()
        else:
            del self.forks[fork.number]
            fork.code = report["code"]
            fork.ended.set()

    def _lost(self) -> None:
        for fork in list(self.forks.values()):
            if fork.pid:
                kill_group(fork.pid)  # where the system does not kill orphans by itself (macOS)
            fork.ended.set()
        self._tell(self)


def kernel_environment(directory: Path, python: str) -> dict[str, str]:
    """The environment of the fork server: ours without the way to any cloud, with the harness importable.

    Parameters: ``directory``: where a folder with nothing but the harness may be made, for another interpreter.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SCRUBBED)}
    package = Path(harness.__file__).resolve().parent
    folder = package.parent
    if python != sys.executable:
        # Not the folder itself: it may be a site-packages, and would mix our libraries into theirs.
        folder = directory / "kernel-path"
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (folder / package.name).symlink_to(package)
    environment |= netguard.no_profiles()
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), environment.get("PYTHONPATH")]))
    return environment
