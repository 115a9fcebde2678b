"""Shells: kernels of people, who sit at a terminal of this machine and start the process themselves."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.kernel.spec import Gateway, KernelSpec
from harness.lake.paths import PathNotFound, normal
from harness.runner import cluster
from harness.runner.commands import Surroundings
from harness.runner.run import Run, TaskRun

if TYPE_CHECKING:
    from harness.lake.engine import Engine

NAME = "shell"


class Shells:
    """Gives each shell a slot in Spark, for as long as a connection to the terminal's process lasts."""

    def __init__(self, engine: Engine, around: Surroundings) -> None:
        self._engine = engine
        self._around = around
        self._numbers = itertools.count(1)

    def open(self, place: str, path: str, parameters: Mapping[str, str]) -> None:
        """Say what a shell's kernel needs to know, as a specification of one line; returns at once.

        Parameters: ``place``: the Unix socket to say it at, which is closed when the shell has ended; ``path``: the
        notebook that it stands for, in the workspace; it need not exist; ``parameters``: its widgets. Raises:
        ``OSError`` when nobody listens there; ``PathNotFound``.
        """
        place_of_notebook = self._around.paths.local(path)
        if not place_of_notebook.parent.is_dir():
            raise PathNotFound(path)
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(place)
        except OSError:
            connection.close()
            raise
        threading.Thread(
            target=self._serve,
            args=(connection, normal(path), place_of_notebook, dict(parameters)),
            name=NAME,
            daemon=True,
        ).start()

    def _serve(self, connection: socket.socket, path: str, place: Path, parameters: dict[str, str]) -> None:
        tag = f"{NAME}-{next(self._numbers)}"
        with connection:
            try:
                slot = self._engine.open_slot(tag)
            except Exception as error:
                with contextlib.suppress(OSError):
                    connection.sendall(json.dumps({"error": str(error)}).encode() + b"\n")
                return
            try:
                spec = self._spec(Gateway(slot.port, slot.secret, slot.tag), path, place, parameters)
                connection.sendall(json.dumps(dataclasses.asdict(spec)).encode() + b"\n")
                while connection.recv(4096):
                    pass
            except OSError:
                pass  # the terminal is gone
            finally:
                self._engine.close_slot(tag)

    def _spec(self, gateway: Gateway, path: str, place: Path, parameters: dict[str, str]) -> KernelSpec:
        around = self._around
        run, task = Run(0, 0, NAME, {}, []), TaskRun(0, NAME, {"existing_cluster_id": NAME}, "")
        return KernelSpec(
            kind="notebook",
            path=str(place),
            workspace_path=path,
            directory="",
            gateway=gateway,
            workspace_url=around.workspace_url,
            token=around.token,
            parameters=parameters,
            roots={prefix: str(folder) for prefix, folder in around.paths.roots.items()},
            context={"user": around.user, "org_id": around.workspace_id, "cluster_id": NAME},
            environment={**around.environment, "DATABRICKS_RUNTIME_VERSION": cluster.RUNTIME_VERSION},
            conf={
                name: value
                for name, value in cluster.conf({"cluster_name": NAME}, run, task, around.workspace).items()
                if not name.startswith("spark.databricks.job.")
            },
            cache=str(around.cache / "packages"),
            interactive=True,
        )
