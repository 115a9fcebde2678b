"""Telling a full disk from other errors."""

from __future__ import annotations

import errno
import sqlite3


def disk_is_full(error: BaseException | None) -> bool:
    """Whether an exception, or one it follows from, is about a disk without room, as the system or SQLite says it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if isinstance(error, sqlite3.OperationalError) and "disk is full" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False
