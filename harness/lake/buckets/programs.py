"""An S3 server that is a program of this machine, such as MinIO or SeaweedFS."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 3.0


class Program:
    """A program that was started, and ends with us whatever ends us.

    Parameters: ``argv``; ``environment`` (added to ours); ``leaves`` (files that it does not remove itself);
    ``abrupt`` (it is not asked first: what it has acknowledged is written, and asking takes it ten seconds).
    Raises: ``SystemExit`` when it cannot be started.
    """

    def __init__(
        self, argv: Sequence[str], environment: dict[str, str], leaves: Sequence[str] = (), abrupt: bool = False
    ) -> None:
        self._name = argv[0]
        self._leaves = leaves
        self._abrupt = abrupt
        libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        parent = os.getpid()

        def die_with_us() -> None:
            if libc is not None:
                libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                if os.getppid() != parent:
                    os._exit(1)

        try:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **environment},
                preexec_fn=die_with_us,
            )
        except OSError as error:
            raise SystemExit(f"{argv[0]} cannot be started: {error.strerror}") from None

    def ended(self) -> str | None:
        code = self._process.poll()
        return None if code is None else f"{self._name} ended with code {code}"

    def stop(self) -> None:
        if self._abrupt:
            self._process.kill()
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for path in self._leaves:
            with contextlib.suppress(OSError):
                Path(path).unlink()
