"""What a worker process of its own gives every task, and one process for all of them has to give back.

In production each try is a new process: its environment, its working directory, its signal handlers and its caches end
with it. Under ``dag.test()`` they would leak into the next task, or into the test itself.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any
from unittest.mock import patch

TASK_RUNNER = "airflow.sdk.execution_time.task_runner"
# How long a task may take to leave once its execution_timeout is over, before it is told again.
LEAVE_SECONDS = 5.0
SOON = 0.01


@contextlib.contextmanager
def task_process() -> Iterator[None]:
    """Environment, working directory, timers, object stores and boto3's own session of one try."""
    environment, folder = dict(os.environ), os.getcwd()
    forget_listings()
    with timers_kept(), default_session_kept():
        try:
            yield
        finally:
            os.chdir(folder)
            if os.environ != environment:
                os.environ.clear()
                os.environ.update(environment)


@contextlib.contextmanager
def params_kept(dags: Iterable[Any]) -> Iterator[None]:
    """Give back ``dag.params`` and ``task.params`` as they were: a run's ``conf`` is written into them."""
    owners = [owner for dag in dags for owner in (dag, *(task for task in dag.tasks if not task.is_mapped))]
    kept = [(owner, copy.deepcopy(owner.params)) for owner in owners if owner.params]
    try:
        yield
    finally:
        for owner, params in kept:
            owner.params = params


@contextlib.contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM end the process, after the running task's ``on_kill``, and give the handler back afterwards.

    Airflow's in-process task runner installs a handler that only calls ``on_kill`` and leaves it there, so that
    ``timeout 60 pytest`` and a cancelled CI job do not end the process (measured: 8 minutes).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    kept = signal.getsignal(signal.SIGTERM) or signal.SIG_DFL
    install = signal.signal

    def install_terminating(number: int, handler: Any) -> Any:
        if number == signal.SIGTERM and getattr(handler, "__module__", "") == TASK_RUNNER:
            return install(number, terminating(handler))
        return install(number, handler)

    def terminating(on_kill: Callable[[int, FrameType | None], object]) -> Callable[[int, FrameType | None], None]:
        def terminate(number: int, frame: FrameType | None) -> None:
            on_kill(number, frame)
            install(number, kept)
            signal.raise_signal(number)

        return terminate

    try:
        with patch.object(signal, "signal", install_terminating):
            yield
    finally:
        install(signal.SIGTERM, kept)


@contextlib.contextmanager
def lasting_timeouts() -> Iterator[None]:
    """Let an ``execution_timeout`` end its task even where its exception is lost.

    Python drops what is raised in a finaliser, and each poll of the provider ends in some that close its connection.
    Airflow raises once: a timeout that falls into such a moment is over (measured: 300 s instead of 0.5).
    """
    from airflow.sdk.exceptions import AirflowTaskTimeout
    from airflow.sdk.execution_time.timeout import TimeoutPosix

    handle, report = TimeoutPosix.handle_timeout, sys.unraisablehook

    def handle_timeout(timeout: Any, number: int, frame: FrameType | None) -> None:
        signal.setitimer(signal.ITIMER_REAL, LEAVE_SECONDS)  # Airflow switches it off as it leaves
        handle(timeout, number, frame)

    def dropped(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, AirflowTaskTimeout):
            signal.setitimer(signal.ITIMER_REAL, SOON)
        else:
            report(unraisable)

    with patch.object(TimeoutPosix, "handle_timeout", handle_timeout), patch.object(sys, "unraisablehook", dropped):
        yield


@contextlib.contextmanager
def left_open() -> Iterator[None]:
    """Close what tasks leave open (the Databricks provider leaves sessions), as the end of their process would.

    Else the garbage collector finds it during some later test, whose warning filter may make a failure of that.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()


@contextlib.contextmanager
def default_session_kept() -> Iterator[None]:
    """Let ``boto3.client()`` read the environment anew, and give back the session that was there.

    boto3 keeps one for the life of a process, with the credentials it once found.
    """
    before = _default_session(None)
    try:
        yield
    finally:
        _default_session(before)


def _default_session(session: Any) -> Any:
    """Set it. Returns: the one before; ``None`` where there is none, or no boto3 yet."""
    boto3 = sys.modules.get("boto3")
    if boto3 is None:
        return None
    before = vars(boto3)["DEFAULT_SESSION"]
    vars(boto3)["DEFAULT_SESSION"] = session
    return before


def forget_listings() -> None:
    """Drop the listings that fsspec keeps for the life of a process.

    Else a task does not see what another client wrote meanwhile: ``exists()`` is false, ``iterdir()`` is stale, and an
    object that was overwritten is expired (measured, design/airflow.md 5).
    """
    stores = sys.modules.get("airflow.sdk.io.store")
    systems = [vars(store).get("fs") for store in stores._STORE_CACHE.values()] if stores is not None else []
    if (s3fs := sys.modules.get("s3fs")) is not None:
        systems += s3fs.S3FileSystem._cache.values()
    for system in systems:
        if system is not None:
            system.invalidate_cache()


def forget_stores() -> None:
    """Drop the object stores themselves, which go on using the endpoint that they first saw."""
    if (stores := sys.modules.get("airflow.sdk.io.store")) is not None:
        stores._STORE_CACHE.clear()
    if (s3fs := sys.modules.get("s3fs")) is not None:
        s3fs.S3FileSystem.clear_instance_cache()


@contextlib.contextmanager
def timers_kept() -> Iterator[None]:
    """Give back the real-time timer: ``execution_timeout`` and the import of DAG files switch off pytest-timeout's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.getsignal(signal.SIGALRM)
    remaining, interval = signal.getitimer(signal.ITIMER_REAL)
    started = time.monotonic()
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)
        if remaining:
            left = remaining - (time.monotonic() - started)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.001), interval)
