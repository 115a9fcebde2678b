"""A stack that stays: what ``harness up`` starts and ``harness down`` stops.

One process owns the stack and holds a lock on the state folder for as long as it lives, so that two never write one
state, and a lock left behind is impossible: the kernel drops it with the process, even after ``kill -9``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from harness.dagrun.connections import Endpoints
from harness.process import STOP_SECONDS, tail
from harness.settings import Settings
from harness.stack import Stack

START_SECONDS = 120


class NotRunning(RuntimeError):
    """No stack is up for this project."""


class AlreadyRunning(RuntimeError):
    """A stack is up for this project."""


@dataclass(frozen=True)
class Running:
    """A stack that is up: the process that owns it, and how to reach it."""

    pid: int
    endpoints: Endpoints


def serve(settings: Settings) -> None:
    """Own a stack until SIGTERM or SIGINT.

    Raises: ``AlreadyRunning``; ``StackFailed``.
    """
    state = settings.path(settings.state)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    record = state / "stack.json"
    with locked(state):
        # One that was killed left its own: its number may be another process's by now.
        record.unlink(missing_ok=True)
        _serve(settings, state, record, stop)


def _serve(settings: Settings, state: Path, record: Path, stop: threading.Event) -> None:
    with Stack(settings, state / "stack") as stack:
        write_private(record, json.dumps({"pid": os.getpid(), "endpoints": asdict(stack.endpoints)}))
        try:
            print("ready", flush=True)
            stop.wait()
        finally:
            record.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold the state folder for this process. Raises: ``AlreadyRunning``."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"a stack is already up for {state}: see `harness status`") from None
        yield


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, at once or not at all."""
    part = path.with_suffix(".part")
    with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    part.replace(path)


def running(settings: Settings) -> Running:
    """The stack that is up. Raises: ``NotRunning``."""
    state = settings.path(settings.state)
    try:
        with locked(state):
            pass
    except AlreadyRunning:
        with contextlib.suppress(OSError, ValueError, KeyError):
            document = json.loads((state / "stack.json").read_text())
            return Running(document["pid"], Endpoints(**document["endpoints"]))
        raise NotRunning(f"the stack of {state} is still starting, or stopping") from None
    raise NotRunning(f"no stack is up for {state}: start one with `harness up`")


def start(settings: Settings) -> Running:
    """Start a stack in the background and wait until it serves.

    Raises: ``AlreadyRunning``; ``StackFailed`` with the end of its log.
    """
    from harness.control import StackFailed

    state = settings.path(settings.state)
    with locked(state):
        pass
    log = state / "logs" / "stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    # Not among the arguments, which everybody on this machine can read: the settings hold secrets.
    with contextlib.suppress(BrokenPipeError), process.stdin:
        process.stdin.write(settings.model_dump_json().encode())
    timer = threading.Timer(START_SECONDS, process.terminate)
    timer.start()
    try:
        said = process.stdout.readline()
    finally:
        timer.cancel()
        process.stdout.close()
    if said.strip() != b"ready":
        process.wait()
        raise StackFailed(f"the stack did not start.\n{tail(log)}")
    return running(settings)


def stop(settings: Settings) -> None:
    """Stop the stack that is up, and wait until its processes are gone.

    Raises: ``NotRunning``.
    """
    owner = psutil.Process(running(settings).pid)
    family = [owner, *owner.children(recursive=True)]
    owner.terminate()
    _, alive = psutil.wait_procs(family, timeout=3 * STOP_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


if __name__ == "__main__":
    from harness.control import StackFailed

    try:
        serve(Settings.model_validate_json(sys.stdin.read()))
    except (AlreadyRunning, StackFailed) as failure:
        raise SystemExit(str(failure)) from None
