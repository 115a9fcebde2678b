"""A SQL session: its Spark session, its settings, its place among catalogs and schemas."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pyspark.sql import SparkSession

from harness.lake.sql import frontend
from harness.lake.sql.failures import Failure
from harness.lake.sql.tokens import Token, UnclosedToken, tokens

# Databricks SQL's parameters that Spark has under another name (docs: sql/language-manual/sql-ref-parameters).
SPARK_NAMES = {
    "ansi_mode": "spark.sql.ansi.enabled",
    "timezone": "spark.sql.session.timeZone",
    "max_file_partition_bytes": "spark.sql.files.maxPartitionBytes",
    "legacy_time_parser_policy": "spark.sql.legacy.timeParserPolicy",
}
STATEMENT_TIMEOUT = "statement_timeout"


class SparkEngine(Protocol):
    """What is asked of ``harness.lake.engine.Engine``."""

    def wait(self, timeout: float) -> None: ...

    @property
    def root(self) -> SparkSession: ...

    def session(self) -> SparkSession: ...

    def on_crash(self, callback: Callable[[str], None]) -> None: ...


class SessionLost(Exception):
    """The session is gone. ``failure``: why."""

    def __init__(self, why: Failure) -> None:
        super().__init__(why.message)
        self.failure = why


@dataclass(eq=False)
class Session:
    """One client's session.

    ``client``: who opened it, as its User-Agent says; ``user``, whom ``current_user()`` names in it. ``brief``: it is
    one statement's own. ``conf``: settings by lower-case name, as given. ``seen``: when it was last used.
    ``pool``: where its jobs are scheduled, fairly beside those of others.
    """

    warehouse: str
    catalog: str | None = None
    schema: str | None = None
    configuration: Mapping[str, str] = field(default_factory=dict)
    seen: float = 0.0
    client: str = ""
    user: str = ""
    brief: bool = False
    pool: str = ""
    id: bytes = field(default_factory=lambda: uuid.uuid4().bytes)
    conf: dict[str, str] = field(default_factory=dict)
    lost: Failure | None = None
    gone: threading.Event = field(default_factory=threading.Event)
    connecting: threading.Lock = field(default_factory=threading.Lock)
    _spark: SparkSession | None = None

    def connect(self, spark: SparkSession) -> None:
        """Make a fresh Spark session this client's. Raises: PySpark's exceptions for a bad setting or catalog."""
        for name, value in self.configuration.items():
            self._set(spark, name, value)
        if self.catalog:
            # Not spark.catalog.setCurrentCatalog: on a fresh thread it does not see this session's spark.sql.catalog.*.
            frontend.run(spark, f"USE CATALOG {_quoted(self.catalog)}")
        if self.schema:
            # A warehouse accepts a session on a schema that does not exist, and runs what needs none of it: the
            # connector's own e2e test asks for one; dbt makes its schemas from such sessions.
            sessions: Any = getattr(spark._jvm, "io.unitycatalog.harness.Sessions")
            sessions.enter(spark._jsparkSession, self.schema)
        self._spark = spark

    @property
    def spark(self) -> SparkSession:
        """The Spark session. Raises: ``SessionLost``."""
        if self.lost is not None:
            raise SessionLost(self.lost)
        assert self._spark is not None, "connect() comes first"
        return self._spark

    def act(self) -> None:
        """Have this thread's statements run as the session's user, or else as the workspace's."""
        jvm: Any = self.spark._jvm
        getattr(jvm, "io.unitycatalog.harness.SessionFunctions").actAs(self.user or None)

    def lose(self, why: Failure) -> None:
        """Say that the engine took the session down."""
        self.lost = why
        self.gone.set()

    def release(self) -> None:
        """Let the Spark session go, with all that was made in it: the client's one statement has ended."""
        self._spark = None

    @property
    def connected(self) -> bool:
        return self._spark is not None

    @property
    def timeout(self) -> float | None:
        """Seconds a statement may run."""
        seconds = float(self.conf.get(STATEMENT_TIMEOUT) or 0)
        return seconds if seconds > 0 else None

    def setting(self, name: str) -> str:
        """A setting as the client gave it, at connect time or since; empty when it gave none."""
        given = {key.lower(): value for key, value in self.configuration.items()}
        return self.conf.get(name, given.get(name, ""))

    def note(self, statement: str) -> None:
        """Heed ``SET name = value`` for the names that only Databricks has; Spark keeps the rest itself."""
        read = _head(statement)
        if len(read) < 4 or not read[0].is_word("SET") or not read[2].is_mark("="):
            return
        if read[1].text.lower() in (*SPARK_NAMES, STATEMENT_TIMEOUT):
            self._set(self.spark, read[1].text, statement[read[2].end :].strip(" \t\r\n;").strip("'\""))

    def _set(self, spark: SparkSession, name: str, value: str) -> None:
        self.conf[name.lower()] = value
        if (known := SPARK_NAMES.get(name.lower())) is not None:
            spark.conf.set(known, value)
        # The name itself too, so that `SET ansi_mode` shows it, as on a warehouse.
        spark.conf.set(name, value)


def _head(statement: str) -> list[Token]:
    try:
        return list(tokens(statement[:2000]))[:6]
    except UnclosedToken:
        return []


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"
