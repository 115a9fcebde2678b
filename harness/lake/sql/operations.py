"""Statements at work: submitted, waited for, cancelled, paged, forgotten. Nothing of HTTP or Thrift here.

Only this module's threads touch the JVM; whoever asks from a web thread gets a record that changes under them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pyspark.sql import SparkSession

from harness.lake.paths import WorkspacePaths
from harness.lake.sql import frontend, nested, staging
from harness.lake.sql.failures import Failure, failure
from harness.lake.sql.history import History, Tags, merged, parse_tags
from harness.lake.sql.parameters import Parameter, arguments
from harness.lake.sql.records import Delivery, Operation, State
from harness.lake.sql.registry import IDLE_SECONDS, RESULT_BYTES, Registry
from harness.lake.sql.results import Limits, Result, collect
from harness.lake.sql.sessions import Session, SessionLost, SparkEngine
from harness.lake.sql.types import Native

# Longest wait for the engine: below the SQL connector's socket timeout of 900 s.
BOOT_SECONDS = 850.0
WORKERS = 32
WAITERS = 128
INTERRUPTERS = 8
CANCEL_SECONDS = 0.25
OBITUARY_SECONDS = 10.0


Work = Callable[[SparkSession], Result]
Around = Callable[[str, Callable[[], Result]], Result]


class SqlEngine:
    """Sessions and their statements on one engine.

    Parameters: ``paths``, where ``/Volumes`` and ``/Workspace`` rest; ``idle``, seconds after which an unused session
    goes; ``ceiling``, bytes of results held at most; ``clock``, what idleness is measured by; ``around``, runs
    statements, or lets them fail instead.
    """

    def __init__(
        self,
        engine: SparkEngine,
        paths: WorkspacePaths | None = None,
        *,
        idle: float = IDLE_SECONDS,
        ceiling: int = RESULT_BYTES,
        clock: Callable[[], float] = time.monotonic,
        around: Around = lambda statement, run: run(),
    ) -> None:
        self.around = around
        self.engine = engine
        self.paths = paths
        self.held = Registry(idle, ceiling, clock)
        self.history = History()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="sql")
        # For who waits on a statement without being a coroutine; the threads here never touch the JVM.
        self.waiters = ThreadPoolExecutor(WAITERS, thread_name_prefix="sql-wait")
        # Apart, so that a statement in a script does not queue behind the script.
        self._nested = ThreadPoolExecutor(WORKERS, thread_name_prefix="sql-nested")
        # Apart, so that a cancel does not queue behind what it is to cancel.
        self._interrupters = ThreadPoolExecutor(INTERRUPTERS, thread_name_prefix="sql-cancel")
        engine.on_crash(self._crashed)
        # PySpark logs a JSON document with a Java stack for every error a user makes.
        for name in ("SQLQueryContextLogger", "DataFrameQueryContextLogger"):
            logging.getLogger(name).setLevel(logging.CRITICAL)

    def stop(self) -> None:
        """Cancel everything and let the threads go."""
        self.reset()
        for pool in (self._workers, self._nested, self._interrupters, self.waiters):
            pool.shutdown(wait=False, cancel_futures=True)

    def reset(self) -> None:
        """Close every session and forget what was run."""
        for session in self.held.sessions():
            self.close(session.id)
        self.history.clear()

    def status(self) -> dict[str, Any]:
        """How many sessions there are, statements that run, bytes of results held, and each warehouse's sessions."""
        return self.held.status()

    # -- sessions -------------------------------------------------------------------------------

    def open(
        self,
        warehouse: str,
        catalog: str | None = None,
        schema: str | None = None,
        configuration: Mapping[str, str] | None = None,
        *,
        client: str = "",
        user: str = "",
        brief: bool = False,
    ) -> Session:
        """Open a session; its Spark session is made when its first statement runs, or by :meth:`connect`.

        Parameters: ``client``, its User-Agent; ``user``, who opened it; ``brief``: it is one statement's own.
        """
        self.reap()
        settings = dict(configuration or {})
        session = Session(warehouse, catalog, schema, settings, client=client, user=user, brief=brief)
        self.held.add_session(session)
        return session

    def connect(self, session: Session) -> Failure | None:
        """Wait for the engine and make a session's Spark session. Returns: why it could not be made."""
        return self._workers.submit(self._connect, session).result()

    def session(self, session_id: bytes) -> Session:
        """The session of an id, marked as used. Raises: ``SessionLost``, saying why when the engine took it down."""
        return self.held.session(session_id)

    def close(self, session_id: bytes) -> None:
        """Forget a session and its statements, cancelling those that run."""
        for operation in self.held.pop(session_id):
            self.cancel(operation)

    def reap(self) -> None:
        """Close the sessions that nobody has used for long and in which nothing runs."""
        for session in self.held.idle_sessions():
            self.close(session.id)

    # -- statements -----------------------------------------------------------------------------

    def submit(
        self,
        session: Session,
        statement: str,
        *,
        parameters: Sequence[Parameter] = (),
        native: Native | None = None,
        limits: Limits | None = None,
        timeout: float | None = None,
        delivery: Delivery | None = None,
        tags: Tags | None = None,
        work: Work | None = None,
    ) -> Operation:
        """Start a statement; returns at once.

        Parameters: ``native``, what the client reads as Arrow types; ``limits``, how much of the result is kept;
        ``timeout`` in seconds, instead of the session's; ``tags``, the statement's own query tags; ``work``, done in
        place of the statement (metadata calls).
        """
        operation = Operation(session, statement, delivery=delivery or Delivery())
        self.held.add(operation)
        if work is None:
            self.history.add(operation, merged([parse_tags(session.setting("query_tags")), tags or {}]))
        kept = limits or Limits()
        run = work or (lambda spark: self._statement(spark, operation, parameters, native or Native(), kept))
        self._workers.submit(self._run, operation, run, timeout, "" if work else statement)
        return operation

    def operation(self, operation_id: bytes) -> Operation | None:
        """The statement of an id, it and its session marked as used."""
        return self.held.operation(operation_id)

    def cancel(self, operation: Operation) -> None:
        """End a statement that has not ended; its jobs stop soon after."""
        if operation.finish(State.CANCELED):
            self._interrupt(operation)

    def forget(self, operation: Operation) -> None:
        """Drop a statement and its rows, cancelling it if it runs."""
        self.held.remove(operation)
        self.cancel(operation)

    def nest(self, call: str, statement: str) -> None:
        """Run a statement of a script, for whose call the JVM waits."""
        self._nested.submit(nested.run, self.engine.root, call, statement, self.paths).result()

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
            if operation.session.brief:
                self.held.release(operation.session)
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
            spark.sparkContext.setLocalProperty("spark.scheduler.pool", session.pool)
            try:
                if timer is not None:
                    timer.start()
                result = self.around(statement, lambda: work(spark)) if statement else work(spark)
                self.held.make_room(result.size)
                operation.finish(State.SUCCEEDED, result=result)
            finally:
                if timer is not None:
                    timer.cancel()
                if session.lost is None:
                    for name in ("spark.jobGroup.id", "spark.scheduler.pool"):
                        spark.sparkContext.setLocalProperty(name, None)
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
        limits: Limits,
    ) -> Result:
        text, presign = operation.statement, operation.delivery.presign
        operation.session.note(text)
        operation.session.act()
        frame = frontend.run(spark, text, arguments(parameters), paths=self.paths, presign=presign)
        result = limits.cut(collect(spark, frame, native, operation.started, limits.rows))
        return replace(result, staging=staging.asks(text))

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
        context = self.engine.root.sparkContext  # the session may be released meanwhile
        context.cancelJobGroup(operation.group)
        while not operation.left.wait(CANCEL_SECONDS) and operation.session.lost is None:
            context.cancelJobGroup(operation.group)

    def _crashed(self, reason: str) -> None:
        """The JVM died: what ran has failed, and no session outlives it."""
        why = Failure(f"[ENGINE_LOST] The Spark engine stopped: {reason} SQLSTATE: 08S01", "08S01", "ENGINE_LOST")
        for operation in self.held.lose(why):
            operation.finish(State.FAILED, why=why)
