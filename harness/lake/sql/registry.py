"""What the SQL endpoint holds: sessions and statements by id, and results up to a ceiling."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from harness.lake.sql.failures import Failure
from harness.lake.sql.records import Operation
from harness.lake.sql.sessions import Session, SessionLost

IDLE_SECONDS = 3600.0
RESULT_BYTES = 1 << 30


class Registry:
    """Sessions and statements.

    Parameters: ``idle``, seconds after which an unused session goes; ``ceiling``, bytes of results held at most;
    ``clock``, what idleness is measured by.
    """

    def __init__(
        self,
        idle: float = IDLE_SECONDS,
        ceiling: int = RESULT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.idle = idle
        self.ceiling = ceiling
        self.clock = clock
        self._sessions: dict[bytes, Session] = {}
        self._operations: dict[bytes, Operation] = {}
        self._lost: dict[bytes, Failure] = {}
        self._lock = threading.Lock()

    def status(self) -> dict[str, Any]:
        """How many sessions there are, statements that run, and bytes of results held.

        ``warehouses``: the sessions of each; of those that are one statement's own, those whose statement runs.
        """
        with self._lock:
            operations, sessions = list(self._operations.values()), list(self._sessions.values())
        running = [operation for operation in operations if not operation.done.done()]
        busy = {operation.session.id for operation in running}
        return {
            "sessions": len(sessions),
            "running": len(running),
            "result_bytes": sum(operation.result.size for operation in operations if operation.result),
            "warehouses": Counter(s.warehouse for s in sessions if not s.brief or s.id in busy),
        }

    # -- sessions -------------------------------------------------------------------------------

    def add_session(self, session: Session) -> None:
        """Take up a new session."""
        session.seen = self.clock()
        with self._lock:
            # A pool each, and no more of them than there were sessions at once: Spark keeps every pool for good.
            taken = {other.pool for other in self._sessions.values()}
            session.pool = next(pool for n in itertools.count() if (pool := f"sql-{n}") not in taken)
            self._sessions[session.id] = session

    def release(self, session: Session) -> None:
        """Let a session's Spark session and its pool go; its statements, and their results, stay."""
        with self._lock:
            session.release()
            session.pool = ""

    def session(self, session_id: bytes) -> Session:
        """The session of an id, marked as used. Raises: ``SessionLost``, saying why when the engine took it down."""
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionLost(self._lost.get(session_id, Failure("no such session")))
        session.seen = self.clock()
        return session

    def sessions(self) -> list[Session]:
        """Every session."""
        with self._lock:
            return list(self._sessions.values())

    def idle_sessions(self) -> list[Session]:
        """The sessions that nobody has used for ``idle`` seconds and in which nothing runs."""
        edge = self.clock() - self.idle
        with self._lock:
            busy = {op.session.id for op in self._operations.values() if not op.done.done()}
            return [s for s in self._sessions.values() if s.seen < edge and s.id not in busy]

    def pop(self, session_id: bytes) -> list[Operation]:
        """Forget a session. Returns: its statements, forgotten too."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
            gone = [op for op in self._operations.values() if op.session is session]
            for operation in gone:
                del self._operations[operation.id]
        return gone

    def lose(self, why: Failure) -> list[Operation]:
        """Forget every session that has been made: the engine is gone. Returns: their statements."""
        with self._lock:
            for session in [s for s in self._sessions.values() if s.connected]:
                session.lose(why)
                del self._sessions[session.id]
                self._lost[session.id] = why
            return [op for op in self._operations.values() if op.session.lost is not None]

    # -- statements -----------------------------------------------------------------------------

    def add(self, operation: Operation) -> None:
        """Take up a new statement."""
        operation.seen = self.clock()
        with self._lock:
            self._operations[operation.id] = operation

    def operation(self, operation_id: bytes) -> Operation | None:
        """The statement of an id, it and its session marked as used."""
        operation = self._operations.get(operation_id)
        if operation is not None:
            operation.seen = operation.session.seen = self.clock()
        return operation

    def remove(self, operation: Operation) -> None:
        """Forget a statement."""
        with self._lock:
            self._operations.pop(operation.id, None)

    def make_room(self, size: int) -> None:
        """Keep results below the ceiling: those nobody asked for longest go first. Raises: ``MemoryError``."""
        if size > self.ceiling:
            raise MemoryError(f"the result takes {size} bytes; the SQL endpoint holds at most {self.ceiling}")
        with self._lock:
            held = sorted((op for op in self._operations.values() if op.result), key=lambda op: op.seen)
            total = sum(op.result.size for op in held if op.result)
        for other in held:
            if total + size <= self.ceiling:
                return
            total -= other.result.size if other.result else 0
            other.close()
