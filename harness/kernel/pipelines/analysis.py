"""What the queries of a pipeline read and make, found by asking them, before anything is written.

A query is a function that builds a DataFrame, so its inputs are known when it has run. Each is run in a session where
the names that the pipeline defines mean empty tables with the columns that the pipeline will give them
(catalog/StandIns.java); one that asks for a dataset whose columns are not yet known is run again when they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from harness.kernel.pipelines import expectations, schemas
from harness.kernel.pipelines.definitions import Dataset, Flow, Graph, Kind, PipelineError


@dataclass
class Found:
    """What is known of a dataset. ``reads``: by flow, the tables it reads, through views too; ``views``: by flow, the
    views that its query needs, each after those that it needs itself."""

    dataset: Dataset
    kind: Kind
    schema: StructType
    reads: dict[str, list[str]] = field(default_factory=dict)
    views: dict[str, list[str]] = field(default_factory=dict)
    streams: dict[str, bool] = field(default_factory=dict)


class Analysis:
    """Finds out. Parameters: ``scratch``: a folder for the schemas of files that streams read."""

    def __init__(self, spark: SparkSession, graph: Graph, scratch: Path) -> None:
        self._spark = spark
        self._graph = graph
        self._scratch = scratch
        self._frames: dict[str, DataFrame] = {}
        self._under_way: list[str] = []
        self.found: dict[str, Found] = {}

    def run(self) -> dict[str, Found]:
        """Analyze every dataset. Returns: by name, each after those that it reads. Raises: ``PipelineError`` for what
        the graph cannot be; what a query raises, as an ``InFlow``."""
        names = self._strings([self._key(dataset) for dataset in self._graph.datasets.values()])
        self._java.define(self._spark._jsparkSession, names)
        try:
            for dataset in list(self._graph.datasets.values()):
                self._dataset(dataset)
        finally:
            self._show([])
            self._java.forget(self._spark._jsparkSession)
        return self.found

    @property
    def _java(self) -> Any:
        return getattr(self._spark._jvm, "io.unitycatalog.harness.StandIns")

    def _strings(self, texts: list[str]) -> Any:
        """Texts as Java takes an array of them."""
        jvm: Any = self._spark._jvm
        array = self._spark._sc._gateway.new_array(jvm.java.lang.String, len(texts))
        for at, text in enumerate(texts):
            array[at] = text
        return array

    def _key(self, dataset: Dataset) -> str:
        """The name under which the catalog is asked for a dataset."""
        return self._graph.full_name(dataset.name) if dataset.is_view else dataset.name

    def _dataset(self, dataset: Dataset) -> Found:
        if dataset.name in self.found:
            return self.found[dataset.name]
        if dataset.name in self._under_way:
            chain = [*self._under_way[self._under_way.index(dataset.name) :], dataset.name]
            raise PipelineError(
                "PIPELINE_GRAPH_NOT_TOPOLOGICALLY_SORTED",
                f"There is a cycle between {chain[-2]} and {chain[-1]}: {' reads '.join(chain)}.",
                self._graph.datasets[chain[-2]].place,
            )
        self._under_way.append(dataset.name)
        found = Found(dataset, dataset.kind, StructType())
        schema: StructType | None = None
        for flow in self._graph.flows_of(dataset):
            frame = self._flow(flow, dataset, found)
            schema = frame.schema if schema is None else schemas.merged(dataset, schema, frame.schema, flow)
        assert schema is not None  # the graph was checked
        found.schema = schema
        if not dataset.is_view:
            jvm: Any = self._spark._jvm
            java = jvm.org.apache.spark.sql.types.DataType.fromJson(schema.json())
            self._java.know(self._spark._jsparkSession, dataset.name, java)
        self._under_way.pop()
        self.found[dataset.name] = found
        return found

    def _flow(self, flow: Flow, dataset: Dataset, found: Found) -> DataFrame:
        shown: list[str] = []
        reads: list[str] = []
        beside: list[str] = []  # views that have the name of a table, which is meant
        while True:
            self._show(shown, beside)
            self._asked()
            self._graph.mentioned.clear()
            error: BaseException | None = None
            frame: DataFrame | None = None
            try:
                frame = evaluated(self._spark, flow, f"file:{self._scratch / flow.name}")
                if flow.changes is not None:
                    frame = flow.changes.table(frame)
                frame, _ = expectations.apply(schemas.fitted(frame, dataset, flow), dataset, flow.name, observing=False)
            except Exception as failure:
                error = failure
            wanted = [name for name in self._asked() if name not in reads and name not in shown]
            if not wanted:
                if error is not None:
                    raise InFlow(flow, error) from error
                break
            mentioned = set(self._graph.mentioned)
            for name in wanted:
                if self._graph.datasets[name].is_view and name not in mentioned:
                    beside.append(name)
                    continue
                needed = self._dataset(self._graph.datasets[name])
                if needed.dataset.is_view:
                    inner = needed.views[name]
                    shown += [each for each in (*inner, name) if each not in shown]
                    reads += [each for each in needed.reads[name] if each not in reads]
                else:
                    reads.append(name)
        assert frame is not None
        found.kind = _kind(dataset, flow, streaming=frame.isStreaming, before=found.kind)
        found.streams[flow.name] = frame.isStreaming
        found.reads[flow.name], found.views[flow.name] = reads, shown
        if dataset.is_view:
            self._frames[dataset.name] = frame
        return frame

    def _asked(self) -> list[str]:
        """The datasets that were looked up since the last call."""
        keys = {self._key(dataset): dataset.name for dataset in self._graph.datasets.values()}
        return [keys[str(name)] for name in self._java.asked(self._spark._jsparkSession)]

    def _show(self, views: list[str], beside: Iterable[str] = ()) -> None:
        """Let queries see these views of the pipeline, and no other one; and the tables that have the names of some."""
        for dataset in self._graph.datasets.values():
            if dataset.is_view and dataset.name not in views:
                self._spark.catalog.dropTempView(dataset.name)
        for name in views:
            self._frames[name].createOrReplaceTempView(name)
        keys = self._strings([self._graph.full_name(name) for name in (*views, *beside)])
        self._java.show(self._spark._jsparkSession, keys)


class InFlow(Exception):
    """What a flow's query has raised."""

    def __init__(self, flow: Flow, error: BaseException) -> None:
        super().__init__(str(error))
        self.flow, self.error = flow, error


