"""An S3 server whose disk is full: its clients hear of an internal error, so that we say what it is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.disk import told_of_full_disk
from tests.buckets.servers import needed

ALONE = ["unshare", "--user", "--map-root-user", "--mount"]
# Run where it may mount a disk of its own, of 24 MB. Parameters: the server, a folder, whether to fill that first.
FILLED = """
import os, subprocess, sys
from pathlib import Path

import psutil
from botocore.exceptions import ClientError

from harness.lake.buckets import S3Unavailable
from harness.lake.buckets.reset import client
from harness.process import ProcessFailed
from harness.settings import Settings
from harness.stack import Stack
from tests.buckets.servers import running

kind, directory, before = sys.argv[1], Path(sys.argv[2]), sys.argv[3] == "before"
(directory / "s3").mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", directory / "s3"], check=True)
if before:
    try:
        (directory / "s3" / "filler").write_bytes(bytes(25 << 20))
    except OSError as error:
        print(error)
try:
    with running(kind, directory) as server:
        stack = Stack(Settings(s3=kind), directory)
        stack._buckets = server.child
        assert stack.full_disk() == ""
        s3 = client(server.endpoint, retries={"total_max_attempts": 1})
        s3.create_bucket(Bucket="full")
        try:
            for number in range(40):
                s3.put_object(Bucket="full", Key=f"k{number}", Body=os.urandom(1 << 20))
        except ClientError as error:
            print(number, error)
        assert s3.get_object(Bucket="full", Key="k0")["ContentLength"] == 1 << 20
        print(stack.full_disk())
except (ProcessFailed, S3Unavailable) as error:
    print(error)
print("left:", psutil.Process().children(recursive=True))
"""


@pytest.fixture(autouse=True)
def disks() -> None:
    """A disk of one's own takes no root, where the system allows namespaces."""
    may = shutil.which("unshare") and subprocess.run([*ALONE, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], check=False)
    if not may or may.returncode:
        pytest.skip("a user may mount nothing here (unshare --user --mount)")


def said(kind: str, directory: Path, when: str) -> str:
    needed(kind)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [*ALONE, sys.executable, "-c", FILLED, kind, str(directory), when],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(root), "HARNESS_PROJECT": str(root)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "left: []"
    return done.stdout


@pytest.mark.parametrize("kind", ["seaweedfs", "minio-binary"])
def test_a_disk_that_fills_is_named_and_what_was_written_before_is_read(tmp_path, kind):
    text = said(kind, tmp_path, "meanwhile")
    assert "InternalError" in text  # all that the client hears
    assert f"The disk of {tmp_path}, where the S3 server keeps its objects, is full" in text


@pytest.mark.parametrize("kind", ["seaweedfs", "minio-binary"])
def test_a_server_that_finds_a_full_disk_says_so_and_nothing_is_left_running(tmp_path, kind):
    text = said(kind, tmp_path, "before")
    assert "is full" in text or "no space left on device" in text.partition("\n")[2]


def test_a_log_tells_of_a_full_disk_since_a_start(tmp_path):
    log = tmp_path / "log"
    assert not told_of_full_disk(log)
    log.write_text("write /x: No space left on device\n")
    assert told_of_full_disk(log)
    assert not told_of_full_disk(log, since=log.stat().st_size)
