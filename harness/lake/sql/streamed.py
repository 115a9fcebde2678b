"""``STREAM`` in a query: tables and ``read_files`` read as streams.

Source: docs.databricks.com/sql/language-manual/sql-ref-syntax-ddl-create-streaming-table and functions/read_files.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from typing import Any

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame, SparkSession

from harness.lake.autoloader.records import UNKNOWN
from harness.lake.autoloader.stream import stream
from harness.lake.sql.failures import comes_of
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import spark_sql, unsupported
from harness.lake.sql.tokens import Kind, tokens
from harness.lake.sql.unity import quoted

# Options of read_files that Auto Loader has under the prefix cloudFiles.
CLOUD = (
    *("format", "schemaHints", "schemaEvolutionMode", "inferColumnTypes", "includeExistingFiles"),
    *("maxFilesPerTrigger", "maxBytesPerTrigger", "useManagedFileEvents", "useNotifications", "allowOverwrites"),
)

# How often a stream is begun again because its files have columns that are new.
RESTARTS = 10


def fill(
    target: str,
    state: str,
    rows: Callable[[str], DataFrame],
    *,
    name: str = "",
    progress: Callable[[list[Any]], None] = lambda each: None,
    folder: bool = False,
) -> None:
    """Bring a table up to date with what a stream has now; begun again when files have new columns, as a pipeline is.

    Parameters: ``target``: the table, quoted; ``state``: a folder for checkpoint and schemas; ``rows``: makes the
    stream, given a folder for the schemas of files; ``name``: the query's; ``progress``: is told of each attempt's;
    ``folder``: whether the target is the folder of a Delta table. Raises: ``StreamingQueryException``.
    """
    for attempt in range(RESTARTS):
        writer = rows(f"{state}/schemas").writeStream.option("checkpointLocation", f"{state}/checkpoint")
        writer = writer.queryName(name) if name else writer
        writer = writer.option("mergeSchema", True).trigger(availableNow=True)
        running = writer.start(target, format="delta") if folder else writer.toTable(target)
        try:
            running.awaitTermination()
            return
        except StreamingQueryException as error:
            if not comes_of(error, UNKNOWN) or attempt == RESTARTS - 1:
                raise
        finally:
            progress(running.recentProgress)


def is_streaming(query: str) -> bool:
    """Whether a query reads a stream."""
    return "STREAM" in query.upper() and any(token.is_word("STREAM") for token in tokens(query))


def streams_files(text: str) -> bool:
    """Whether a statement reads ``STREAM read_files(…)``, which Spark would read once and for all."""
    if "STREAM" not in text.upper() or "READ_FILES" not in text.upper():
        return False
    read = list(tokens(text))
    return any(one.is_word("STREAM") and two.is_word("READ_FILES") for one, two in itertools.pairwise(read))


def streaming_query(spark: SparkSession, query: str, schema_location: str) -> DataFrame:
    """The rows of a query, as a stream.

    Parameters: ``schema_location``: a folder in which the schemas of ``read_files`` are kept, a folder each.
    Raises: ``SqlError`` for a query that reads no stream, and what Auto Loader refuses.
    """
    found = 0
    while True:
        read = Reader(query, None)
        at = next((i for i, token in enumerate(read.tokens) if token.is_word("STREAM")), None)
        if at is None:
            break
        read.at = at + 1
        if read.ahead("READ_FILES"):
            frame = _files(spark, read, f"{schema_location}/{found}")
        else:
            inner = read.is_mark("(")
            if inner:
                read.mark("(")
            frame = spark.readStream.table(quoted(read.name("a table")))
            if inner:
                read.mark(")")
        name = f"stream_{uuid.uuid4().hex}"
        frame.createOrReplaceTempView(name)
        query = f"{query[: read.tokens[at].start]}{name}{query[read.tokens[read.at - 1].end :]}"
        found += 1
    frame = spark_sql(spark, query)
    if not frame.isStreaming:
        raise unsupported("CREATE STREAMING TABLE with a query that reads no stream", "write STREAM before its source.")
    return frame


def _files(spark: SparkSession, read: Reader, schema_location: str) -> DataFrame:
    read.expect("READ_FILES")
    arguments = read.list(lambda: _argument(read))
    path = next((value for name, value in arguments if not name or name.lower() == "path"), None)
    given = {name: value for name, value in arguments if name and name.lower() != "path"}
    schema = next((given.pop(name) for name in list(given) if name.lower() == "schema"), None)
    known = {name.lower(): f"cloudFiles.{name}" for name in CLOUD}
    options = {"cloudFiles.inferColumnTypes": "true"} if schema is None else {}
    options |= {known.get(name.lower(), name): value for name, value in given.items()}
    if schema is None:
        options["cloudFiles.schemaLocation"] = schema_location
    if "cloudFiles.format" not in options:
        raise unsupported("STREAM read_files without format", "say format => '…'.")
    return stream(spark, path, options, schema)


def _argument(read: Reader) -> tuple[str, str]:
    """``'path'`` or ``name => value``."""
    token = read.peek()
    if token is not None and token.kind is Kind.STRING:
        return "", read.string("a path")
    name = read.identifier("an option")
    read.mark("=>")
    token = read.peek()
    if token is not None and token.kind in (Kind.WORD, Kind.NUMBER):
        read.at += 1
        return name, token.text
    return name, read.string(f"the value of {name}")
