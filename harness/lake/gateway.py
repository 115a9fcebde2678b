"""The JVM as a process: started, spoken to, watched, ended."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from py4j.protocol import Py4JError

import harness
from harness.lake.attach import connect
from harness.lake.java import Java
from harness.process import kill_group, tail

MAIN = "io.unitycatalog.harness.Main"


class JvmFailed(RuntimeError):
    """The JVM ended before it could be spoken to. The message carries the end of its log."""


@dataclass
class Jvm:
    """A running JVM. ``gateway``: py4j's; its entry point is the shim's ``Main``."""

    process: subprocess.Popen[bytes]
    gateway: Any
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def dead(self) -> bool:
        """Whether it has died, noticed by its watcher or not."""
        try:
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:  # the watcher has noticed
            return True

    def session(self) -> Any:
        """Spark's root session (Java). Waits until Spark is up."""
        return self.gateway.entry_point.session()

    def stop(self, timeout: float) -> int:
        """Close its lifeline; kill it if it is still there after ``timeout`` seconds. Returns: the exit code."""
        # py4j would report each connection that breaks. In a thread: a JVM that hangs does not answer.
        goodbye = threading.Thread(target=self._say_goodbye, daemon=True)
        goodbye.start()
        goodbye.join(1.0)
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it may be dead
            self.process.stdin.close()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return end(self.process)

    def _say_goodbye(self) -> None:
        with contextlib.suppress(Py4JError, OSError):
            self.gateway.shutdown()

    def obituary(self) -> str:
        """Why it is dead: its code or signal, and the end of its log."""
        code = self.process.wait()
        if self.process.stdin is not None:
            self.process.stdin.close()
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        return f"The Spark JVM (pid {self.pid}) {how}.\n{self.log} ends with:\n{tail(self.log)}"


def launch(
    java: Java,
    flags: Sequence[str],
    classpath: Sequence[Path],
    settings: Mapping[str, Any],
    directory: Path,
    begun: Callable[[subprocess.Popen[bytes]], None] = lambda process: None,
) -> Jvm:
    """Start a JVM and connect to it; Spark comes up in it meanwhile.

    Parameters: ``java``, ``flags``, ``classpath`` (in this order: the class archive depends on it), ``settings`` (for
    ``Main``: ``conf``, ``catalog_url``, ``catalog_token``, ``orderly_end``), ``directory`` (its working directory),
    ``begun`` (called with the process before anything is awaited of it).
    Raises: ``JvmFailed``.
    """
    log = directory / "jvm.log"
    secret = secrets.token_hex(32)
    with log.open("ab") as out:
        process = subprocess.Popen(
            [str(java.executable), *flags, "-cp", os.pathsep.join(map(str, classpath)), MAIN],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=out,
            cwd=directory,
            env=environment(os.environ),
            start_new_session=True,
        )
    assert process.stdin is not None
    assert process.stdout is not None
    begun(process)
    try:
        process.stdin.write(json.dumps({**settings, "secret": secret}).encode() + b"\n")
        process.stdin.flush()
        return Jvm(process, connect(int(process.stdout.readline()), secret), log)
    except (BrokenPipeError, ValueError):
        end(process)
        raise JvmFailed(f"The Spark JVM did not start.\n{log} ends with:\n{tail(log)}") from None
    except BaseException:
        end(process)
        raise
    finally:
        process.stdout.close()


def end(process: subprocess.Popen[bytes]) -> int:
    """Kill a JVM and take note of its end. Returns: the exit code."""
    kill_group(process.pid)
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError):  # what could not be written any more
            process.stdin.close()
    return process.wait()


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The JVM's environment, which Spark's Python workers inherit.

    Without ``SPARK_HOME``: workers would import pyspark from its zip there, which has no byte code: 1.9 s instead of
    1.1 s for the first UDF (measured). With the harness on ``PYTHONPATH``, for the workers' daemon.
    """
    dropped = ("SPARK_HOME", "SPARK_CONF_DIR", "SPARK_REMOTE", "PYSPARK_SUBMIT_ARGS")
    kept = {name: value for name, value in environ.items() if name not in dropped}
    package = str(Path(harness.__file__).parents[1])
    path = [package, *filter(None, kept.get("PYTHONPATH", "").split(os.pathsep))]
    return {**kept, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "SPARK_LOCAL_IP": "127.0.0.1"}
