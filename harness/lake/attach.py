"""Join a JVM that runs Spark already: connect py4j and build pyspark's own objects around it.

pyspark wants to start its JVM and be the only one to use it. Here many processes share one, so each gets a py4j server
of its own (its entry point is that process's session), and what would act on everybody is made to act on one.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import uuid
from typing import Any

from pyspark import SparkConf, SparkContext
from pyspark.java_gateway import launch_gateway
from pyspark.sql import SparkSession
from pyspark.sql.streaming.listener import QueryStartedEvent

CANCEL_SECONDS = 10.0

_connecting = threading.Lock()


def attach(port: int, secret: str, tag: str) -> SparkSession:
    """Make a slot of the engine this process's Spark: ``getOrCreate()`` finds it, ``stop()`` leaves it running.

    Parameters: ``port``, ``secret`` and ``tag`` of the slot (:meth:`harness.lake.engine.Engine.open_slot`).
    Returns: the session, isolated from those of other processes.
    """
    gateway = connect(port, secret)
    spark = adopt(gateway, gateway.entry_point)
    context = spark.sparkContext
    # pyspark's handler of Ctrl-C cancels every job of the JVM; these are ours.
    context.cancelAllJobs = lambda: _cancel(context, tag)
    QueryStartedEvent.fromJObject = classmethod(_query_started)
    SparkSession.stop = SparkContext.stop = _leave_running
    return spark


def connect(port: int, secret: str) -> Any:
    """A py4j gateway to a server in the JVM, with the imports pyspark expects."""
    with _connecting:
        os.environ.update(PYSPARK_GATEWAY_PORT=str(port), PYSPARK_GATEWAY_SECRET=secret)
        try:
            gateway = launch_gateway()
            # pyspark reads an exception of the JVM through these, also one that keeps a session from coming up.
            SparkContext._gateway, SparkContext._jvm = gateway, gateway.jvm
            return gateway
        finally:
            del os.environ["PYSPARK_GATEWAY_PORT"], os.environ["PYSPARK_GATEWAY_SECRET"]


def adopt(gateway: Any, java_session: Any) -> SparkSession:
    """pyspark's context and session around a session that exists in the JVM, in place of any this process had."""
    forget()
    # Workers for Python functions run this interpreter, whatever `python3` is on PATH.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    # It prints a line of JSON as long as a page at each SQL error.
    logging.getLogger("SQLQueryContextLogger").disabled = True
    jvm = gateway.jvm
    java_context = jvm.JavaSparkContext(java_session.sparkContext())
    conf = _Conf(_jvm=jvm, _jconf=java_context.sc().conf())
    context = SparkContext(gateway=gateway, jsc=java_context, conf=conf)
    # pyspark keeps them on the class, as if a process had one JVM: the next one adopted would take this one's place.
    context._gateway, context._jvm = gateway, jvm
    # Its connection breaks when the JVM goes, and socketserver would print that as an error.
    context._accumulatorServer.handle_error = _keep_quiet
    # A first SparkSession object would make itself the JVM's default session, for every process.
    placeholder = object.__new__(SparkSession)
    placeholder._sc = context
    SparkSession._instantiatedSession = placeholder
    spark = SparkSession(context, java_session)
    activate(spark)
    return spark


class _Conf(SparkConf):  # type: ignore[misc]
    """Of Spark's settings, those that a new ``SparkContext`` looks for among all: reading each takes 10 ms together."""

    def getAll(self) -> list[tuple[str, str]]:
        found = self._jconf.getAllWithPrefix("spark.executorEnv.")
        return [(f"spark.executorEnv.{each._1()}", each._2()) for each in found]


def activate(spark: SparkSession) -> None:
    """Make a session's JVM the one that pyspark's functions (``F.col``) use in this process."""
    context = spark.sparkContext
    SparkContext._active_spark_context = context
    SparkContext._gateway, SparkContext._jvm = context._gateway, context._jvm
    SparkSession._instantiatedSession = SparkSession._activeSession = spark


def forget(spark: SparkSession | None = None) -> None:
    """Drop pyspark's references to a JVM, which may be gone. Parameters: ``spark``: only if they are to its JVM."""
    if spark is None or SparkContext._active_spark_context is spark.sparkContext:
        SparkContext._active_spark_context = SparkContext._gateway = SparkContext._jvm = None
        SparkSession._instantiatedSession = SparkSession._activeSession = None


def _cancel(context: SparkContext, tag: str) -> None:
    # From a thread of its own, with a connection of its own: the one that is interrupted waits for an answer on its.
    cancelling = threading.Thread(target=context.cancelJobsWithTag, args=(tag,), daemon=True)
    cancelling.start()
    cancelling.join(CANCEL_SECONDS)


def _keep_quiet(request: Any, client_address: Any) -> None:
    pass


def _leave_running(self: Any) -> None:
    """``spark.stop()`` in a notebook: the engine goes on, for others too."""


def _query_started(cls: type[QueryStartedEvent], event: Any) -> Any:
    # pyspark 4.2.0 calls .toString() on job tags, which are Python strings by then, and loses the event (measured).
    tags, iterator = set(), event.jobTags().iterator()
    while iterator.hasNext():
        tags.add(str(iterator.next()))
    identity, run = (uuid.UUID(each.toString()) for each in (event.id(), event.runId()))
    return cls(identity, run, event.name(), event.timestamp(), tags)
