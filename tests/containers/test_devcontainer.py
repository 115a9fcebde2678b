"""The devcontainer, by the reference client of its specification, on the image that has been built."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from containers.engine import docker

pytestmark = [pytest.mark.slow, pytest.mark.containers]
PROJECT = Path(__file__).parents[2]


@pytest.fixture
def inside(image: str, tmp_path: Path) -> Iterator[Callable[..., subprocess.CompletedProcess[str]]]:
    """Runs a command in the devcontainer, as an editor's terminal does."""
    program = shutil.which("devcontainer")
    if program is None:
        pytest.skip("there is no program 'devcontainer' on PATH (npm: @devcontainers/cli)")
    text = (PROJECT / ".devcontainer" / "devcontainer.json").read_text()
    given = json.loads(re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
    assert (PROJECT / ".devcontainer" / given.pop("build")["dockerfile"]).samefile(PROJECT / "Dockerfile")
    # All but the build, of which the image is: test_image.py.
    config = tmp_path / "devcontainer.json"
    config.write_text(json.dumps({**given, "image": image, "updateRemoteUserUID": False}))
    label = f"airflow-databricks-harness.test={tmp_path.name}"
    where = ["--workspace-folder", str(PROJECT), "--config", str(config), "--id-label", label]

    def call(verb: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = [program, verb, *where, *words]
        return subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)

    try:
        up = call("up")
        assert up.returncode == 0, up.stdout + up.stderr
        yield lambda *words: call("exec", *words)
    finally:
        left = docker("ps", "--all", "--quiet", "--filter", f"label={label}", capture_output=True).stdout.split()
        docker("rm", "--force", "--volumes", *left, check=False, capture_output=True)


def test_the_repository_is_open_in_it_and_nothing_is_missing(inside):
    doctor = inside("harness", "doctor")
    assert doctor.returncode == 0, doctor.stdout + doctor.stderr
    which = inside("python", "-c", "import getpass, harness; print(getpass.getuser(), harness.__path__[0])")
    assert which.stdout.split() == ["harness", f"/workspaces/{PROJECT.name}/harness"], which.stderr
    assert "dags" in inside("ls").stdout.split()