def evaluated(spark: SparkSession, flow: Flow, schemas_at: str) -> DataFrame:
    """The rows of a flow's query. Raises: ``PipelineError`` for what is no DataFrame; what the query raises."""
    with configured(spark, flow):
        frame = flow.function(schemas_at) if flow.located else flow.function()
        if not isinstance(frame, DataFrame):
            raise PipelineError(
                "INVALID_QUERY_RESULT",
                f"The function of {flow.name} must return a Spark DataFrame, but it has returned "
                f"{'nothing' if frame is None else f'a {type(frame).__name__}'}.",
                flow.place,
            )
        return frame


@contextlib.contextmanager
def configured(spark: SparkSession, flow: Flow) -> Iterator[None]:
    """Spark as a flow wants it."""
    before = {key: spark.conf.get(key, None) for key in flow.conf}
    for key, value in flow.conf.items():
        spark.conf.set(key, value)
    try:
        yield
    finally:
        for key, value in before.items():
            if value is None:
                spark.conf.unset(key)
            else:
                spark.conf.set(key, value)


def _kind(dataset: Dataset, flow: Flow, *, streaming: bool, before: Kind) -> Kind:
    """What a dataset is, by one of its queries."""
    if dataset.is_view:
        return Kind.VIEW
    if flow.once:
        if streaming:
            raise PipelineError(
                "INVALID_FLOW_QUERY_TYPE.STREAMING_RELATION_FOR_ONCE_FLOW",
                f"{flow.name} is an append once-flow that is defined by a streaming relation. Append once-flows may "
                "only be defined by or return a batch relation.",
                flow.place,
            )
        return Kind.STREAMING_TABLE
    appends = dataset.kind is Kind.STREAMING_TABLE or flow.name != dataset.name
    if appends and not streaming:
        raise PipelineError(
            "INVALID_FLOW_QUERY_TYPE.BATCH_RELATION_FOR_STREAMING_TABLE",
            f"Streaming tables may only be defined by streaming relations, but the flow {flow.name} attempts to write "
            f"a batch relation to the streaming table {dataset.name}. Consider using the STREAM operator in "
            "Spark-SQL to convert the batch relation into a streaming relation, or populating the streaming table "
            "with an append once-flow instead.",
            flow.place,
        )
    if dataset.kind is Kind.MATERIALIZED_VIEW and streaming:
        raise PipelineError(
            "INVALID_FLOW_QUERY_TYPE.STREAMING_RELATION_FOR_MATERIALIZED_VIEW",
            "Materialized views may only be defined by a batch relation, but the flow "
            f"{flow.name} attempts to write a streaming relation to the materialized view {dataset.name}.",
            flow.place,
        )
    made = Kind.STREAMING_TABLE if streaming else Kind.MATERIALIZED_VIEW
    return made if before is Kind.TABLE else before
