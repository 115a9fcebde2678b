"""Telling a full disk from other errors, and from what a server said in its log."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

# How the C library, and Go and Rust after it, call ENOSPC; EDQUOT.
WORDS = (b"no space left on device", b"disk quota exceeded")
LAST = 1 << 20


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an exception, or one it follows from, is about a disk without room, as the system or SQLite says it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def told_of_full_disk(log: Path, since: int = 0) -> bool:
    """Whether a log tells of a disk without room.

    Parameters: ``since``: the byte from which it is read; of more than a megabyte, the last one.
    """
    try:
        with log.open("rb") as file:
            file.seek(max(since, log.stat().st_size - LAST))
            text = file.read().lower()
    except OSError:
        return False
    return any(words in text for words in WORDS)
