"""The image serves, and runs a mounted repository, without a network and without root."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.engine import docker

pytestmark = [pytest.mark.slow, pytest.mark.containers]
PROJECT = Path(__file__).parents[2]
OFFLINE = ["--network", "none", "--volume", f"{PROJECT}:/project:ro"]


@pytest.fixture
def server(image: str) -> Iterator[str]:
    """A container that was told to serve, with its health as it changes on the standard output of another process."""
    name = docker("create", *OFFLINE, image, capture_output=True).stdout.strip()
    yield name
    docker("rm", "--force", "--volumes", name, capture_output=True)


def test_a_container_without_a_network_turns_healthy_on_baked_in_parts_and_is_not_root(server):
    watch = ["docker", "events", "--filter", f"container={server}", "--filter", "event=health_status"]
    with subprocess.Popen([*watch, "--format", "{{.Status}}"], stdout=subprocess.PIPE, text=True) as events:
        late = threading.Timer(240, events.kill)
        late.start()
        try:
            docker("start", server, capture_output=True)
            assert events.stdout is not None
            assert events.stdout.readline().strip() == "health_status: healthy", docker("logs", server)
        finally:
            late.cancel()
            events.kill()
    uid = docker("exec", server, "id", "--user", capture_output=True).stdout.strip()
    assert uid == "10001"
    wait = "import os; from harness.serve import running; from harness.settings import Settings\n"
    wait += "from harness.control import control\n"
    wait += "print(control(running(Settings()).endpoints, 'GET', 'engine?wait=120')['archive'])"
    assert docker("exec", server, "python", "-c", wait, capture_output=True).stdout.strip() == "used"
    assert json.loads(docker("exec", server, "harness", "status", "--json", capture_output=True).stdout)["pid"] == 1
    docker("stop", "--time", "30", server, capture_output=True)
    state = docker("inspect", "--format", "{{.State.ExitCode}}", server, capture_output=True).stdout.strip()
    assert state == "0"  # SIGTERM reaches the stack, and it ends by itself


@pytest.mark.parametrize(
    "command",
    [
        ["--entrypoint", "harness", "IMAGE", "demo"],
        [
            "--entrypoint",
            "python",
            "IMAGE",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "tests/dags/test_pipeline.py",
        ],
    ],
    ids=["demo", "tests"],
)
def test_a_mounted_repository_runs_without_a_network(image, command):
    command = [image if word == "IMAGE" else word for word in command]
    done = docker("run", "--rm", *OFFLINE, *command, check=False, capture_output=True, timeout=900)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
