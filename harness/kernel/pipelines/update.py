"""One update of a pipeline: its sources are run, its graph analyzed, its tables brought up to date in their order.

The executor is ours, the work is Spark's and Delta's, and the interface is Databricks'. Spark's own executor
(``org.apache.spark.sql.pipelines``, 4.2.0) is not used: it takes queries from Spark Connect only, where Auto Loader and
the workspace's SQL, made for the classic session, are not known; it parses neither ``EXPECT`` nor ``OR REFRESH``, and a
failed update leaves its materialized views empty (measured). The graph, its errors and their conditions follow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.readwriter import DataFrameReader
from pyspark.sql.streaming.readwriter import DataStreamReader

from harness.kernel.dbutils import DBUtils
from harness.kernel.display import Display
from harness.kernel.failures import Position, describe
from harness.kernel.pipelines import api, expectations, schemas, statements
from harness.kernel.pipelines.analysis import Analysis, Found, InFlow, configured, evaluated
from harness.kernel.pipelines.definitions import Flow, Graph, Kind, PipelineError, Place, SourceFailed
from harness.kernel.pipelines.events import FILE, Events
from harness.kernel.pipelines.expectations import Counts
from harness.kernel.pipelines.sources import Loader
from harness.kernel.pipelines.writing import Tables
from harness.kernel.shell import Shell
from harness.kernel.spec import KernelError, KernelResult, KernelSpec
from harness.lake.paths import WorkspacePaths
from harness.lake.sql.statement import spark_sql
from harness.lake.sql.unity import quoted

_LIVE = re.compile(r"^live\.", re.IGNORECASE)


class ExpectationViolated(Exception):
    """A row that did not meet an expectation has failed the update."""


def run_update(
    shell: Shell, spark: SparkSession, dbutils: DBUtils, display: Display, paths: WorkspacePaths, spec: KernelSpec
) -> KernelResult:
    """Carry out the update that a specification describes. Returns: how it ended; the event log says the rest."""
    return _Update(shell, spark, dbutils, display, paths, spec).run()


class _Update:
    def __init__(
        self,
        shell: Shell,
        spark: SparkSession,
        dbutils: DBUtils,
        display: Display,
        paths: WorkspacePaths,
        spec: KernelSpec,
    ) -> None:
        self._spark = spark
        self._asked = spec.pipeline
        self._directory = Path(spec.directory)
        self._graph = Graph(self._asked["catalog"], self._asked["schema"])
        self._loader = Loader(shell, spark, dbutils, display, paths, self._graph, self._directory)
        self._events = Events(self._directory / FILE, shell.outputs.redaction.within, self._loader.locate)
        self._tables = Tables(spark, self._asked["pipeline_id"])
        self._found: dict[str, Found] = {}
        self._failed: list[tuple[Flow, BaseException]] = []
        self._made_schema = False

    def run(self) -> KernelResult:
        try:
            return self._run()
        finally:
            if self._made_schema and self._asked["validate_only"]:
                spark_sql(self._spark, f"DROP SCHEMA {quoted([self._graph.catalog, self._graph.schema])}")

    def _run(self) -> KernelResult:
        place: Place | None = None
        try:
            self._initialize()
            if self._asked["validate_only"]:
                return self._succeeded()
            self._refresh()
        except InFlow as error:
            failure, place = error.error, error.flow.place
            self._events.flow_progress(error.flow, "FAILED", error=failure)
        except Exception as error:
            failure = error
        else:
            if not self._failed:
                return self._succeeded()
            flow, failure = self._failed[0]
            place = flow.place
        self._events.failed(failure, place)
        return KernelResult(False, error=self._described(failure, place))

    def _succeeded(self) -> KernelResult:
        self._events.progress("COMPLETED")
        return KernelResult(True)

    def _described(self, error: BaseException, place: Place | None) -> KernelError:
        if isinstance(error, SourceFailed):
            return error.error
        place = error.place if isinstance(error, PipelineError) and error.place else place
        running = Position(place.file, 0, place.line) if place else None
        return describe(error, self._loader.sources, running)

    # -- what there is ----------------------------------------------------------------------------

    def _initialize(self) -> None:
        self._events.progress("INITIALIZING")
        home = quoted([self._graph.catalog, self._graph.schema])
        # Names are looked up in it, also by an update that makes nothing.
        self._made_schema = not self._spark.catalog.databaseExists(home)
        self._spark.sql(f"CREATE SCHEMA IF NOT EXISTS {home}")
        self._spark.sql(f"USE {home}")
        api.install(self._graph, self._read, self._read_stream, self._loader.place)
        self._install_names()
        for source in self._asked["sources"]:
            self._loader.load(Path(source["path"]), source["workspace_path"])
        self._graph.check()
        self._select()
        self._found = Analysis(self._spark, self._graph, self._directory / "schemas").run()
        for found in self._found.values():
            if not found.dataset.is_view:
                self._tables.check(found.dataset)
            self._events.dataset(found.dataset, found.kind, found.schema)
        for flow in self._graph.flows:
            found = self._found[flow.target]
            self._events.flow(flow, found.reads[flow.name], streaming=found.streams[flow.name])

    def _read(self, name: str) -> DataFrame:
        """``dlt.read``."""
        return self._spark.read.table(name)

    def _read_stream(self, name: str) -> DataFrame:
        """``dlt.read_stream``."""
        return self._spark.readStream.table(name)

    def _install_names(self) -> None:
        """Understand ``LIVE.name``, and let ``spark.sql`` change nothing."""
        kind = type(self._spark)
        sql, table = kind.sql, kind.table
        read, stream = DataFrameReader.table, DataStreamReader.table

        def asked(self: SparkSession, sqlQuery: str, args: Any = None, **given: Any) -> DataFrame:
            return sql(self, mention(statements.checked(sqlQuery)), args, **given)

        mention = self._graph.mention
        kind.sql = asked
        kind.table = lambda self, name: table(self, mention(_LIVE.sub("", name)))
        DataFrameReader.table = lambda self, name: read(self, mention(_LIVE.sub("", name)))
        DataStreamReader.table = lambda self, name: stream(self, mention(_LIVE.sub("", name)))

    # -- what is to be done -----------------------------------------------------------------------

    def _select(self) -> None:
        """Find the tables to refresh. Raises: ``PipelineError`` for names that the pipeline does not define."""
        full, some = (self._names(self._asked[field]) for field in ("full_refresh_selection", "refresh_selection"))
        every = [dataset.name for dataset in self._graph.tables]
        self._full = every if self._asked["full_refresh"] else full
        self._chosen = [*full, *some] or every

    def _names(self, given: Iterable[str]) -> list[str]:
        found = [self._graph.full_name(name) for name in given]
        tables = {dataset.name for dataset in self._graph.tables}
        if unknown := [name for name in found if name not in tables]:
            raise PipelineError(
                "TABLE_OR_VIEW_NOT_FOUND",
                f"The pipeline does not define the tables that are to be refreshed: {', '.join(unknown)}.",
            )
        return found

    def _refresh(self) -> None:
        todo = [found for found in self._found.values() if found.dataset.name in self._chosen]
        if self._full:
            self._events.progress("RESETTING")
        self._events.progress("SETTING_UP_TABLES")
        for found in todo:
            self._tables.prepare(found, full_refresh=found.dataset.name in self._full)
        self._events.progress("RUNNING")
        for found in todo:
            for flow in self._graph.flows_of(found.dataset):
                self._events.flow_progress(flow, "QUEUED")
        lost: set[str] = set()
        for found in todo:
            for flow in self._graph.flows_of(found.dataset):
                missing = sorted(lost.intersection(found.reads[flow.name]))
                if missing:
                    lost.add(found.dataset.name)
                    why = f"An upstream dataset has failed: {', '.join(missing)}."
                    self._events.flow_progress(flow, "SKIPPED", reason=why)
                    continue
                try:
                    self._run_flow(flow, found)
                except Exception as error:
                    self._fail(flow, found, error)
                    lost.add(found.dataset.name)

    def _fail(self, flow: Flow, found: Found, error: Exception) -> None:
        said = expectations.violation(flow.name, error)
        failure: BaseException = error
        if said is not None:
            failure = ExpectationViolated(said)
        self._failed.append((flow, failure))
        self._events.flow_progress(flow, "FAILED", error=failure)

    def _run_flow(self, flow: Flow, found: Found) -> None:
        self._events.flow_progress(flow, "STARTING")
        every: list[Counts] = []

        def make(schemas_at: str) -> tuple[DataFrame, list[Counts]]:
            every.clear()
            for name in found.views[flow.name]:
                view = self._found[name].dataset
                (of_view,) = self._graph.flows_of(view)
                rows = evaluated(self._spark, of_view, f"{schemas_at}-{name}")
                rows, counts = expectations.apply(rows, view, name, observing=bool(view.expectations))
                rows.createOrReplaceTempView(name)
                every.extend([counts] if view.expectations else [])
            frame = evaluated(self._spark, flow, schemas_at)
            dataset = found.dataset
            if flow.changes is None:
                frame = schemas.fitted(frame, dataset, flow)
            else:
                frame = flow.changes.noted(frame)
                dataset = replace(dataset, expectations=[flow.changes.meets(each) for each in dataset.expectations])
            frame, counts = expectations.apply(frame, dataset, flow.name)
            every.append(counts)
            return frame, every

        with configured(self._spark, flow):
            self._events.flow_progress(flow, "RUNNING")
            if flow.changes is not None:
                self._tables.change(make, found, flow, self._graph.flows_of(found.dataset))
            elif found.streams[flow.name]:
                self._tables.stream(make, found, flow.name)
            else:
                frame, _ = make(f"file:{self._directory / 'schemas' / flow.name}")
                if found.kind is Kind.MATERIALIZED_VIEW:
                    self._tables.materialize(frame, found)
                    written = True
                else:
                    written = self._tables.append(frame, found, flow.name)
                for counts in every if written else ():
                    if counts.observation is not None:
                        counts.take(counts.observation.get)
        self._completed(flow, every)

    def _completed(self, flow: Flow, every: list[Counts]) -> None:
        own = every[-1]
        quality: dict[str, Any] = {}
        if shown := [each for counts in every for each in counts.quality()]:
            quality = {"dropped_records": sum(counts.dropped for counts in every), "expectations": shown}
        metrics = {"num_output_rows": own.written}
        self._events.flow_progress(flow, "COMPLETED", metrics=metrics, quality=quality)
