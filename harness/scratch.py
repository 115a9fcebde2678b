"""Folders in /tmp that are gone with the process that made them, or else with the next one that makes such a folder."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch(prefix: str) -> Iterator[Path]:
    """A new folder that only its owner reads, removed at the end.

    A process that was killed leaves its own: those of the same ``prefix`` that no process holds any more go first. Held
    means locked, so that neither process numbers nor times matter, and forks of ours keep it too.
    Raises: ``OSError`` where none can be made.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}-*"):
        if (lock := _lock(left)) is not None:
            shutil.rmtree(left, ignore_errors=True)
            os.close(lock)
    lock = None
    while lock is None:  # another process may take a new one, not locked yet, for one that was left
        folder = Path(tempfile.mkdtemp(prefix=f"{prefix}-"))
        lock = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _lock(folder: Path) -> int | None:
    """The folder's lock, or None: another process has it, it is another user's, or it is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(folder).st_ino == os.fstat(lock).st_ino:
            return lock
    except OSError:
        pass
    os.close(lock)
    return None
