"""One statement at the front end, and how a family of statements answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from harness.lake.paths import WorkspacePaths
from harness.lake.sql.failures import SqlError
from harness.lake.sql.reader import Reader
from harness.lake.sql.staging import Presign
from harness.lake.sql.tokens import Token
from harness.lake.sql.unity import Unity

Arguments = Mapping[str, Any] | Sequence[Any] | None

# Spark's own, kept before anybody patches it.
spark_sql = SparkSession.sql


@dataclass(frozen=True)
class Statement:
    """One statement to run.

    ``head``: its first tokens; ``family``: the words by which it was recognised; ``presign``: how its client gets at
    files of volumes, if it can.
    """

    spark: SparkSession
    text: str
    args: Arguments
    paths: WorkspacePaths | None
    head: list[Token]
    family: str
    presign: Presign | None = None

    def argument(self, marker: str) -> str:
        """The value of a parameter marker, as a string: Spark evaluates it."""
        row = spark_sql(self.spark, f"SELECT CAST({marker} AS STRING)", self.args).collect()[0]
        return str(row[0])

    @property
    def parameter(self) -> Callable[[str], str] | None:
        """What gives the values of markers; ``None`` without arguments."""
        return self.argument if self.args else None

    def reader(self) -> Reader:
        """The statement from its first token."""
        return Reader(self.text, self.parameter)

    @property
    def unity(self) -> Unity:
        """Where its objects are recorded."""
        return Unity(self.spark)

    def verbatim(self) -> DataFrame:
        """Let Spark run it as it is written."""
        return spark_sql(self.spark, self.text, self.args)

    def run(self, text: str, args: Arguments = None) -> DataFrame:
        """Let Spark run another text in its place."""
        return spark_sql(self.spark, text, args)

    def nothing(self) -> DataFrame:
        """The result of a statement that has none."""
        return DataFrame(self.spark._jsparkSession.emptyDataFrame(), self.spark)

    def rows(self, columns: Sequence[str], rows: Sequence[Sequence[Any]], types: Sequence[str] = ()) -> DataFrame:
        """A result made here, of strings unless ``types`` says otherwise."""
        # Not createDataFrame: it would ask for Python workers.
        kinds = types or ["STRING"] * len(columns)
        casts = ", ".join(f"CAST(c{i} AS {k}) AS `{c}`" for i, (c, k) in enumerate(zip(columns, kinds, strict=True)))
        names = ", ".join(f"c{i}" for i in range(len(columns)))
        cells = [value for row in rows or [[None] * len(columns)] for value in row]
        # By name: Spark binds the ? of an inline table of several rows in another order (measured, 4.2.0).
        marks = iter(f":p{i}" for i in range(len(cells)))
        values = ", ".join(f"({', '.join(next(marks) for _ in columns)})" for _ in range(len(cells) // len(columns)))
        limit = "" if rows else " LIMIT 0"
        given = {f"p{i}": cell for i, cell in enumerate(cells)}
        return spark_sql(self.spark, f"SELECT {casts} FROM VALUES {values} AS t({names}){limit}", given)

    def refused(self, what: str, reason: str) -> SqlError:
        """The error for what is not supported, by name."""
        return unsupported(what, reason)


def unsupported(what: str, reason: str) -> SqlError:
    """The error for a statement or clause that is not supported, by name."""
    message = f"{what} is not supported by the local harness yet: {reason}"
    return SqlError("UNSUPPORTED_FEATURE.LOCAL_HARNESS", message, "0A000")
