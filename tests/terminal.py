"""A terminal for a command that wants one: what a person would type, and see."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

# Makes the terminal the one whose Ctrl-C reaches the command.
OWN = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][0-9A-B]|\x1b[=>]")
CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\r"
SECONDS = 120.0


class Terminal:
    """A command at a terminal of its own. ``process``: the command's; its output is what has been seen so far."""

    def __init__(self, command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWN, *command],
            cwd=cwd,
            # Else prompts ask the terminal where their cursor is, and wait for its answer.
            env={**env, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def see(self, pattern: str) -> None:
        """Wait until a pattern is shown, after what was seen before. Raises: ``AssertionError`` when it is not."""
        deadline, shown = time.monotonic() + SECONDS, ""
        while (found := re.search(pattern, shown)) is None:
            readable, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
            assert readable, f"not shown: {pattern}; but: {self.seen}{shown}"
            shown += CONTROL.sub("", os.read(self._ours, 65536).decode(errors="replace"))
        self.seen += shown[: found.end()]
