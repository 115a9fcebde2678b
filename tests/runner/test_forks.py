from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from harness.runner.channel import Channel, ChannelClosed
from harness.runner.forks import Forks, kernel_environment


def test_an_interpreter_without_the_libraries_is_told_with_what_it_misses(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    forks = Forks(tmp_path, str(python), kernel_environment(tmp_path, str(python)))
    forks.start()
    with pytest.raises(ChannelClosed, match="No module named") as caught:
        forks.fork(tmp_path / "spec.json", tmp_path, tmp_path / "log.txt")
    assert "fork server of the notebooks" in str(caught.value)
    forks.stop()


def test_all_who_wait_for_a_server_that_does_not_start_are_told_why(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    environment = kernel_environment(tmp_path, str(python))
    channel = Channel(
        "The server",
        "harness.kernel",
        log=tmp_path / "log.txt",
        take=lambda report: None,
        lost=lambda: None,
        python=str(python),
        env=environment,
    )
    for _ in range(2):
        with pytest.raises(ChannelClosed, match="No module named"):
            channel.wait_ready()
    channel.stop()


def test_after_the_end_nothing_is_forked(tmp_path: Path) -> None:
    forks = Forks(tmp_path, sys.executable, kernel_environment(tmp_path, sys.executable))
    forks.start()
    forks.stop()
    with pytest.raises(ChannelClosed, match="stopped"):
        forks.fork(tmp_path / "spec.json", tmp_path, tmp_path / "log.txt")


def test_a_process_is_killed_even_in_the_moment_it_is_forked(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "spec.json")  # whoever reads it waits for ever
    forks = Forks(tmp_path, sys.executable, kernel_environment(tmp_path, sys.executable))
    forks.start()
    for _ in range(20):
        fork = forks.fork(tmp_path / "spec.json", tmp_path, tmp_path / "log.txt")
        fork.kill()
        assert fork.wait(10)
        assert fork.code == -signal.SIGKILL
    forks.stop()


def test_kernels_inherit_no_way_to_a_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "AWS_SECRET_ACCESS_KEY",
        "AWS_PROFILE",
        "AZURE_CLIENT_ID",
        "DATABRICKS_TOKEN",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ):
        monkeypatch.setenv(name, "production")
    monkeypatch.setenv("KEPT", "yes")
    environment = kernel_environment(tmp_path, sys.executable)
    assert "production" not in environment.values()
    assert environment["KEPT"] == "yes"


def test_another_interpreter_sees_the_harness_and_none_of_our_libraries(tmp_path: Path) -> None:
    environment = kernel_environment(tmp_path, "/usr/bin/other-python")
    folder = Path(environment["PYTHONPATH"].split(":")[0])
    assert [path.name for path in folder.iterdir()] == ["harness"]
    assert (folder / "harness" / "kernel" / "__main__.py").is_file()
