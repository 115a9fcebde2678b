"""Task logs: a file a try, as on a worker, instead of everything on the terminal."""

from __future__ import annotations

import bdb
import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO


class Router(io.TextIOBase):
    """What Airflow logs to: the file of the task that runs now, else the file of the process."""

    def __init__(self, fallback: Path) -> None:
        self._fallback = fallback
        self._files: list[TextIO] = []
        self._lock = threading.Lock()
        self.echo: TextIO | None = None

    def write(self, text: str) -> int:
        length = len(text)
        text = masked(text)
        with self._lock:
            if not self._files:
                self._fallback.parent.mkdir(parents=True, exist_ok=True)
                with self._fallback.open("a", encoding="utf-8") as file:
                    file.write(text)
            else:
                self._files[-1].write(text)
                self._files[-1].flush()
        if self.echo is not None:
            self.echo.write(text)
        return length

    def flush(self) -> None:
        """Nothing is held back: a log is read while its task runs."""

    @contextlib.contextmanager
    def to(self, path: Path) -> Iterator[None]:
        """Send everything to ``path`` meanwhile. Nests: a triggered DAG's tasks run inside the task that triggers."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            with self._lock:
                self._files.append(file)
            try:
                yield
            finally:
                with self._lock:
                    self._files.remove(file)


def masked(text: str) -> str:
    """``text`` with ``***`` for what ``mask_secret`` and connections have declared secret, as a worker logs it."""
    if "airflow.sdk.log" not in sys.modules:
        return text  # nothing has been declared yet, and Airflow is still being imported
    from airflow.sdk.log import redact

    return str(redact(text))


class Printed(io.TextIOBase):
    """Standard output or error of a task: into its log, except what a debugger says, which is for the terminal."""

    def __init__(self, router: Router, terminal: TextIO, name: str) -> None:
        self._router = router
        self._terminal = terminal
        self._name = name

    def write(self, text: str) -> int:
        if _debugging():
            # `input()` edits lines only on the real stream, so the debugger gets it for the rest of the task.
            setattr(sys, self._name, self._terminal)
            return self._terminal.write(text)
        return self._router.write(text)

    def flush(self) -> None:
        self._terminal.flush()

    def isatty(self) -> bool:
        return self._terminal.isatty()

    def fileno(self) -> int:
        return self._terminal.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"


@contextlib.contextmanager
def printed_to(router: Router) -> Iterator[None]:
    """Send what is printed to ``router`` meanwhile."""
    stdout, stderr = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Printed(router, stdout, "stdout"), Printed(router, stderr, "stderr")
    try:
        yield
    finally:
        sys.stdout, sys.stderr = stdout, stderr


def _debugging() -> bool:
    return isinstance(getattr(sys.gettrace(), "__self__", None), bdb.Bdb)


def install(fallback: Path) -> Router:
    """Make structlog and the standard library's logging write to files.

    Once a process, since loggers keep the stream that they first wrote to. Returns: the process's router.
    """
    import structlog
    from airflow import settings  # noqa: F401  (it configures logging for itself when it is imported)
    from airflow._shared.logging import configure_logging

    installed = getattr(structlog.get_config()["logger_factory"], "io", None)
    if isinstance(installed, Router):
        return installed
    router = Router(fallback)
    # A worker's log has nothing of the API server's, which answers in this process here.
    configure_logging(output=router, log_level="INFO", colors=False, namespace_log_levels="airflow.api_fastapi=WARNING")
    return router
