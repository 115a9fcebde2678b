"""The record of one statement: what it is asked, where it is, what came of it."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import StrEnum

import pyarrow as pa

from harness.lake.sql.failures import Failure
from harness.lake.sql.results import Result
from harness.lake.sql.sessions import Session
from harness.lake.sql.staging import Presign


class State(StrEnum):
    """Where a statement is; the Statement Execution API's words."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    CLOSED = "CLOSED"


@dataclass
class Delivery:
    """How the client that asked takes the rows.

    ``compressed``: LZ4 frames. ``linked``: fetches results by link; ``hybrid``: only large ones. ``form``: what is in
    a linked file, in the Statement Execution API's words. ``patient``: polls without sleeping, so that a poll is held
    a while. ``kind``: the Hive protocol's operation type. ``presign``: how it gets at files of volumes.
    """

    compressed: bool = False
    linked: bool = False
    form: str = "ARROW_STREAM"
    patient: bool = True
    kind: int = 0
    hybrid: bool = False
    presign: Presign | None = None


@dataclass(eq=False)
class Operation:
    """One statement's record. Times are epoch seconds.

    ``done`` completes when the state is final; ``left`` is set when no thread works on it any more.
    """

    session: Session
    statement: str
    id: bytes = field(default_factory=lambda: uuid.uuid4().bytes)
    state: State = State.PENDING
    failure: Failure | None = None
    result: Result | None = None
    started: float = field(default_factory=time.time)
    begun: float | None = None
    completed: float | None = None
    delivery: Delivery = field(default_factory=Delivery)
    offset: int = 0
    seen: float = 0.0
    done: Future[None] = field(default_factory=Future)
    left: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def group(self) -> str:
        """Spark's job group of the statement's jobs."""
        return "sql-" + self.id.hex()

    def begin(self) -> bool:
        """Say that it runs. Returns: ``False`` when it has ended before it began."""
        with self._lock:
            if self.done.done():
                return False
            self.state, self.begun = State.RUNNING, time.time()
            return True

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end. Returns: whether it came within ``seconds``."""
        with contextlib.suppress(TimeoutError):
            self.done.result(seconds)
        return self.done.done()

    def finish(self, state: State, *, result: Result | None = None, why: Failure | None = None) -> bool:
        """Make a state final. Returns: ``False`` when another one already is."""
        with self._lock:
            if self.done.done():
                return False
            self.state, self.result, self.failure, self.completed = state, result, why, time.time()
            self.done.set_result(None)
            return True

    def close(self) -> None:
        """Let the rows of a statement that has succeeded go."""
        with self._lock:
            if self.state is State.SUCCEEDED:
                self.state, self.result = State.CLOSED, None

    def page(self, most_rows: int | None, most_bytes: int | None) -> tuple[int, pa.Table, bool]:
        """The next rows. Returns: the first one's place, the rows, whether more follow."""
        assert self.result is not None
        table = self.result.table
        count = table.num_rows - self.offset
        if most_rows and most_rows > 0:
            count = min(count, most_rows)
        if most_bytes and table.num_rows and table.nbytes:
            count = min(count, max(1, int(most_bytes / (table.nbytes / table.num_rows))))
        start, self.offset = self.offset, self.offset + count
        return start, table.slice(start, count), self.offset < table.num_rows
