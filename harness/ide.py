"""Debuggers with windows (VS Code, PyCharm): tasks of a stack wait for one to attach, at a port of this machine."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from harness.control import StackFailed, control
from harness.dagrun.connections import Endpoints
from harness.settings import Settings


def require(settings: Settings) -> None:
    """Raises: ``StackFailed`` when the notebooks' Python has no debugpy."""
    python = str(settings.kernel_python or sys.executable)
    try:
        found = subprocess.run([python, "-c", "import debugpy"], capture_output=True, check=False).returncode == 0
    except OSError:
        found = False
    if not found:
        raise StackFailed(
            f"The notebooks' Python ({python}) has no debugpy, which debuggers attach to: install it there, or the "
            "harness with its extra `debugpy`."
        )


def listen(endpoints: Endpoints, port: int) -> int:
    """Have the tasks that start from now on wait for a debugger at a port, one at a time; 0: none. Returns: the port
    that was so far."""
    before: int = control(endpoints, "POST", "debugger/attach", {"port": port})["port"]
    return before


@contextlib.contextmanager
def attachable(endpoints: Endpoints, port: int) -> Iterator[None]:
    """:func:`listen` for a while."""
    before = listen(endpoints, port)
    try:
        yield
    finally:
        with contextlib.suppress(StackFailed):  # the stack may be gone
            listen(endpoints, before)
