"""AUTO CDC: streaming tables that are made of changes, in their own order, as SCD type 1 or 2.

Source: docs.databricks.com, "The AUTO CDC APIs". The changes of a flow are kept, beside its checkpoint, and the table
is computed of all of them: so one that comes late, a deletion too, has its effect at its place in the sequence, for
ever (Databricks forgets deletions after some days).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType
from pyspark.sql.window import Window, WindowSpec

from harness.kernel.pipelines.definitions import Expectation, PipelineError

START, END = "__START_AT", "__END_AT"
# What is kept of a change beside its columns.
KEY, AT, DELETES, TRUNCATES = "__harness_key", "__harness_at", "__harness_deletes", "__harness_truncates"
OWN = (KEY, AT, DELETES, TRUNCATES)


@dataclass(frozen=True)
class Changes:
    """How the rows of a flow change its table. Expressions are columns, or SQL. ``columns`` and ``without``: which of
    the source's the table has; ``tracked``: which make a new version in it, or ``untracked``: all but which."""

    keys: Sequence[Column | str]
    sequence: Column | str
    deletes: Column | str | None = None
    truncates: Column | str | None = None
    keeps_on_null: bool = False
    columns: Sequence[str] = ()
    without: Sequence[str] = ()
    scd: int = 1
    tracked: Sequence[str] = ()
    untracked: Sequence[str] = ()

    @property
    def shape(self) -> str:
        """What flows into one table must have in common."""
        return f"{[str(key) for key in self.keys]} {self.scd}"

    def table(self, source: DataFrame) -> DataFrame:
        """The columns of the table, of a flow's rows; to be looked at only."""
        noted, columns = self.noted(source), _named(self._names(source))
        ends = [F.col(AT).alias(START), F.col(AT).alias(END)] if self.scd == 2 else []
        return noted.select(*columns, *ends)

    def noted(self, source: DataFrame) -> DataFrame:
        """A flow's rows as they are kept. A change without a place in the sequence ends the update."""
        at = _expression(self.sequence)
        said = F.raise_error(F.lit("A change has NULL in its SEQUENCE BY, which is not supported."))
        marks = [
            F.struct(*[_expression(key) for key in self.keys]).alias(KEY),
            F.when(at.isNull(), said.cast(_type(source, at))).otherwise(at).alias(AT),
            _condition(self.deletes).alias(DELETES),
            _condition(self.truncates).alias(TRUNCATES),
        ]
        return source.select(*_named(self._names(source)), *marks)

    def meets(self, expectation: Expectation) -> Expectation:
        """An expectation on the rows that changes make; one that deletes makes none, and may have NULLs alone."""
        return replace(expectation, constraint=f"({expectation.constraint}) OR {DELETES} OR {TRUNCATES}")

    def result(self, noted: DataFrame) -> DataFrame:
        """The table, of all changes that were kept."""
        names = [name for name in noted.columns if name not in OWN]
        if self.truncates is not None:
            last = noted.where(TRUNCATES).agg(F.max(AT).alias("at"))
            noted = (
                noted.crossJoin(F.broadcast(last)).where(F.col("at").isNull() | (F.col(AT) > F.col("at"))).drop("at")
            )
        # Of two changes at one place, which Databricks leaves open, the same one each time.
        same = Window.partitionBy(KEY, AT).orderBy(F.col(DELETES).desc(), F.xxhash64(*_named(names)).desc())
        noted = noted.withColumn("one", F.row_number().over(same)).where("one = 1").drop("one")
        order = Window.partitionBy(KEY).orderBy(AT)
        if self.keeps_on_null:
            noted = _filled(noted, names, order)
        return self._versions(noted, names, order) if self.scd == 2 else self._latest(noted, names)

    def _latest(self, noted: DataFrame, names: Sequence[str]) -> DataFrame:
        newest = Window.partitionBy(KEY).orderBy(F.col(AT).desc())
        found = noted.withColumn("one", F.row_number().over(newest)).where(f"one = 1 AND NOT {DELETES}")
        return found.select(*_named(names))

    def _versions(self, noted: DataFrame, names: Sequence[str], order: WindowSpec) -> DataFrame:
        every = {name.lower(): name for name in names}
        apart = {name.lower() for name in self.untracked}
        seen = [name for low, name in every.items() if low not in apart]
        if self.tracked:
            seen = [every[name.lower()] for name in self.tracked]
        state = F.struct(*_named(seen), F.col(DELETES)) if seen else F.struct(F.col(DELETES))
        before = F.lag(state).over(order)
        begins = F.when(before.isNull() | ~state.eqNullSafe(before), 1).otherwise(0)
        runs = noted.withColumn("begins", begins).withColumn("run", F.sum("begins").over(order))
        last = F.max_by(F.struct(*_named(names)), F.col(AT)).alias("row")
        made = runs.groupBy(KEY, "run").agg(F.min(AT).alias(START), F.first(DELETES).alias(DELETES), last)
        ends = F.lead(START).over(Window.partitionBy(KEY).orderBy("run"))
        shown = made.withColumn(END, ends).where(~F.col(DELETES))
        return shown.select(*[F.col("row").getField(name).alias(name) for name in names], START, END)

    def _names(self, source: DataFrame) -> list[str]:
        chosen, without = ({name.lower() for name in names} for names in (self.columns, self.without))
        names = [name for name in source.columns if name.lower() not in without]
        have = {name.lower() for name in source.columns}
        if unknown := sorted((chosen | without | {t.lower() for t in (*self.tracked, *self.untracked)}) - have):
            raise PipelineError("UNRESOLVED_COLUMN", f"The source of changes has no column {', '.join(unknown)}.")
        return [name for name in names if not chosen or name.lower() in chosen]


def _filled(noted: DataFrame, names: Sequence[str], order: WindowSpec) -> DataFrame:
    """Changes in which a NULL is what the row had before, since it was last deleted."""
    lives = noted.withColumn("life", F.sum(F.col(DELETES).cast("int")).over(order))
    ever = Window.partitionBy(KEY, "life").orderBy(AT)
    kept = {name: F.when(~F.col(DELETES), column) for name, column in zip(names, _named(names), strict=True)}
    filled = {name: F.last(column, ignorenulls=True).over(ever) for name, column in kept.items()}
    return lives.withColumns(filled).drop("life")


def _named(names: Sequence[str]) -> list[Column]:
    return [F.col(f"`{name.replace('`', '``')}`") for name in names]


def _expression(given: Column | str) -> Column:
    return F.expr(given) if isinstance(given, str) else given


def _condition(given: Column | str | None) -> Column:
    return F.lit(False) if given is None else F.coalesce(_expression(given).cast("boolean"), F.lit(False))


def _type(source: DataFrame, column: Column) -> DataType:
    return source.select(column.alias("at")).schema["at"].dataType
