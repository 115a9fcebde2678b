"""Places among the kernels that run."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.runner.attempts import Attempt


class Places:
    """How many kernels may run at once. Others wait, and can be called off while they do."""

    def __init__(self, limit: int) -> None:
        self.free = limit
        self._changed = threading.Condition()

    def take(self, attempt: Attempt) -> bool:
        """Wait for a place. Returns: False when the attempt was ended, or its time was up, before there was one."""
        with self._changed:
            # A notebook that another waits for (dbutils.notebook.run) must not wait for that one's place.
            if attempt.run.run_type == "WORKFLOW_RUN":
                self.free -= 1
                return True
            self._changed.wait_for(lambda: attempt.decided() or self.free > 0, attempt.remaining())
            if attempt.decided() or self.free <= 0:
                return False
            self.free -= 1
            return True

    def leave(self) -> None:
        with self._changed:
            self.free += 1
            self._changed.notify_all()

    def wake(self) -> None:
        """Let those who wait look whether they were ended."""
        with self._changed:
            self._changed.notify_all()
