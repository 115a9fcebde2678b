"""A Docker engine for as long as it is needed: the one that answers, or one that is started and ended."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

START_SECONDS = 60


class EngineUnavailable(RuntimeError):
    """No Docker engine answers, and none can be started here."""


def docker(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """Run the Docker client. Raises: ``CalledProcessError``, unless ``check=False``."""
    return subprocess.run(["docker", *arguments], **{"check": True, "text": True, **options})  # type: ignore[call-overload]


def answers() -> bool:
    """Whether an engine answers at ``DOCKER_HOST``, or where engines usually are."""
    if shutil.which("docker") is None:
        return False
    return docker("version", "--format", "{{.Server.Version}}", check=False, capture_output=True).returncode == 0


@contextlib.contextmanager
def engine() -> Iterator[None]:
    """A Docker engine: the one that answers, else a ``dockerd`` of our own, ended afterwards.

    Raises: ``EngineUnavailable`` saying what is missing.
    """
    if answers():
        yield
        return
    if shutil.which("docker") is None or shutil.which("dockerd") is None:
        raise EngineUnavailable("no Docker engine answers, and docker or dockerd is not on PATH (Debian: docker.io)")
    if os.getuid() != 0:
        raise EngineUnavailable("no Docker engine answers, and only root may start one: start yours first")
    state = Path(os.environ.get("HARNESS_DOCKER_STATE") or Path.home() / ".cache/airflow-databricks-harness/docker")
    with tempfile.TemporaryDirectory(prefix="harness-docker-") as folder, Path(folder, "log").open("wb") as log:
        socket = f"unix://{folder}/docker.sock"
        process = subprocess.Popen(
            [
                "dockerd",
                "--host",
                socket,
                "--data-root",
                str(state),
                "--exec-root",
                f"{folder}/exec",
                f"--pidfile={folder}/pid",
            ],
            stdout=log,
            stderr=log,
        )
        before = os.environ.get("DOCKER_HOST")
        os.environ["DOCKER_HOST"] = socket
        try:
            clock = threading.Event()
            for _ in range(START_SECONDS * 4):
                if answers():
                    break
                if process.poll() is not None or clock.wait(0.25):
                    raise EngineUnavailable(f"dockerd does not start:\n{Path(folder, 'log').read_text()[-2000:]}")
            yield
        finally:
            process.terminate()
            process.wait(30)
            os.environ.pop("DOCKER_HOST")
            if before is not None:
                os.environ["DOCKER_HOST"] = before
