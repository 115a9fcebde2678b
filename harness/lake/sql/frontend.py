"""The front end: statements that Databricks has and Spark lacks; every other one goes to Spark as it is written.

To teach it a statement, write the family's module and add it to ``FAMILIES``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.catalog import Catalog, CatalogMetadata

from harness.lake.paths import WorkspacePaths
from harness.lake.sql import (
    catalog_statements,
    clones,
    described,
    functions,
    grant_statements,
    ownership,
    refreshed,
    replacements,
    scripts,
    show_create,
    staging,
    subqueries,
    undrop,
    volume_statements,
)
from harness.lake.sql import (
    location_statements as locations,
)
from harness.lake.sql.copy_grammar import parse
from harness.lake.sql.copy_into import copy_into
from harness.lake.sql.failures import SqlError, failure, told
from harness.lake.sql.staging import Presign
from harness.lake.sql.statement import Arguments, Statement, spark_sql, unsupported
from harness.lake.sql.streamed import streams_files
from harness.lake.sql.tokens import Token, UnclosedToken, tokens
from harness.lake.sql.unity import quoted

_spark_catalogs = Catalog.listCatalogs


def run(
    spark: SparkSession,
    text: str,
    args: Arguments = None,
    *,
    paths: WorkspacePaths | None = None,
    presign: Presign | None = None,
) -> DataFrame:
    """Run one statement.

    Parameters: ``args`` as for ``SparkSession.sql``; ``paths``, where ``/Volumes`` and ``/Workspace`` rest;
    ``presign``, how the client gets at files of volumes, if it moves them itself.
    Returns: the statement's result. Raises: PySpark's exceptions; ``SqlError`` among them for what is refused.
    """
    text, args = _named(text, args)
    head = _head(text)
    words = " ".join(token.text.upper() for token in head)
    try:
        for begin, act in FAMILIES.items():
            if words == begin or words.startswith(begin + " "):
                return act(Statement(spark, text, args, paths, head, begin, presign))
        if streams_files(text):
            raise unsupported("STREAM read_files", "a streaming table's query reads streams, no other one.")
        return spark_sql(spark, text, args)
    except Py4JJavaError as error:
        if (known := told(error)) is not None:
            raise known from None
        raise


def install(
    spark: SparkSession, *, paths: WorkspacePaths | None = None, revealed: Callable[[str], None] | None = None
) -> None:
    """Make ``spark.sql`` of this process understand what :func:`run` does.

    The class is patched, not the object, so that sessions made by ``newSession`` understand it too. ``revealed`` is
    told the values of secrets that statements have read.
    """

    def sql(self: SparkSession, sqlQuery: str, args: Any = None, **kwargs: Any) -> DataFrame:
        if kwargs:  # the query is a format string: Spark fills it in
            return spark_sql(self, sqlQuery, args, **kwargs)
        frame = run(self, sqlQuery, args, paths=paths)
        if revealed is not None and "secret" in sqlQuery.lower():
            functions: Any = getattr(self._jvm, "io.unitycatalog.harness.SessionFunctions")
            for value in functions.revealed(self._jsparkSession):
                revealed(value)
        return frame

    sql.__doc__ = spark_sql.__doc__
    type(spark).sql = sql
    Catalog.listCatalogs = _catalogs


def _catalogs(self: Catalog, pattern: str | None = None) -> list[CatalogMetadata]:
    return [one for one in _spark_catalogs(self, pattern) if one.name != "spark_catalog"]


def _head(text: str, most: int = 5) -> list[Token]:
    try:
        return list(itertools.islice(tokens(text), most))
    except UnclosedToken:  # Spark says it better
        return []


def _named(text: str, args: Arguments) -> tuple[str, Arguments]:
    """A statement with its ``?`` markers named.

    Spark 4.2.0 binds more than four of them in another order than theirs (measured: ``SELECT ?, ?, ?, ?, ?``).
    """
    if args is None or isinstance(args, Mapping) or len(args) < 2:
        return text, args
    try:
        marks = [token for token in tokens(text) if token.is_mark("?")]
    except UnclosedToken:
        return text, args
    if len(marks) > len(args):  # Spark says which one is missing
        return text, args
    for number, mark in reversed(list(enumerate(marks))):
        text = f"{text[: mark.start]}:p{number}{text[mark.end :]}"
    return text, {f"p{number}": args[number] for number in range(len(marks))}


def _copy_into(statement: Statement) -> DataFrame:
    return copy_into(statement.spark, parse(statement.text, statement.parameter), statement.paths)


def _use_catalog(statement: Statement) -> DataFrame:
    # Open-source Spark spells it SET CATALOG.
    use, catalog = statement.head[:2]
    text = f"{statement.text[: use.start]}SET CATALOG{statement.text[catalog.end :]}"
    try:
        return spark_sql(statement.spark, text.rstrip().rstrip(";"), statement.args)
    except Py4JJavaError as error:
        # PySpark has no class for this exception of Spark's, and shows its stack.
        if failure(error).condition != "CATALOG_NOT_FOUND":
            raise
        message = f"Catalog '{statement.head[2].value}' was not found. Please verify the catalog name and then retry."
        raise SqlError("NO_SUCH_CATALOG_EXCEPTION", message, "42704") from None


def _analyze(statement: Statement) -> DataFrame:
    """``ANALYZE TABLE … COMPUTE [DELTA] STATISTICS``: nothing to do, Delta's log has each file's statistics."""
    read = statement.reader()
    read.expect("ANALYZE", "TABLE")
    name = quoted(read.name("a table"))
    if not (read.take("COMPUTE", "STATISTICS") or read.take("COMPUTE", "DELTA", "STATISTICS")):
        return statement.verbatim()
    statement.run(f"DESCRIBE TABLE {name}")
    return statement.nothing()


def _refused(reason: str) -> Callable[[Statement], DataFrame]:
    def refuse(statement: Statement) -> DataFrame:
        raise unsupported(statement.family, reason)

    return refuse


_CATALOGS = _refused("it reads no foreign catalogs.")


FAMILIES: dict[str, Callable[[Statement], DataFrame]] = {
    "BEGIN": scripts.run,
    "COPY INTO": _copy_into,
    "USE CATALOG": _use_catalog,
    "ANALYZE TABLE": _analyze,
    "DELETE FROM": subqueries.delete,
    "UPDATE": subqueries.update,
    "INSERT INTO": replacements.insert,
    "INSERT WITH SCHEMA EVOLUTION": replacements.insert,
    "SHOW CREATE TABLE": show_create.show,
    **{f"{verb} {words}": described.describe for verb in ("DESCRIBE", "DESC") for words in described.FORMS},
    "SHOW TABLE EXTENDED": described.show,
    **{f"{verb} TABLE": clones.create for verb in ("CREATE", "CREATE OR REPLACE", "REPLACE")},
    **{f"CREATE {words}FUNCTION": functions.create for words in ("", "OR REPLACE ", "TEMPORARY ", "TEMP ")},
    **{f"CREATE OR REPLACE {word} FUNCTION": functions.create for word in ("TEMPORARY", "TEMP")},
    "DROP FUNCTION": functions.drop,
    "DESCRIBE FUNCTION": functions.describe,
    "DESC FUNCTION": functions.describe,
    "UNDROP": undrop.undrop,
    "SHOW TABLES DROPPED": undrop.show,
    "GRANT": grant_statements.grant,
    "REVOKE": grant_statements.revoke,
    "DENY": _refused("privileges are Unity Catalog's, which knows no DENY."),
    "SHOW GRANT": grant_statements.show,
    "SHOW GRANTS": grant_statements.show,
    "CREATE CATALOG": catalog_statements.create,
    "DROP CATALOG": catalog_statements.drop,
    "ALTER CATALOG": catalog_statements.alter,
    "DESCRIBE CATALOG": catalog_statements.describe,
    "DESC CATALOG": catalog_statements.describe,
    **{f"{verb} FOREIGN CATALOG": _CATALOGS for verb in ("CREATE", "ALTER", "DROP")},
    **{f"ALTER {kind}": ownership.alter for kind in ("TABLE", "VIEW", "SCHEMA", "DATABASE")},
    "SET TAG ON": ownership.tag,
    "UNSET TAG ON": ownership.tag,
    "COMMENT ON": ownership.comment,
    "CREATE VOLUME": volume_statements.create,
    "CREATE EXTERNAL VOLUME": volume_statements.create,
    "ALTER VOLUME": volume_statements.alter,
    "DROP VOLUME": volume_statements.drop,
    "DESCRIBE VOLUME": volume_statements.describe,
    "DESC VOLUME": volume_statements.describe,
    "SHOW VOLUMES": volume_statements.show,
    **dict.fromkeys(staging.OPERATIONS, staging.stage),
    "LIST": volume_statements.list_files,
    "CREATE EXTERNAL LOCATION": locations.create,
    "ALTER EXTERNAL LOCATION": locations.alter,
    "ALTER STORAGE CREDENTIAL": locations.alter_credential,
    "DROP EXTERNAL LOCATION": locations.drop,
    "DROP STORAGE CREDENTIAL": locations.drop,
    **{f"{verb} EXTERNAL LOCATION": locations.describe for verb in ("DESCRIBE", "DESC")},
    **{f"{verb} STORAGE CREDENTIAL": locations.describe_credential for verb in ("DESCRIBE", "DESC")},
    "SHOW EXTERNAL LOCATIONS": locations.show,
    "SHOW STORAGE CREDENTIALS": locations.show_credentials,
    **{f"{verb} CONNECTION": _CATALOGS for verb in ("CREATE", "ALTER", "DROP", "DESCRIBE")},
    "SHOW CONNECTIONS": _CATALOGS,
    **{
        f"{verb} {kind}": refreshed.create
        for verb in ("CREATE", "CREATE OR REPLACE", "CREATE OR REFRESH")
        for kind in refreshed.KINDS
    },
    **{f"ALTER {kind}": refreshed.alter for kind in refreshed.KINDS},
    "REFRESH": refreshed.refresh,
    "DROP MATERIALIZED VIEW": refreshed.drop,
}

# Those that Spark hands over in scripts (harness/lake/catalog/Scripts.java); it spells USE CATALOG itself.
_SPARKS = ("BEGIN", "USE CATALOG")
SCRIPTED = [family for family in FAMILIES if "TEMP" not in family and family not in _SPARKS]
