"""dbt in the environment that `tox -e dbt` makes, on a copy of the project, against the stack over HTTPS."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.dagrun.connections import environment
from harness.stack import Stack

PROJECT = Path(__file__).parent / "project"
SECONDS = 1200

Dbt = Callable[..., str]


@pytest.fixture
def executable() -> str:
    """The ``dbt`` of that environment."""
    found = os.environ.get("HARNESS_TEST_DBT")
    if not found:
        pytest.skip("no environment with dbt-databricks: tox -e dbt makes one (HARNESS_TEST_DBT)")
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project, which dbt writes into."""
    return Path(shutil.copytree(PROJECT, tmp_path / "jaffle_shop"))


@pytest.fixture
def secured(clean_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """The stack, which this process's environment points to over HTTPS."""
    for name, value in environment(clean_stack.endpoints, tls=True).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DBT_SEND_ANONYMOUS_USAGE_STATS", "false")
    return clean_stack


@pytest.fixture
def dbt(executable: str, project: Path, secured: Stack) -> Dbt:
    """Runs a dbt command. Returns: what it printed. ``status``: the exit code that it is to have."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "PYTHON"))}
    command = [executable, "--no-use-colors"]

    def run(*words: str, status: int = 0) -> str:
        done = subprocess.run(
            [*command, *words, "--profiles-dir", str(project)],
            cwd=project,
            env=kept,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert done.returncode == status, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout

    return run
