"""Every S3 server that the harness knows, started as a stack starts it, without the rest of the stack."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.lake.buckets import plan
from harness.lake.buckets.features import BY_NAME, SERVERS
from harness.lake.s3 import S3Endpoint
from harness.process import Child
from harness.settings import Settings

KINDS = ("moto", "minio", "minio-binary", "seaweedfs", "command", "url")
COMMAND = "minio server --quiet --address 127.0.0.1:{port} {directory}"


@dataclass(frozen=True)
class Running:
    kind: str
    endpoint: S3Endpoint
    child: Child
    program: str  # what it is, of ``harness.lake.buckets.features.SERVERS``; of any endpoint: ""
    sweep: Callable[[], None]  # what a stack calls at its end

    def does(self, feature: str) -> bool:
        """Whether it has a feature, by the record."""
        # STS is beside any endpoint that is only known by its URL, whatever serves there.
        beside = self.kind == "url" and feature == "sts"
        return self.program in BY_NAME[feature].servers and not beside


def why_not(kind: str) -> str:
    """Why this machine has no server of that kind; empty when it has."""
    programs = {"minio-binary": "minio", "command": "minio", "seaweedfs": "weed"}
    if kind in programs:
        places = [None, str(Path(sys.executable).parent)]
        if not any(shutil.which(programs[kind], path=place) for place in places):
            return f"there is no program {programs[kind]!r} on PATH"
    if kind == "minio":
        return no_engine()
    return ""


def no_engine() -> str:
    """Why there is no Docker engine here; empty when there is one. An engine that is not there is not waited for."""
    try:
        import testcontainers  # noqa: F401
    except ImportError:
        return "testcontainers is not installed"
    with socket.socket(socket.AF_UNIX) as probe:
        address = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
        try:
            probe.connect(address.removeprefix("unix://"))
        except OSError as error:
            return f"no Docker engine answers at {address}: {error.strerror}"
    return ""


@contextlib.contextmanager
def running(kind: str, directory: Path, **settings: object) -> Iterator[Running]:
    """A server of that kind. Raises: ``S3Unavailable``, ``ProcessFailed``."""
    programs = {"minio-binary": "minio", "command": "minio"}
    program = programs.get(kind, kind if kind in SERVERS else "")
    with contextlib.ExitStack() as around:
        if kind == "command":
            settings.setdefault("s3_command", Settings().s3_command or COMMAND)
        if kind == "url":
            other = around.enter_context(running("moto" if why_not("command") else "command", directory / "other"))
            settings["s3"], program = other.endpoint.url, other.program
        chosen = Settings(**{"s3": kind, **settings})
        made = plan(chosen, directory)
        child = Child(made.name, made.module, config=made.config, sockets=made.sockets, log=directory / "s3.log")
        for sock in made.sockets:
            sock.close()
        around.callback(child.stop)
        child.wait_ready()
        yield Running(kind, made.endpoint, child, program, made.sweep)


def needed(kind: str) -> None:
    """Skip where this machine has no such server, with the reason."""
    if reason := why_not(kind):
        pytest.skip(reason)
