"""What these tests need and may not have: a Docker engine, the harness's image, Compose."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from containers.engine import docker
from containers.harness import NAME
from tests.buckets.servers import no_engine


@pytest.fixture(scope="session")
def image() -> str:
    """The harness's image, if it has been built (``python -m containers.harness``)."""
    if reason := no_engine():
        pytest.skip(reason)
    if shutil.which("docker") is None:
        pytest.skip("there is no program 'docker' on PATH")
    name = os.environ.get("HARNESS_IMAGE") or NAME
    if docker("image", "inspect", name, check=False, capture_output=True).returncode:
        pytest.skip(f"the image {name} is not here: python -m containers.harness builds it")
    return name


@pytest.fixture(scope="session")
def compose(image: str) -> list[str]:
    """The command of Docker Compose, 2 or later."""
    command = ["docker", "compose"]
    if subprocess.run([*command, "version"], check=False, capture_output=True).returncode:
        pytest.skip("there is no `docker compose` (Debian: docker-compose 2 or later)")
    return command
