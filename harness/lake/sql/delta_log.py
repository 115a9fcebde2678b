"""The commits of a Delta table, read through Delta's own log store.

``DESCRIBE HISTORY`` tells the same and runs a Spark job for it; one commit read here takes 5 ms against 160 ms
(measured on Delta 4.4.0, local table).
"""

from __future__ import annotations

import json
from typing import Any

from pyspark.sql import SparkSession

Commit = dict[str, Any]


class DeltaLog:
    """The log of the table at ``location`` (a URI or path)."""

    def __init__(self, spark: SparkSession, location: str) -> None:
        jvm = spark._jvm
        assert jvm is not None
        self._delta = jvm.org.apache.spark.sql.delta
        self._none = jvm.scala.Option.empty()
        self._log = self._delta.DeltaLog.forTable(spark._jsparkSession, location)

    def version(self) -> int:
        """The newest version."""
        return int(self._log.update(False, self._none, self._none).version())

    def schema(self) -> list[dict[str, Any]]:
        """The fields as the log has them: with generation expressions and identities, which a table read hides."""
        snapshot = self._log.update(False, self._none, self._none)
        fields: list[dict[str, Any]] = json.loads(snapshot.metadata().schemaString())["fields"]
        return fields

    def commit(self, version: int) -> Commit | None:
        """What a version's ``commitInfo`` says; ``None`` when log clean-up has removed that version."""
        path = self._delta.util.FileNames.unsafeDeltaFile(self._log.logPath(), version)
        configuration = self._log.newDeltaHadoopConf()
        if not path.getFileSystem(configuration).exists(path):
            return None
        lines = self._log.store().readAsIterator(path, configuration)
        try:
            # commitInfo is a commit's first action since Delta 1.0.
            return dict(json.loads(lines.next()).get("commitInfo") or {})
        finally:
            lines.close()
