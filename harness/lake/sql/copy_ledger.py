"""Which files a table has loaded by ``COPY INTO``: written in the very commit that brings their rows.

Databricks keeps its list in the table's log too (``VACUUM`` trims it, ``DEEP CLONE`` copies it). Ours rides in the
commit's ``userMetadata``, so that rows and list appear together or not at all, and is read back from the commits.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from harness.lake.sql.delta_log import Commit, DeltaLog

KEY = "copyInto"
# Reading so many commits one by one costs more than the one job of DESCRIBE HISTORY.
ONE_BY_ONE = 40


class Ledger:
    """The loaded files of the Delta table at ``location``; ``target`` is its name in SQL."""

    def __init__(self, spark: SparkSession, target: str, location: str) -> None:
        self._spark = spark
        self._target = target
        self._location = location
        self._log = DeltaLog(spark, location)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other ``COPY INTO`` of this table out, whichever process runs it.

        Two that load the same file must not both see it as new. A file lock in the JVM's temporary folder is seen by
        all clients of that JVM, and goes with the process that holds it.
        """
        jvm = self._spark._jvm
        assert jvm is not None
        folder = Path(str(jvm.System.getProperty("java.io.tmpdir")))
        name = hashlib.sha256(self._location.encode()).hexdigest()[:16]
        with (folder / f"harness-copy-into-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def loaded(self) -> set[str]:
        """The files loaded so far, by :func:`identity`."""
        files: set[str] = set()
        for commit in self._commits():
            files.update(_entry(commit).get("files", ()))
            # A replaced table is a new one: it has loaded nothing.
            if "REPLACE TABLE" in str(commit.get("operation", "")).upper():
                break
        return files

    def entry(self, files: Iterable[str]) -> tuple[str, str]:
        """A new entry. Returns: its id, and the ``userMetadata`` to commit."""
        entry_id = str(uuid.uuid4())
        return entry_id, json.dumps({KEY: {"id": entry_id, "files": sorted(files)}}, separators=(",", ":"))

    def committed(self, entry_id: str) -> dict[str, Any] | None:
        """The operation metrics of the commit that carries an entry; ``None`` when there is none."""
        for commit in self._commits():
            if _entry(commit).get("id") == entry_id:
                return dict(commit.get("operationMetrics") or {})
        return None

    def _commits(self) -> Iterator[Commit]:
        """The commits, newest first, as far back as the log goes."""
        newest = self._log.version()
        for version in range(newest, max(-1, newest - ONE_BY_ONE), -1):
            commit = self._log.commit(version)
            if commit is None:
                return
            yield commit
        if newest >= ONE_BY_ONE:
            history = self._spark.sql(f"DESCRIBE HISTORY {self._target}")
            older = history.where(history.version <= newest - ONE_BY_ONE)
            for row in older.select("operation", "operationMetrics", "userMetadata").collect():
                yield row.asDict()


def identity(path: str) -> str:
    """The one spelling of a file's path: Hadoop's three S3 schemes name the same object."""
    scheme, mark, rest = path.partition("://")
    return f"s3://{rest}" if mark and scheme in ("s3a", "s3n") else path


def _entry(commit: Commit) -> dict[str, Any]:
    try:
        metadata = json.loads(commit.get("userMetadata") or "{}")
    except ValueError:  # a user's own metadata
        return {}
    entry = metadata.get(KEY) if isinstance(metadata, dict) else None
    return entry if isinstance(entry, dict) else {}
