"""A stack starts whole or not at all, and leaves nothing behind, whatever ends it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from harness.control import StackFailed
from harness.process import bind
from harness.settings import Settings
from harness.stack import Stack

OWNER = Path(__file__).with_name("owner.py")
SECONDS = 20.0

pytestmark = pytest.mark.slow


@dataclass
class Owned:
    process: subprocess.Popen[str]
    children: list[psutil.Process]
    ports: list[int]
    directory: Path

    def named(self, part: str) -> psutil.Process:
        (found,) = [child for child in self.children if any(part in word for word in child.cmdline())]
        return found

    def end(self) -> None:
        """Close the owner's standard input, which ends it in good order."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(SECONDS)


@pytest.fixture
def owned() -> Iterator[Owned]:
    process = subprocess.Popen(
        [sys.executable, str(OWNER)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    facts = json.loads(process.stdout.readline())
    children = [psutil.Process(pid) for pid in facts["pids"]]
    yield Owned(process, children, [urlsplit(url).port or 0 for url in facts["urls"]], Path(facts["directory"]))
    process.stdout.close()
    assert process.stdin is not None
    with contextlib.suppress(OSError):
        process.stdin.close()
    process.kill()
    process.wait()


def assert_nothing_is_left(owned: Owned) -> None:
    _, alive = psutil.wait_procs(owned.children, timeout=SECONDS)
    assert [child.cmdline() for child in alive] == []
    for port in owned.ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert not owned.directory.exists()


def test_a_stack_that_ends_leaves_no_process_port_or_file(owned):
    owned.end()
    assert owned.process.returncode == 0
    assert_nothing_is_left(owned)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_owner_that_is_killed_leaves_no_process_port_or_file(owned, number):
    os.kill(owned.process.pid, number)
    owned.process.wait(SECONDS)
    assert_nothing_is_left(owned)


@pytest.mark.parametrize(
    "part", ["harness.workspace", "the S3 server", "harness.kernel", "io.unitycatalog.harness.Main"]
)
def test_any_process_may_be_killed_and_the_rest_still_ends_in_order(owned, part):
    server = "harness.lake.s3" if Settings().s3 == "moto" else "harness.lake.buckets.server"
    owned.named(part.replace("the S3 server", server)).kill()
    owned.end()
    assert_nothing_is_left(owned)


def test_nobody_else_reads_what_a_stack_keeps(owned):
    assert owned.directory.stat().st_mode & 0o077 == 0


def test_a_port_in_use_is_named():
    with bind() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StackFailed, match=f"cannot listen on 127.0.0.1:{port}"), Stack(Settings(port=port)):
            pass


def test_a_java_that_is_not_there_is_named(tmp_path):
    with Stack(Settings(java_home=tmp_path)) as stack, pytest.raises(StackFailed, match=str(tmp_path)):
        stack.wait_engine()
