"""Datasets as Delta tables: a materialized view is replaced whole, a streaming table is appended to by its streams.

Both are commits of Delta's, so a flow that fails leaves its table as it was. Spark's own executor of declarative
pipelines does not: it empties the materialized views of an update before it computes the first (measured, 4.2.0), as
Databricks' does not.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructField, StructType

from harness.kernel.pipelines import schemas
from harness.kernel.pipelines.analysis import Found
from harness.kernel.pipelines.definitions import Dataset, Flow, Kind, PipelineError
from harness.kernel.pipelines.expectations import Counts
from harness.lake.sql.statement import spark_sql
from harness.lake.sql.streamed import fill
from harness.lake.sql.unity import Refused, Unity, quoted

# In a table's own properties, as Databricks names it: the pipeline that it belongs to.
OWNER = "pipelines.pipelineId"
RESET_ALLOWED = "pipelines.reset.allowed"
# More batches than a stream of what is available has: their counts are read when it has ended.
PROGRESS = ("spark.sql.streaming.numRecentProgressUpdates", "100000")


class Tables:
    """The tables of a pipeline. Parameters: ``pipeline_id``."""

    def __init__(self, spark: SparkSession, pipeline_id: str) -> None:
        self._spark = spark
        self._pipeline_id = pipeline_id
        self._unity = Unity(spark)

    def check(self, dataset: Dataset) -> None:
        """Raises: ``PipelineError`` when there is a table of that name that is not this pipeline's."""
        document = self._document(dataset.name)
        if document is None:
            return
        owner = (document.get("properties") or {}).get(OWNER) or self._properties(dataset.name, document).get(OWNER)
        if owner == self._pipeline_id:
            return
        if owner:
            raise PipelineError(
                "TABLE_ALREADY_MANAGED_BY_OTHER_PIPELINE",
                f"Table '{dataset.name}' is already managed by pipeline {owner}.",
                dataset.place,
            )
        raise PipelineError(
            "TABLE_OR_VIEW_ALREADY_EXISTS",
            f"Could not materialize '{dataset.name}' because a {document.get('table_type')} table already exists with "
            "that name, which no pipeline has made. Drop it, or choose another name.",
            dataset.place,
        )

    def prepare(self, found: Found, *, full_refresh: bool) -> None:
        """Have a table of that name, with the properties that it is declared with. A streaming table that is fully
        refreshed is emptied, and its streams forgotten."""
        dataset = found.dataset
        document = self._document(dataset.name)
        resets = full_refresh and str(dataset.properties.get(RESET_ALLOWED, "true")).lower() != "false"
        if document is None or (resets and found.kind is Kind.STREAMING_TABLE):
            state = self._state(dataset.name) if document is not None else ""
            self._create(found)
            if state:
                self._remove(state)
        else:
            self._declare(dataset, document)
        self._publish(found)

    def materialize(self, frame: DataFrame, found: Found) -> None:
        """Make a materialized view what its query says now."""
        dataset = found.dataset
        # To its folder, not by name: what Spark counts is lost in a replaced table's query (measured, 4.2.0).
        location = self._unity.get("tables", dataset.name)["storage_location"]
        writer = frame.write.format("delta").mode("overwrite")
        if dataset.partitions:
            writer = writer.partitionBy(*dataset.partitions)
        if frame.schema.simpleString() != self._spark.table(quoted(dataset.name.split("."))).schema.simpleString():
            writer = writer.option("overwriteSchema", True)
        writer.save(location)
        # The catalog takes note of new columns when the table is looked up.
        self._spark.table(quoted(dataset.name.split("."))).schema  # noqa: B018

    def append(self, frame: DataFrame, found: Found, flow: str) -> bool:
        """Add the rows of a one-time flow, unless that was done. Returns: whether they were added now."""
        done = self._path(f"{self._state(found.dataset.name)}/{flow}/once")
        system = self._system(done)
        if system.exists(done):
            return False
        frame.write.format("delta").mode("append").option("mergeSchema", True).saveAsTable(found.dataset.name)
        system.create(done).close()
        return True

    def stream(self, make: Any, found: Found, flow: str) -> None:
        """Bring a streaming table up to date with what one of its streams has now.

        Parameters: ``make``: given a folder for the schemas of files, makes the rows and what they are counted by.
        """
        self._fill(make, found, flow, quoted(found.dataset.name.split(".")))

    def change(self, make: Any, found: Found, flow: Flow, flows: Sequence[Flow]) -> None:
        """Bring a table of changes up to date with what one of its flows has now, and with the changes of the others.

        Parameters: ``make``: as of :meth:`stream`; ``flows``: all of the table.
        """
        state = self._state(found.dataset.name)
        self._fill(make, found, flow.name, f"{state}/{flow.name}-changes", folder=True)
        every = None
        for each in flows:
            kept = f"{state}/{each.name}-changes"
            if self._system(self._path(kept)).exists(self._path(f"{kept}/_delta_log")):
                noted = self._spark.read.format("delta").load(kept)
                every = noted if every is None else every.unionByName(noted, allowMissingColumns=True)
        if every is not None and flow.changes is not None:
            self.materialize(schemas.fitted(flow.changes.result(every), found.dataset, flow), found)

    def _fill(self, make: Any, found: Found, flow: str, target: str, folder: bool = False) -> None:
        state = f"{self._state(found.dataset.name)}/{flow}"
        self._spark.conf.set(*PROGRESS)
        counted: list[Counts] = []

        def rows(schemas_at: str) -> DataFrame:
            frame, counted[:] = make(schemas_at)
            return frame

        fill(target, state, rows, name=flow, progress=lambda each: _count(each, counted), folder=folder)

    # -- Delta ------------------------------------------------------------------------------------

    def _create(self, found: Found) -> None:
        """Make a table with the columns of its queries, and no row; in place of the one there is."""
        dataset = found.dataset
        clauses = [f"TBLPROPERTIES ({_pairs(self._declared(dataset))})"]
        clauses += [f"COMMENT {_literal(dataset.comment)}"] if dataset.comment else []
        for words, names in (("PARTITIONED BY", dataset.partitions), ("CLUSTER BY", dataset.clusters)):
            clauses += [f"{words} ({', '.join(quoted([name]) for name in names)})"] if names else []
        # Not by DataFrameWriterV2: Delta (4.4.0) refuses its clusterBy.
        view = f"rows_{uuid.uuid4().hex}"
        jvm: Any = self._spark._jvm
        # Not createDataFrame of PySpark: it would ask for Python workers.
        columns = jvm.org.apache.spark.sql.types.DataType.fromJson(_nullable(found.schema).json())
        self._spark._jsparkSession.createDataFrame(jvm.java.util.ArrayList(), columns).createOrReplaceTempView(view)
        target = quoted(dataset.name.split("."))
        try:
            made = f"CREATE OR REPLACE TABLE {target} USING delta {' '.join(clauses)} AS SELECT * FROM {view}"
            spark_sql(self._spark, made)
        finally:
            self._spark.catalog.dropTempView(view)

    def _declare(self, dataset: Dataset, document: dict[str, Any]) -> None:
        target = quoted(dataset.name.split("."))
        have = self._properties(dataset.name, document)
        new = {key: value for key, value in self._declared(dataset).items() if have.get(key) != value}
        if new:
            spark_sql(self._spark, f"ALTER TABLE {target} SET TBLPROPERTIES ({_pairs(new)})")
        if dataset.comment != document.get("comment", ""):
            spark_sql(self._spark, f"COMMENT ON TABLE {target} IS {_literal(dataset.comment)}")

    def _declared(self, dataset: Dataset) -> dict[str, str]:
        return {**dataset.properties, OWNER: self._pipeline_id}

    def _publish(self, found: Found) -> None:
        """Record what a table is."""
        query = {"view_definition": found.dataset.query} if found.dataset.query else {}
        self._unity.patch("tables", found.dataset.name, table_type=found.kind.value, **query)

    def _document(self, name: str) -> dict[str, Any] | None:
        try:
            return self._unity.get("tables", name)
        except Refused as error:
            if error.missing:
                return None
            raise

    def _properties(self, name: str, document: dict[str, Any]) -> dict[str, str]:
        if document.get("table_type") == "VIEW":
            return {}
        rows = spark_sql(self._spark, f"SHOW TBLPROPERTIES {quoted(name.split('.'))}").collect()
        return {str(row[0]): str(row[1]) for row in rows}

    def _state(self, name: str) -> str:
        """Where the streams of a table are remembered. Delta leaves folders alone that begin with an underscore."""
        return f"{self._unity.get('tables', name)['storage_location']}/_stream"

    def _path(self, folder: str) -> Any:
        jvm: Any = self._spark._jvm
        return jvm.org.apache.hadoop.fs.Path(folder)

    def _system(self, path: Any) -> Any:
        return path.getFileSystem(self._spark._jsparkSession.sessionState().newHadoopConf())

    def _remove(self, folder: str) -> None:
        path = self._path(folder)
        self._system(path).delete(path, True)


def _nullable(schema: StructType) -> StructType:
    return StructType([StructField(f.name, f.dataType, True, f.metadata) for f in schema.fields])


def _pairs(properties: Mapping[str, str]) -> str:
    return ", ".join(f"{_literal(key)} = {_literal(value)}" for key, value in properties.items())


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _count(progress: Any, every: list[Counts]) -> None:
    for batch in progress:
        for counts in every:
            metrics = batch.observedMetrics.get(counts.name)
            if metrics is not None:
                counts.take(metrics.asDict())
