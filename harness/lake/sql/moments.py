"""Moments as ``DESCRIBE`` writes them."""

from __future__ import annotations

import time


def moment(milliseconds: int) -> str:
    """Epoch milliseconds as Spark's DESCRIBE EXTENDED writes a moment, in UTC."""
    return time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(milliseconds / 1000))
