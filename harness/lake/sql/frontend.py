"""The front end: statements that Databricks has and Spark lacks; every other one goes to Spark as it is written.

To teach it a statement, write the family's module and add it to ``FAMILIES``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession

from harness.lake.paths import WorkspacePaths
from harness.lake.sql.copy_grammar import parse
from harness.lake.sql.copy_into import copy_into
from harness.lake.sql.failures import SqlError, failure
from harness.lake.sql.tokens import Kind, Token, UnclosedToken, tokens

Arguments = Mapping[str, Any] | Sequence[Any] | None

# Spark's own, kept before anybody patches it.
_spark_sql = SparkSession.sql


@dataclass(frozen=True)
class Statement:
    """One statement to run. ``head``: its first tokens; ``family``: the words by which it was recognised."""

    spark: SparkSession
    text: str
    args: Arguments
    paths: WorkspacePaths | None
    head: list[Token]
    family: str

    def argument(self, marker: str) -> str:
        """The value of a parameter marker, as a string: Spark evaluates it."""
        row = _spark_sql(self.spark, f"SELECT CAST({marker} AS STRING)", self.args).collect()[0]
        return str(row[0])


def run(spark: SparkSession, text: str, args: Arguments = None, *, paths: WorkspacePaths | None = None) -> DataFrame:
    """Run one statement.

    Parameters: ``args`` as for ``SparkSession.sql``; ``paths``, where ``/Volumes`` and ``/Workspace`` rest.
    Returns: the statement's result. Raises: PySpark's exceptions; ``SqlError`` among them for what is refused.
    """
    head = _head(text)
    words = " ".join(token.text.upper() for token in head)
    for begin, act in FAMILIES.items():
        if words == begin or words.startswith(begin + " "):
            return act(Statement(spark, text, args, paths, head, begin))
    return _spark_sql(spark, text, args)


def install(spark: SparkSession, *, paths: WorkspacePaths | None = None) -> None:
    """Make ``spark.sql`` of this process understand what :func:`run` does.

    The class is patched, not the object, so that sessions made by ``newSession`` understand it too.
    """

    def sql(self: SparkSession, sqlQuery: str, args: Any = None, **kwargs: Any) -> DataFrame:
        if kwargs:  # the query is a format string: Spark fills it in
            return _spark_sql(self, sqlQuery, args, **kwargs)
        return run(self, sqlQuery, args, paths=paths)

    sql.__doc__ = _spark_sql.__doc__
    type(spark).sql = sql


def _head(text: str, most: int = 5) -> list[Token]:
    try:
        return list(itertools.islice(tokens(text), most))
    except UnclosedToken:  # Spark says it better
        return []


def _copy_into(statement: Statement) -> DataFrame:
    argument = statement.argument if statement.args else None
    return copy_into(statement.spark, parse(statement.text, argument), statement.paths)


def _use_catalog(statement: Statement) -> DataFrame:
    # Open-source Spark spells it SET CATALOG.
    use, catalog = statement.head[:2]
    text = f"{statement.text[: use.start]}SET CATALOG{statement.text[catalog.end :]}"
    try:
        return _spark_sql(statement.spark, text.rstrip().rstrip(";"), statement.args)
    except Py4JJavaError as error:
        # PySpark has no class for this exception of Spark's, and shows its stack.
        if failure(error).condition != "CATALOG_NOT_FOUND":
            raise
        message = f"Catalog '{statement.head[2].value}' was not found. Please verify the catalog name and then retry."
        raise SqlError("NO_SUCH_CATALOG_EXCEPTION", message, "42704") from None


def _refused(reason: str) -> Callable[[Statement], DataFrame]:
    def refuse(statement: Statement) -> DataFrame:
        message = f"{statement.family} is not supported by the local harness yet: {reason}"
        raise SqlError("UNSUPPORTED_FEATURE.LOCAL_HARNESS", message, "0A000")

    return refuse


_PRIVILEGES = _refused("it keeps no privileges, everyone may do everything.")
_CATALOGS = _refused("catalogs are named in its settings or made through the Unity Catalog REST API.")
_VOLUMES = _refused("volumes are made through the Unity Catalog REST API.")
_VOLUME_FILES = _refused("files in volumes are read and written through the Files API or as local files.")
_EXTERNAL = _refused("it has one S3 server and needs no credentials or locations for it.")
_PIPELINES = _refused("it runs no pipelines.")


def _list(statement: Statement) -> DataFrame:
    # LIST JAR, LIST FILE and LIST ARCHIVE are Spark's own.
    if len(statement.head) > 1 and statement.head[1].kind is Kind.STRING:
        return _VOLUME_FILES(statement)
    return _spark_sql(statement.spark, statement.text, statement.args)


FAMILIES: dict[str, Callable[[Statement], DataFrame]] = {
    "COPY INTO": _copy_into,
    "USE CATALOG": _use_catalog,
    "GRANT": _PRIVILEGES,
    "REVOKE": _PRIVILEGES,
    "DENY": _PRIVILEGES,
    "SHOW GRANT": _PRIVILEGES,
    "SHOW GRANTS": _PRIVILEGES,
    **{f"{verb} {kind}": _CATALOGS for verb in ("CREATE", "ALTER", "DROP") for kind in ("CATALOG", "FOREIGN CATALOG")},
    **{f"{verb} VOLUME": _VOLUMES for verb in ("CREATE", "ALTER", "DROP", "DESCRIBE", "DESC")},
    "CREATE EXTERNAL VOLUME": _VOLUMES,
    "SHOW VOLUMES": _VOLUMES,
    "PUT": _VOLUME_FILES,
    "GET": _VOLUME_FILES,
    "REMOVE": _VOLUME_FILES,
    "LIST": _list,
    **{
        f"{verb} {kind}": _EXTERNAL
        for verb in ("CREATE", "ALTER", "DROP", "DESCRIBE")
        for kind in (
            "EXTERNAL LOCATION",
            "EXTERNAL LOCATIONS",
            "STORAGE CREDENTIAL",
            "STORAGE CREDENTIALS",
            "CONNECTION",
        )
    },
    **{f"SHOW {kind}": _EXTERNAL for kind in ("EXTERNAL LOCATIONS", "STORAGE CREDENTIALS", "CONNECTIONS")},
    **{
        f"{verb} {kind}": _PIPELINES
        for verb in ("CREATE", "CREATE OR REPLACE", "CREATE OR REFRESH", "REFRESH")
        for kind in ("MATERIALIZED VIEW", "STREAMING TABLE")
    },
}
