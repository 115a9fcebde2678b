"""A statement's result: collected as Arrow, in the shape clients read."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
from py4j.protocol import Py4JError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as S
from pyspark.sql.pandas.types import to_arrow_type

from harness.lake.sql.delta_log import DeltaLog
from harness.lake.sql.failures import ResultTooLarge
from harness.lake.sql.types import Column, Native

# What large results are parted into.
FILE_BYTES = 8 << 20

Rows = list[tuple[Any, ...]]
_APPENDS = re.compile(r"AppendData|Overwrite|ReplaceData|InsertInto")


@dataclass(frozen=True)
class Limits:
    """How much of a result is held.

    ``rows`` and ``size`` (bytes, as held in memory) cut it short; more bytes than ``inline`` fail the statement.
    """

    rows: int | None = None
    size: int | None = None
    inline: int | None = None

    def cut(self, result: Result) -> Result:
        """As much of a result as fits. Raises: ``ResultTooLarge``."""
        if self.size is not None and result.size > self.size:
            rows = self.size * result.table.num_rows // result.size
            result = replace(result, table=result.table[:rows], truncated=True)
        if self.inline is not None and result.size > self.inline:
            raise ResultTooLarge(
                "Inline byte limit exceeded. Statements executed with disposition=INLINE can have a result size of at "
                f"most {self.inline} bytes. Please execute the statement with disposition=EXTERNAL_LINKS if you want "
                "to download the full result."
            )
        return result


@dataclass
class Result:
    """What a statement gave.

    ``modified``: how many rows it changed, when that is known. ``truncated``: there were more rows than were asked for.
    ``staging``: the row says what file the client is to move.
    """

    columns: list[Column]
    table: pa.Table
    modified: int | None = None
    truncated: bool = False
    staging: bool = False

    @property
    def size(self) -> int:
        """Bytes held in memory."""
        return int(self.table.nbytes)

    def rows_per(self, size: int) -> int:
        """How many rows make ``size`` bytes; at least one."""
        return max(1, int(size * self.table.num_rows / max(1, self.size)))


def made(schema: Sequence[tuple[str, S.DataType]], rows: Rows, modified: int | None = None) -> Result:
    """A result that Spark did not compute."""
    columns = [Column(name, kind) for name, kind in schema]
    arrays = [pa.array([row[i] for row in rows], to_arrow_type(c.type, timezone="UTC")) for i, c in enumerate(columns)]
    fields = [column.field(array.type) for column, array in zip(columns, arrays, strict=True)]
    return Result(columns, pa.Table.from_arrays(arrays, schema=pa.schema(fields)), modified)


def collect(spark: SparkSession, frame: DataFrame, native: Native, since: float, limit: int | None = None) -> Result:
    """Run a query and hold its rows.

    Parameters: ``native``, what the client reads as Arrow types; ``since``, when the statement began (epoch seconds);
    ``limit``, at most so many rows.
    Returns: the rows; for an INSERT, which Spark answers with nothing, Databricks' row of counts.
    """
    columns = [Column.of(field, native) for field in frame.schema.fields]
    if not columns:
        inserted = _inserted(spark, frame, since)
        if inserted is None:
            return Result([], pa.table({}))
        counts: list[tuple[str, S.DataType]] = [
            ("num_affected_rows", S.LongType()),
            ("num_inserted_rows", S.LongType()),
        ]
        return made(counts, [(inserted, inserted)], inserted)
    if any(column.select for column in columns):
        # Commands are not run again: Spark keeps what an executed command gave in a CommandResult.
        names = [f"c{i}" for i in range(len(columns))]
        selected = [f"{(c.select or '{c}').format(c=name)} as {name}" for c, name in zip(columns, names, strict=True)]
        frame = frame.toDF(*names).selectExpr(*selected)
    if limit:
        frame = frame.limit(limit + 1)  # one more tells whether there are more
    zone = str(spark.conf.get("spark.sql.session.timeZone"))
    table = frame.toArrow()
    arrays = [_finished(c, array, zone) for c, array in zip(columns, table.itercolumns(), strict=True)]
    schema = pa.schema([column.field(array.type) for column, array in zip(columns, arrays, strict=True)])
    whole = pa.Table.from_arrays(arrays, schema=schema)
    result = Result(columns, whole[:limit] if limit else whole, truncated=bool(limit) and whole.num_rows > limit)
    if columns[0].name == "num_affected_rows" and table.num_rows == 1:  # UPDATE, DELETE, MERGE, COPY INTO
        result.modified = table.column(0)[0].as_py()
    return result


def _finished(column: Column, values: pa.ChunkedArray, zone: str) -> pa.ChunkedArray:
    if column.finish is not None:
        return column.finish(values)
    if pa.types.is_timestamp(values.type) and values.type.tz:
        # Spark hands timestamps over in UTC; a warehouse names the session's zone.
        return values.cast(pa.timestamp("us", zone))
    return values


def _inserted(spark: SparkSession, frame: DataFrame, since: float) -> int | None:
    """Rows that an INSERT has written: its operator's metric, or for a Delta table what its commit says.

    ``None`` when it was no INSERT, or when the table got several commits meanwhile and nobody can tell which is ours.
    """
    try:
        plan = frame._jdf.queryExecution().commandExecuted()
        if plan.nodeName() != "CommandResult" or not _APPENDS.search(plan.commandLogicalPlan().nodeName()):
            return None
        metrics = plan.commandPhysicalPlan().metrics()
        if metrics.contains("numOutputRows"):
            return int(metrics.apply("numOutputRows").value())
        location = plan.commandLogicalPlan().table().table().deltaLog().dataPath().toString()
    except Py4JError:  # a plan of another shape: no Delta table
        return None
    log = DeltaLog(spark, location)
    commits = itertools.takewhile(
        lambda commit: commit is not None and commit.get("timestamp", 0) >= int(since * 1000),
        (log.commit(version) for version in range(log.version(), -1, -1)),
    )
    writes = [commit for commit in commits if commit and commit.get("operation") == "WRITE"]
    if not writes:
        return 0  # Delta commits nothing for an append of nothing
    rows = writes[0].get("operationMetrics", {}).get("numOutputRows") if len(writes) == 1 else None
    return None if rows is None else int(rows)
