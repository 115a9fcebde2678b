"""SQL sources: ``CREATE OR REFRESH {MATERIALIZED VIEW | STREAMING TABLE}`` and their like, as definitions.

Source: docs.databricks.com, "Pipeline SQL language reference", with the older ``LIVE`` spellings. A query is Spark's
to read; only what stands around it is taken apart here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from harness.kernel.pipelines import cdc
from harness.kernel.pipelines.definitions import (
    Action,
    Dataset,
    Expectation,
    Flow,
    Graph,
    Kind,
    NotSupported,
    PipelineError,
    Place,
)
from harness.lake.sql.frontend import run
from harness.lake.sql.reader import Reader
from harness.lake.sql.split import split
from harness.lake.sql.streamed import is_streaming, streaming_query
from harness.lake.sql.tokens import tokens

# What spark.sql may not do in a pipeline, whose tables are the pipeline's to make and to change.
FORBIDDEN = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "COPY", "REFRESH")
# Statements that change the session alone.
SESSION = (
    ("SET",),
    ("DECLARE",),
    ("CREATE", "TEMPORARY", "FUNCTION"),
    ("CREATE", "OR", "REPLACE", "TEMPORARY", "FUNCTION"),
)


def define(graph: Graph, spark: SparkSession, text: str, name: str, line: int) -> None:
    """Take up what a SQL source defines.

    Parameters: ``name`` of the source, ``line``: of its first line. Raises: ``SqlError`` for what does not parse,
    ``NotSupported`` for statements that a pipeline does not take.
    """
    start = 0
    for statement in split(text):
        start = text.index(statement, start)
        first = next(iter(tokens(statement)))
        place = Place(name, line + text.count("\n", 0, start + first.start))
        _Statement(graph, spark, statement, place).define()
        start += len(statement)


def without_live(text: str) -> str:
    """A query without the older spelling of the pipeline's own datasets, ``LIVE.name``."""
    read = list(tokens(text)) if "LIVE" in text.upper() else []
    for at in reversed(range(len(read) - 1)):
        one, two = read[at], read[at + 1]
        if one.is_word("LIVE") and two.is_mark(".") and not (at and read[at - 1].is_mark(".")):
            text = text[: one.start] + text[two.end :]
    return text


