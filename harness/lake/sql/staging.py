"""``PUT``, ``GET`` and ``REMOVE``: a file of a volume, which the client moves itself.

The answer is one row: what to do, a URL to do it at, and the local file (wire.md §4.8). Only clients of the SQL doors
do that; in a notebook the statements are refused, as on Databricks (docs: "PUT INTO", which is for connectors).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame

from harness.lake.sql.failures import SqlError
from harness.lake.sql.tokens import UnclosedToken, tokens

if TYPE_CHECKING:
    from harness.lake.sql.reader import Reader
    from harness.lake.sql.statement import Statement

COLUMNS = ("operation", "presignedUrl", "headers", "localFile")
OPERATIONS = ("PUT", "GET", "REMOVE")
FILE_SLASHES = 5  # /Volumes/catalog/schema/volume/file


@dataclass(frozen=True)
class Staged:
    """One file to move. ``operation``: PUT, GET or REMOVE; ``path``: in the volume; ``local``: the client's, or ''."""

    operation: str
    path: str
    local: str = ""
    overwrite: bool = False


# Gives the URL at which a client may do it. Raises: ``SqlError``.
Presign = Callable[[Staged], str]


def asks(text: str) -> bool:
    """Whether a statement is one of these."""
    try:
        first = next(iter(tokens(text)), None)
    except UnclosedToken:  # Spark says it better
        return False
    return first is not None and first.is_word(*OPERATIONS)


def stage(statement: Statement) -> DataFrame:
    """``PUT 'local' INTO 'path' [OVERWRITE]``, ``GET 'path' TO 'local'``, ``REMOVE 'path'``."""
    if statement.presign is None:
        raise statement.refused(
            statement.family, "the client of a SQL connector carries it out; in a notebook there is dbutils.fs."
        )
    staged = _parsed(statement.reader())
    if not staged.local and staged.operation != "REMOVE":
        message = f"Empty local file in staging {staged.operation} query."
        raise SqlError("EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY", message, "22023")
    if not staged.path.startswith("/Volumes/") or staged.path.endswith("/") or staged.path.count("/") < FILE_SLASHES:
        message = f"Invalid staging path in staging {staged.operation} query: {staged.path}."
        raise SqlError("INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY", message, "42604")
    return statement.rows(COLUMNS, [(staged.operation, statement.presign(staged), "{}", staged.local)])


def _parsed(read: Reader) -> Staged:
    operation = read.next("PUT, GET or REMOVE").text.upper()
    if operation == "PUT":
        local = read.string("the local file")
        read.expect("INTO")
        staged = Staged(operation, _path(read), local, overwrite=read.take("OVERWRITE"))
    else:
        staged = Staged(operation, _path(read))
        if operation == "GET":
            read.expect("TO")
            staged = replace(staged, local=read.string("the local file"))
    read.end()
    return staged


def _path(read: Reader) -> str:
    return read.string("a path in a volume").removeprefix("dbfs:")
