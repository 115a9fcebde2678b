"""What containers need and is not here is named, and nothing is left running."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from containers import harness, minio
from containers.engine import EngineUnavailable
from tests.buckets.servers import no_engine

PROJECT = Path(__file__).parents[2]


def test_without_docker_what_prepares_containers_says_what_to_install(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "containers"],
        cwd=PROJECT,
        env={**os.environ, "PATH": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/no.sock"},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == ("no Docker engine answers, and docker or dockerd is not on PATH (Debian: docker.io)")


@pytest.mark.containers
def test_an_image_that_was_named_and_is_not_here_is_not_replaced_by_another(monkeypatch):
    if reason := no_engine():
        pytest.skip(reason)
    monkeypatch.setenv("HARNESS_IMAGE", "no-such/harness:1")
    monkeypatch.setenv("HARNESS_S3_IMAGE", "no-such/minio:1")
    with pytest.raises(
        EngineUnavailable, match="no-such/harness:1 is not here: docker pull it, or unset HARNESS_IMAGE"
    ):
        harness.image()
    with pytest.raises(
        EngineUnavailable, match="no-such/minio:1 is not here: docker pull it, or unset HARNESS_S3_IMAGE"
    ):
        minio.image()


def test_an_image_of_other_files_is_another(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "ROOT", tmp_path)
    for source in harness.SOURCES:
        (tmp_path / source).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / source).write_text(source)
    before = harness.digest()
    (tmp_path / "containers" / "other.py").write_text("of no account")
    assert harness.digest() == before
    (tmp_path / "Dockerfile").write_text("FROM another")
    assert harness.digest() != before
