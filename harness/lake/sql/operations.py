"""Statements at work: submitted, waited for, cancelled, paged, forgotten. Nothing of HTTP or Thrift here.

Only this module's threads touch the JVM; whoever asks from a web thread gets a record that changes under them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.sql import SparkSession

from harness.lake.paths import WorkspacePaths
from harness.lake.sql import frontend
from harness.lake.sql.failures import Failure, failure
from harness.lake.sql.parameters import Parameter, arguments
from harness.lake.sql.records import Delivery, Operation, State
from harness.lake.sql.results import Result, collect
from harness.lake.sql.sessions import Session, SessionLost, SparkEngine
from harness.lake.sql.types import Native

# Longest wait for the engine: below the SQL connector's socket timeout of 900 s.
BOOT_SECONDS = 850.0
IDLE_SECONDS = 3600.0
RESULT_BYTES = 1 << 30
WORKERS = 32
WAITERS = 128
INTERRUPTERS = 8
CANCEL_SECONDS = 0.25
OBITUARY_SECONDS = 10.0


Work = Callable[[SparkSession], Result]


class SqlEngine:
    """Sessions and their statements on one engine.

    Parameters: ``paths``, where ``/Volumes`` and ``/Workspace`` rest; ``idle``, seconds after which an unused session
    goes; ``ceiling``, bytes of results held at most; ``clock``, what idleness is measured by.
    """

    def __init__(
        self,
        engine: SparkEngine,
        paths: WorkspacePaths | None = None,
        *,
        idle: float = IDLE_SECONDS,
        ceiling: int = RESULT_BYTES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.engine = engine
        self.paths = paths
        self.idle = idle
        self.ceiling = ceiling
        self.clock = clock
        self._sessions: dict[bytes, Session] = {}
        self._operations: dict[bytes, Operation] = {}
        self._lost: dict[bytes, Failure] = {}
        self._lock = threading.Lock()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="sql")
        # For who waits on a statement without being a coroutine; the threads here never touch the JVM.
        self.waiters = ThreadPoolExecutor(WAITERS, thread_name_prefix="sql-wait")
        # Apart, so that a cancel does not queue behind what it is to cancel.
        self._interrupters = ThreadPoolExecutor(INTERRUPTERS, thread_name_prefix="sql-cancel")
        engine.on_crash(self._crashed)
        # PySpark logs a JSON document with a Java stack for every error a user makes.
        for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def stop(self) -> None:
        """Cancel everything and let the threads go."""
        self.reset()
        for pool in (self._workers, self._interrupters, self.waiters):
            pool.shutdown(wait=False, cancel_futures=True)

    def reset(self) -> None:
        """Close every session."""
        for session in list(self._sessions.values()):
            self.close(session.id)

    def status(self) -> dict[str, int]:
        """How many sessions there are, statements that run, and bytes of results held."""
        with self._lock:
            operations = list(self._operations.values())
        return {
            "sessions": len(self._sessions),
            "running": sum(not operation.done.done() for operation in operations),
            "result_bytes": sum(operation.result.size for operation in operations if operation.result),
        }

    # -- sessions -------------------------------------------------------------------------------

    def open(
        self,
        warehouse: str,
        catalog: str | None = None,
        schema: str | None = None,
        configuration: Mapping[str, str] | None = None,
    ) -> Session:
        """Open a session; its Spark session is made when its first statement runs, or by :meth:`connect`."""
        self.reap()
        session = Session(warehouse, catalog, schema, dict(configuration or {}), self.clock())
        with self._lock:
            self._sessions[session.id] = session
        return session

    def connect(self, session: Session) -> Failure | None:
        """Wait for the engine and make a session's Spark session. Returns: why it could not be made."""
        return self._workers.submit(self._connect, session).result()

    def session(self, session_id: bytes) -> Session:
        """The session of an id, marked as used. Raises: ``SessionLost``, saying why when the engine took it down."""
        session = self._sessions.get(session_id)
        if session is None:
            raise SessionLost(self._lost.get(session_id, Failure("no such session")))
        session.seen = self.clock()
        return session

    def close(self, session_id: bytes) -> None:
        """Forget a session and its statements, cancelling those that run."""
        with self._lock:
            session = self._sessions.pop(session_id, None)
            gone = [op for op in self._operations.values() if op.session is session]
            for operation in gone:
                del self._operations[operation.id]
        for operation in gone:
            self.cancel(operation)

    def reap(self) -> None:
        """Close the sessions that nobody has used for ``idle`` seconds and in which nothing runs."""
        edge = self.clock() - self.idle
        with self._lock:
            busy = {op.session.id for op in self._operations.values() if not op.done.done()}
            dead = [s.id for s in self._sessions.values() if s.seen < edge and s.id not in busy]
        for session_id in dead:
            self.close(session_id)

    # -- statements -----------------------------------------------------------------------------

    def submit(
        self,
        session: Session,
        statement: str,
        *,
        parameters: Sequence[Parameter] = (),
        native: Native | None = None,
        limit: int | None = None,
        timeout: float | None = None,
        delivery: Delivery | None = None,
        work: Work | None = None,
    ) -> Operation:
        """Start a statement; returns at once.

        Parameters: ``native``, what the client reads as Arrow types; ``limit``, at most so many rows; ``timeout`` in
        seconds, instead of the session's; ``work``, done in place of the statement (metadata calls).
        """
        operation = Operation(session, statement, delivery=delivery or Delivery(), seen=self.clock())
        with self._lock:
            self._operations[operation.id] = operation
        run = work or (lambda spark: self._statement(spark, operation, parameters, native or Native(), limit))
        self._workers.submit(self._run, operation, run, timeout, "" if work else statement)
        return operation

    def operation(self, operation_id: bytes) -> Operation | None:
        """The statement of an id, it and its session marked as used."""
        operation = self._operations.get(operation_id)
        if operation is not None:
            operation.seen = operation.session.seen = self.clock()
        return operation

    def cancel(self, operation: Operation) -> None:
        """End a statement that has not ended; its jobs stop soon after."""
        if operation.finish(State.CANCELED):
            self._interrupt(operation)

    def forget(self, operation: Operation) -> None:
        """Drop a statement and its rows, cancelling it if it runs."""
        with self._lock:
            self._operations.pop(operation.id, None)
        self.cancel(operation)

    # -- on the workers' threads ----------------------------------------------------------------

    def _connect(self, session: Session) -> Failure | None:
        try:
            with session.connecting:
                if not session.connected and session.lost is None:
                    self.engine.wait(BOOT_SECONDS)
                    session.connect(self.engine.session())
                return session.lost
        except Exception as error:
            return failure(error)

    def _run(self, operation: Operation, work: Work, timeout: float | None, statement: str) -> None:
        try:
            self._execute(operation, work, timeout, statement)
        finally:
            operation.left.set()

    def _execute(self, operation: Operation, work: Work, timeout: float | None, statement: str) -> None:
        session = operation.session
        if (why := self._connect(session)) is not None:
            operation.finish(State.FAILED, why=why)
        if not operation.begin():
            return
        seconds = timeout or session.timeout
        timer = threading.Timer(seconds, self._expire, (operation, seconds)) if seconds else None
        try:
            spark = session.spark
            # No statement in the description: it may hold credentials.
            spark.sparkContext.setJobGroup(operation.group, "SQL statement")
            try:
                if timer is not None:
                    timer.start()
                session.settle(statement)
                result = work(spark)
                self._make_room(operation, result.size)
                operation.finish(State.SUCCEEDED, result=result)
            finally:
                if timer is not None:
                    timer.cancel()
                if session.lost is None:
                    spark.sparkContext.setLocalProperty("spark.jobGroup.id", None)
        except SessionLost as error:
            operation.finish(State.FAILED, why=error.failure)
        except BaseException as error:
            why = failure(error)
            if why.condition == "ENGINE_LOST" and session.gone.wait(OBITUARY_SECONDS):
                why = session.lost or why  # the connection breaks before anybody knows what of
            operation.finish(State.FAILED, why=why)

    def _statement(
        self,
        spark: SparkSession,
        operation: Operation,
        parameters: Sequence[Parameter],
        native: Native,
        limit: int | None,
    ) -> Result:
        operation.session.note(operation.statement)
        frame = frontend.run(spark, operation.statement, arguments(parameters), paths=self.paths)
        return collect(spark, frame, native, operation.started, limit)

    def _make_room(self, operation: Operation, size: int) -> None:
        """Keep results below the ceiling: those nobody asked for longest go first. Raises: ``MemoryError``."""
        if size > self.ceiling:
            raise MemoryError(f"the result takes {size} bytes; the SQL endpoint holds at most {self.ceiling}")
        with self._lock:
            held = sorted((op for op in self._operations.values() if op.result), key=lambda op: op.seen)
            total = sum(op.result.size for op in held if op.result)
            for other in held:
                if total + size <= self.ceiling:
                    return
                assert other.result is not None
                total -= other.result.size
                other.state, other.result = State.CLOSED, None

    def _expire(self, operation: Operation, seconds: float) -> None:
        why = f"[STATEMENT_TIMEOUT] The statement ran for over {seconds:g} seconds and was cancelled. SQLSTATE: 57KD0"
        if operation.finish(State.FAILED, why=Failure(why, "57KD0", "STATEMENT_TIMEOUT")):
            self._interrupt(operation)

    def _interrupt(self, operation: Operation) -> None:
        if operation.session.connected and operation.session.lost is None:
            self._interrupters.submit(self._cancel_jobs, operation)

    def _cancel_jobs(self, operation: Operation) -> None:
        """Cancel a statement's jobs until its thread has let go of it.

        A cancel meets only the jobs of that moment, and the statement may be before its first one or between two;
        Spark's own ``cancelJobGroupAndFutureJobs`` lets the map stages of adaptive execution through (measured, 4.2.0).
        """
        context = operation.session.spark.sparkContext
        context.cancelJobGroup(operation.group)
        while not operation.left.wait(CANCEL_SECONDS) and operation.session.lost is None:
            context.cancelJobGroup(operation.group)

    def _crashed(self, reason: str) -> None:
        """The JVM died: what ran has failed, and no session outlives it."""
        why = Failure(f"[ENGINE_LOST] The Spark engine stopped: {reason} SQLSTATE: 08S01", "08S01", "ENGINE_LOST")
        with self._lock:
            sessions = [s for s in self._sessions.values() if s.connected]
            for session in sessions:
                session.lose(why)
                del self._sessions[session.id]
                self._lost[session.id] = why
            running = [op for op in self._operations.values() if op.session.lost is not None]
        for operation in running:
            operation.finish(State.FAILED, why=why)