class _Statement:
    def __init__(self, graph: Graph, spark: SparkSession, text: str, place: Place) -> None:
        self._graph, self._spark, self._place = graph, spark, place
        self._read = Reader(text)

    def define(self) -> None:
        read = self._read
        if any(read.ahead(*words) for words in SESSION):
            run(self._spark, read.text)
            return
        if read.take("APPLY", "CHANGES", "INTO"):
            self._changes("")
            return
        if not read.take("CREATE"):
            raise self._refused(read.next("a statement").text.upper())
        read.take("OR", "REFRESH") or read.take("OR", "REPLACE")
        if read.take("FLOW"):
            self._flow()
            return
        if read.ahead("PRIVATE"):
            raise self._refused("CREATE PRIVATE")
        temporary = read.take("TEMPORARY")
        streaming = read.take("STREAMING")
        live = read.take("LIVE")
        if read.take("MATERIALIZED", "VIEW"):
            kind = Kind.MATERIALIZED_VIEW
        elif (streaming or live) and read.take("TABLE"):
            kind = Kind.STREAMING_TABLE if streaming else Kind.MATERIALIZED_VIEW
        elif (temporary or live) and read.take("VIEW"):
            kind, temporary = Kind.VIEW, False
        else:
            raise self._refused(f"CREATE {read.next('what is created').text.upper()}")
        if temporary:
            raise self._refused("CREATE TEMPORARY … TABLE")
        read.take("IF", "NOT", "EXISTS")
        self._dataset(kind)

    def _refused(self, what: str) -> NotSupported:
        error = NotSupported(f"{what} as a statement of a pipeline's source ({self._place})")
        error.place = self._place
        return error

    def _dataset(self, kind: Kind) -> None:
        read = self._read
        name = ".".join(read.name("a name"))
        view = kind is Kind.VIEW
        dataset = Dataset(name.lower() if view else self._graph.full_name(name), kind, self._place)
        columns: list[str] = []
        if read.is_mark("("):
            columns = [each for each in read.list(lambda: self._column(dataset)) if each]
        self._clauses(dataset)
        if all(" " in column for column in columns):
            dataset.schema = ", ".join(columns) or None
        self._graph.add(dataset)
        if dataset.query:
            renamed = [column.strip("`") for column in columns] if dataset.schema is None else []
            made = self._query(dataset.query, renamed, streams=kind is not Kind.MATERIALIZED_VIEW)
            self._graph.add_flow(Flow(dataset.name, dataset.name, made, self._place, located=True))

    def _flow(self) -> None:
        read = self._read
        name = ".".join(read.name("a flow"))
        if read.take("COMMENT"):
            read.string("a comment")
        read.expect("AS")
        if read.take("AUTO", "CDC", "INTO") or read.take("APPLY", "CHANGES", "INTO"):
            self._changes(name)
            return
        if not read.take("INSERT", "INTO"):
            raise self._refused(f"CREATE FLOW … AS {read.next('INSERT INTO').text.upper()}")
        once = read.take("ONCE")
        target = self._graph.full_name(".".join(read.name("a table")))
        read.take("BY", "NAME")
        query = read.text[read.next("a query").start :]
        made = self._query(query, [], streams=not once)
        self._graph.add_flow(Flow(name, target, made, self._place, once=once, located=True))

    def _changes(self, name: str) -> None:
        """``table FROM source KEYS (…) …``"""
        target = self._graph.full_name(".".join(self._read.name("a table")))
        try:
            source, changes = cdc.clauses(self._read)
        except PipelineError as error:
            error.place = error.place or self._place
            raise
        made = self._query(f"SELECT * FROM {source}", [], streams=True)
        self._graph.add_flow(Flow(name or target, target, made, self._place, located=True, changes=changes))

    def _query(self, query: str, renamed: list[str], *, streams: bool) -> Callable[[str], DataFrame]:
        def rows(schemas_at: str) -> DataFrame:
            text = self._graph.mention(without_live(query))
            streaming = streams and is_streaming(text)
            frame = streaming_query(self._spark, text, schemas_at) if streaming else run(self._spark, text)
            return frame.toDF(*renamed) if renamed else frame

        return rows

    # -- what stands around a query ---------------------------------------------------------------

    def _clauses(self, dataset: Dataset) -> None:
        read = self._read
        while (token := read.peek()) is not None and not read.is_mark(";"):
            if read.take("AS"):
                dataset.query = read.text[read.next("a query").start :].rstrip().rstrip(";")
                return
            if read.take("COMMENT"):
                dataset.comment = read.string("a comment")
            elif read.take("TBLPROPERTIES"):
                dataset.properties = read.options()
            elif read.take("PARTITIONED", "BY"):
                dataset.partitions = read.list(lambda: read.identifier("a column"))
            elif read.take("CLUSTER", "BY"):
                if not (read.take("AUTO") or read.take("NONE")):
                    dataset.clusters = read.list(lambda: read.identifier("a column"))
            elif read.take("USING"):
                if read.identifier("a format").lower() != "delta":
                    raise self._refused("USING another format than DELTA")
            else:
                raise self._refused(f"The clause {token.text.upper()}")

    def _column(self, dataset: Dataset) -> str:
        """One column, as DDL, or "" for an expectation, which the dataset takes up."""
        read = self._read
        if read.take("CONSTRAINT"):
            dataset.expectations.append(self._expectation())
            return ""
        start = read.next("a column")
        end, depth = start, 0
        while (token := read.peek()) is not None and (depth or not (read.is_mark(",") or read.is_mark(")"))):
            if not depth and token.is_word("GENERATED", "PRIMARY", "MASK", "CONSTRAINT", "REFERENCES", "DEFAULT"):
                raise self._refused(f"The column clause {token.text.upper()}")
            depth += (token.text in ("(", "<")) - (token.text in (")", ">"))
            end = read.next("a column")
        return read.text[start.start : end.end]

    def _expectation(self) -> Expectation:
        read = self._read
        name = read.identifier("the name of an expectation")
        if not read.take("EXPECT"):
            raise self._refused(f"CONSTRAINT {name} {read.next('EXPECT').text.upper()}")
        start = end = read.next("(")
        if not start.is_mark("("):
            raise read.wrong(f"Expected (, found {read.quote(start)}.")
        depth = 1
        while depth:
            end = read.next(")")
            depth += end.is_mark("(") - end.is_mark(")")
        action = Action.WARN
        if read.take("ON", "VIOLATION"):
            if read.take("DROP", "ROW"):
                action = Action.DROP
            elif read.take("FAIL", "UPDATE"):
                action = Action.FAIL
            else:
                raise read.wrong(f"Expected DROP ROW or FAIL UPDATE, found {read.quote(read.next('an action'))}.")
        return Expectation(name, read.text[start.end : end.start].strip(), action)


def checked(text: str) -> str:
    """A statement of ``spark.sql`` in a pipeline. Raises: ``PipelineError`` for one that changes what others see."""
    first: Any = next(iter(tokens(text)), None)
    if first is not None and first.is_word(*FORBIDDEN):
        words = [token.text.upper() for token in tokens(text)]
        if words[:1] == ["CREATE"] and "FUNCTION" in words[:6]:
            return without_live(text)
        raise PipelineError(
            "UNSUPPORTED_PIPELINE_SPARK_SQL_COMMAND",
            f"'{words[0]}' is not supported in spark.sql(\"...\") API in Spark Declarative Pipeline.",
        )
    return without_live(text)
