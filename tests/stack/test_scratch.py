"""Folders in /tmp end with their process, or are removed by the next that makes one."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness.scratch import scratch

OWNER = """
import sys
from harness.scratch import scratch
with scratch("harness-test") as folder:
    (folder / "kept").touch()
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    env = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def folder_of(owner: subprocess.Popen[str]) -> Path:
    assert owner.stdout is not None
    return Path(owner.stdout.readline().strip())


def test_a_folder_is_ours_alone_and_goes_at_the_end(owner):
    folder = folder_of(owner)
    assert (folder / "kept").exists()
    assert folder.stat().st_mode & 0o077 == 0
    owner.communicate()
    assert not folder.exists()


def test_what_a_killed_process_left_goes_when_the_next_makes_one_and_not_before(owner):
    left = folder_of(owner)
    with scratch("harness-test") as mine:
        assert left.exists(), "its process lives"
        owner.kill()
        owner.wait()
        assert left.exists()
        with scratch("harness-test") as again:
            assert [path for path in (left, mine, again) if path.exists()] == [mine, again]
        with scratch("harness-other"):
            assert mine.exists()
    assert not mine.exists()
