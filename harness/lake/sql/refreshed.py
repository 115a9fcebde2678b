"""Materialized views and streaming tables: Delta tables that remember the query they are refreshed by.

Source: docs.databricks.com/sql/language-manual, sql-ref-syntax-ddl-create-materialized-view, -create-streaming-table
and -refresh-full. On Databricks a pipeline computes them, on its schedule too; here they are computed when they are
made and at each ``REFRESH``; schedules are recorded.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from harness.lake.sql.failures import SqlError
from harness.lake.sql.reader import Reader
from harness.lake.sql.statement import Statement, spark_sql, unsupported
from harness.lake.sql.streamed import fill, is_streaming, streaming_query
from harness.lake.sql.tokens import Kind
from harness.lake.sql.unity import quoted

KINDS = {"MATERIALIZED VIEW": "MATERIALIZED_VIEW", "STREAMING TABLE": "STREAMING_TABLE"}
# In the table's own properties: what it is refreshed by, and where names in that are looked up.
QUERY, CATALOG, SCHEMA, SCHEDULE = "harness.query", "harness.catalog", "harness.schema", "harness.schedule"


@dataclass
class Definition:
    """What a ``CREATE`` says. ``columns``: names with type and comment, either may be empty."""

    kind: str
    name: list[str]
    replaces: bool = False
    refreshes: bool = False
    lenient: bool = False
    columns: list[tuple[str, str, str]] = field(default_factory=list)
    clauses: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    schedule: str = ""
    query: str = ""


def create(statement: Statement) -> DataFrame:
    """``CREATE [OR REPLACE | OR REFRESH] {MATERIALIZED VIEW | STREAMING TABLE} …``."""
    made = _parsed(statement)
    unity = statement.unity
    full_name = unity.full_name(made.name, 3)
    present = statement.spark.catalog.tableExists(quoted(full_name.split(".")))
    if present and made.lenient:
        return statement.nothing()
    if present and not (made.replaces or made.refreshes):
        raise SqlError(
            "TABLE_OR_VIEW_ALREADY_EXISTS",
            f"Cannot create table or view {quoted(full_name.split('.'))} because it already exists.",
            "42P07",
        )
    catalog, schema = statement.run("SELECT current_catalog(), current_schema()").collect()[0]
    made.properties |= {QUERY: made.query, CATALOG: catalog, SCHEMA: schema, SCHEDULE: made.schedule}
    if made.kind == "MATERIALIZED VIEW":
        _materialize(statement.spark, made, full_name)
    else:
        _begin_stream(statement.spark, made, full_name, present)
    unity.patch("tables", full_name, table_type=KINDS[made.kind], view_definition=made.query)
    return statement.nothing()


def refresh(statement: Statement) -> DataFrame:
    """``REFRESH [MATERIALIZED VIEW | STREAMING TABLE | TABLE] name [FULL] [SYNC | ASYNC]``."""
    read = statement.reader()
    read.expect("REFRESH")
    kind = next((k for k in (*KINDS, "TABLE") if read.take(*k.split())), "")
    token = read.peek()
    if not kind and (token is None or token.kind is Kind.STRING or read.ahead("FUNCTION")):
        return statement.verbatim()
    name = read.name("a table")
    full = read.take("FULL")
    if read.take("ASYNC"):
        raise unsupported("REFRESH … ASYNC", "nothing runs it later; leave ASYNC out.")
    read.take("SYNC")
    read.end()
    full_name = statement.unity.full_name(name, 3)
    found = statement.unity.get("tables", full_name).get("table_type")
    if found not in KINDS.values():
        if kind in KINDS:
            raise _wrong_kind("REFRESH", full_name, kind)
        return statement.verbatim()
    with _at_home(statement.spark, full_name) as (session, query):
        if found == "MATERIALIZED_VIEW":
            spark_sql(session, f"INSERT OVERWRITE {quoted(full_name.split('.'))} {query}")
        else:
            _run_stream(session, query, full_name, full=full)
    return statement.nothing()


def drop(statement: Statement) -> DataFrame:
    """``DROP MATERIALIZED VIEW [IF EXISTS] name``; a streaming table is dropped as tables are."""
    read = statement.reader()
    read.expect("DROP", "MATERIALIZED", "VIEW")
    lenient = read.take("IF", "EXISTS")
    name = read.name("a materialized view")
    read.end()
    full_name = statement.unity.full_name(name, 3)
    target = quoted(full_name.split("."))
    if statement.spark.catalog.tableExists(target):
        if statement.unity.get("tables", full_name).get("table_type") != "MATERIALIZED_VIEW":
            raise _wrong_kind("DROP MATERIALIZED VIEW", full_name, "MATERIALIZED VIEW")
    elif lenient:
        return statement.nothing()
    return statement.run(f"DROP TABLE {target}")


def alter(statement: Statement) -> DataFrame:
    """``ALTER {MATERIALIZED VIEW | STREAMING TABLE} name {ADD | ALTER} SCHEDULE … | DROP SCHEDULE``."""
    read = statement.reader()
    read.expect("ALTER")
    next(k for k in KINDS if read.take(*k.split()))
    target = quoted(statement.unity.full_name(read.name("a table"), 3).split("."))
    if read.take("DROP", "SCHEDULE"):
        schedule = ""
    elif (read.take("ADD") or read.take("ALTER")) and read.ahead("SCHEDULE"):
        schedule = _schedule(read, ())
    else:
        raise unsupported(statement.family, "of ALTER it has ADD, ALTER and DROP SCHEDULE.")
    read.end()
    return statement.run(f"ALTER TABLE {target} SET TBLPROPERTIES ('{SCHEDULE}' = {_literal(schedule)})")


def _wrong_kind(operation: str, full_name: str, kind: str) -> SqlError:
    message = f"The operation {operation} requires a {kind}. But {full_name} is none."
    return SqlError("WRONG_COMMAND_FOR_OBJECT_TYPE", message, "42809")


# -- the statement ----------------------------------------------------------------------------------


def _parsed(statement: Statement) -> Definition:
    read = statement.reader()
    read.expect("CREATE")
    replaces, refreshes = read.take("OR", "REPLACE"), read.take("OR", "REFRESH")
    kind = next((k for k in KINDS if read.take(*k.split())), "")
    if not kind or (replaces and kind == "STREAMING TABLE") or (refreshes and kind == "MATERIALIZED VIEW"):
        raise read.wrong("Expected CREATE [OR REPLACE] MATERIALIZED VIEW or CREATE [OR REFRESH] STREAMING TABLE.")
    lenient = read.take("IF", "NOT", "EXISTS")
    made = Definition(kind, read.name("a table"), replaces, refreshes, lenient)
    if read.is_mark("("):
        made.columns = read.list(lambda: _column(read))
    while (token := read.peek()) is not None and not read.is_mark(";"):
        if read.take("AS"):
            start = read.next("a query").start
            made.query = statement.text[start:].rstrip().rstrip(";")
            break
        if read.ahead("SCHEDULE") or read.ahead("TRIGGER"):
            made.schedule = _schedule(read, ("AS", "COMMENT", "TBLPROPERTIES", "PARTITIONED", "CLUSTER"))
        elif read.take("COMMENT"):
            made.clauses.append(f"COMMENT {_literal(read.string('a comment'))}")
        elif read.take("TBLPROPERTIES"):
            made.properties |= read.options()
        elif read.ahead("PARTITIONED", "BY") or read.ahead("CLUSTER", "BY"):
            word = read.next("a clause").text
            read.expect("BY")
            names = read.list(lambda: read.identifier("a column"))
            made.clauses.append(f"{word} BY ({', '.join(quoted([name]) for name in names)})")
        else:
            raise unsupported(f"The clause {token.text.upper()} of CREATE {kind}", "it has no effect here.")
    if not made.query:
        raise unsupported(f"CREATE {kind} without a query", "nothing could refresh it.")
    return made


def _column(read: Reader) -> tuple[str, str, str]:
    if read.ahead("CONSTRAINT"):
        raise unsupported("CONSTRAINT … EXPECT", "expectations are not checked here.")
    name, kind, comment = read.identifier("a column"), "", ""
    depth = 0
    while (token := read.peek()) is not None and (depth or not (read.is_mark(",") or read.is_mark(")"))):
        if not depth and read.take("COMMENT"):
            comment = read.string("a comment")
            continue
        if not depth and any(token.is_word(word) for word in ("NOT", "PRIMARY", "MASK", "CONSTRAINT", "REFERENCES")):
            raise unsupported(f"The column clause {token.text.upper()}", "it has no effect here.")
        depth += (token.text in ("(", "<")) - (token.text in (")", ">"))
        kind += token.text
        read.at += 1
    return name, kind, comment


def _schedule(read: Reader, stops: tuple[str, ...]) -> str:
    start = end = read.next("a schedule")
    while (token := read.peek()) is not None and not read.is_mark(";") and not any(map(token.is_word, stops)):
        end = read.next("a schedule")
    return read.text[start.start : end.end]


# -- the table --------------------------------------------------------------------------------------


def _materialize(spark: SparkSession, made: Definition, full_name: str) -> None:
    columns = ", ".join(quoted([name]) for name, _, _ in made.columns)
    query = made.query
    if made.columns:
        casts = (f"CAST({quoted([n])} AS {t}) AS {quoted([n])}" if t else quoted([n]) for n, t, _ in made.columns)
        query = f"SELECT {', '.join(casts)} FROM ({query}) AS t({columns})"
        made.properties[QUERY] = query
    target = quoted(full_name.split("."))
    spark_sql(spark, f"CREATE OR REPLACE TABLE {target} {_clauses(made)} AS {query}")
    _comment(spark, made, target)


def _clauses(made: Definition) -> str:
    pairs = ", ".join(f"{_literal(key)} = {_literal(value)}" for key, value in made.properties.items())
    return " ".join(["USING delta", *made.clauses, f"TBLPROPERTIES ({pairs})"])


def _comment(spark: SparkSession, made: Definition, target: str) -> None:
    for name, _, comment in made.columns:
        if comment:
            spark_sql(spark, f"ALTER TABLE {target} ALTER COLUMN {quoted([name])} COMMENT {_literal(comment)}")


def _begin_stream(spark: SparkSession, made: Definition, full_name: str, present: bool) -> None:
    if not is_streaming(made.query):
        raise unsupported("CREATE STREAMING TABLE with a query that reads no stream", "write STREAM before its source.")
    target = quoted(full_name.split("."))
    if present:
        pairs = ", ".join(f"{_literal(key)} = {_literal(value)}" for key, value in made.properties.items())
        spark_sql(spark, f"ALTER TABLE {target} SET TBLPROPERTIES ({pairs})")
    else:
        scratch = tempfile.mkdtemp(prefix="harness-stream-")
        try:
            rows = streaming_query(spark, made.query, f"file:{scratch}")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        columns = ", ".join(f"{quoted([f.name])} {f.dataType.simpleString()}" for f in rows.schema.fields)
        spark_sql(spark, f"CREATE TABLE {target} ({columns}) {_clauses(made)}")
        _comment(spark, made, target)
    try:
        with _at_home(spark, full_name) as (session, query):
            _run_stream(session, query, full_name, full=False)
    except Exception:
        if not present:
            spark_sql(spark, f"DROP TABLE {target}")
        raise


def _run_stream(session: SparkSession, query: str, full_name: str, *, full: bool) -> None:
    """Bring a streaming table up to date."""
    target = quoted(full_name.split("."))
    location = str(spark_sql(session, f"DESCRIBE DETAIL {target}").collect()[0]["location"])
    # Delta leaves folders alone that begin with an underscore.
    state = f"{location}/_stream"
    if full:
        spark_sql(session, f"TRUNCATE TABLE {target}")
        _remove(session, state)
    fill(target, state, lambda schemas: streaming_query(session, query, schemas))


def _remove(session: SparkSession, folder: str) -> None:
    jvm: Any = session._jvm
    path = jvm.org.apache.hadoop.fs.Path(folder)
    path.getFileSystem(session._jsparkSession.sessionState().newHadoopConf()).delete(path, True)


@contextmanager
def _at_home(spark: SparkSession, full_name: str) -> Iterator[tuple[SparkSession, str]]:
    """A session in which names mean what they meant when the table was made, and the query that fills it."""
    target = quoted(full_name.split("."))
    rows = spark_sql(spark, f"SHOW TBLPROPERTIES {target}").collect()
    properties = {str(row[0]): str(row[1]) for row in rows}
    session = spark.newSession()
    spark_sql(session, f"USE {quoted([properties[CATALOG], properties[SCHEMA]])}")
    yield session, properties[QUERY]


def _literal(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
