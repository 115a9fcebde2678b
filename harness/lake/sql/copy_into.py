"""``COPY INTO``: load files into a Delta table, each file once.

Source: docs.databricks.com/sql/language-manual/delta-copy-into and Databricks' list of error conditions.
"""

from __future__ import annotations

import contextlib
import json
from functools import reduce
from typing import Any, cast

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as S

from harness.lake.paths import WorkspacePaths
from harness.lake.sql import copy_errors as errors
from harness.lake.sql.copy_grammar import CopyInto, syntax_error
from harness.lake.sql.copy_ledger import Ledger, identity
from harness.lake.sql.copy_source import Source
from harness.lake.sql.failures import SqlError, failure

COPY_OPTIONS = ("force", "mergeschema")
PREVIEW = 50
# Delta redoes an append that met another one; a change of the schema it hands back to us.
ATTEMPTS = 5
MISFIT = "COPY INTO misfit: "
# The second is what Spark says of Avro, an external module of its own.
_NO_DATA_SOURCE = ("DATA_SOURCE_NOT_FOUND", "_LEGACY_ERROR_TEMP_1139")
_NOT_A_TABLE = "EXPECT_TABLE_NOT_VIEW"
_MISSING = (
    "TABLE_OR_VIEW_NOT_FOUND",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_PATH_DOES_NOT_EXIST",
    "DELTA_MISSING_DELTA_TABLE",
)
_NESTED = (S.ArrayType, S.MapType, S.StructType, S.VariantType, S.BinaryType)


def copy_into(spark: SparkSession, copy: CopyInto, paths: WorkspacePaths | None = None) -> DataFrame:
    """Carry out a ``COPY INTO``.

    Parameters: ``paths``, where ``/Volumes`` and ``/Workspace`` locations rest.
    Returns: one row ``num_affected_rows, num_inserted_rows, num_skipped_corrupt_files``; for ``VALIDATE`` a preview of
    at most 50 rows as they would be loaded. Raises: ``SqlError`` with Databricks' condition; nothing is written then.
    """
    load = _Load(spark, copy, paths)
    with contextlib.closing(load.source):
        return load.run()


class _Load:
    def __init__(self, spark: SparkSession, copy: CopyInto, paths: WorkspacePaths | None) -> None:
        self.spark = spark
        self.copy = copy
        self._copy_files: Any = getattr(cast(Any, spark._jvm), "io.unitycatalog.harness.CopyFiles")
        self._check_options()
        self.schema, self.location = self._target()
        self.source = Source(spark, copy, paths)
        self.ledger = Ledger(spark, copy.target, self.location)

    def run(self) -> DataFrame:
        if self.copy.validate is not None:
            files, _ = self._pending()
            return self._preview(self._rows(files)) if files else self.spark.table(self.copy.target).limit(0)
        with self.ledger.alone():
            for attempt in range(ATTEMPTS):
                try:
                    return self._load()
                except (PySparkException, Py4JJavaError) as error:
                    condition = failure(error).condition or ""
                    if not condition.startswith("DELTA_CONCURRENT") and condition != "DELTA_METADATA_CHANGED":
                        raise self._explained(error) from None
                    if attempt == ATTEMPTS - 1:
                        raise
                    self.schema, self.location = self._target()
        raise AssertionError("unreachable")

    # -- what to load ---------------------------------------------------------------------------

    def _check_options(self) -> None:
        for option in self.copy.copy_options:
            if option not in COPY_OPTIONS:
                raise syntax_error(f"{option} is not an option of COPY_OPTIONS; they are force and mergeSchema.")
        ordinal = self.copy.by_position or self.copy.columns
        if ordinal and (self.copy.format != "CSV" or self._flag("header")):
            raise SqlError(
                "COPY_INTO_FEATURE_INCOMPATIBLE_SETTING",
                "The COPY INTO feature 'BY POSITION' or a list of columns is only for CSV files without a header.",
                "42613",
            )

    def _target(self) -> tuple[S.StructType, str]:
        """The target's columns and its location."""
        try:
            table = self.spark.table(self.copy.target)
            location = self._copy_files.deltaLocation(table._jdf)
            if location:
                return table.schema, str(location)
            detail = self.spark.sql(f"DESCRIBE DETAIL {self.copy.target}").collect()[0]
        except (PySparkException, Py4JJavaError) as error:
            why = failure(error)
            if why.condition in _MISSING:
                raise errors.missing(self.copy.target) from None
            if (why.condition or "").startswith(_NOT_A_TABLE):
                raise errors.not_delta() from None
            raise
        if detail["format"] != "delta":
            raise errors.not_delta()
        return table.schema, detail["location"]

    def _pending(self) -> tuple[list[str], int]:
        """The files to load, and how many unreadable ones are left out."""
        files = self.source.files()
        if not self._asked("force"):
            loaded = self.ledger.loaded()
            files = [file for file in files if identity(file) not in loaded]
        if self.copy.format_options.get("ignorecorruptfiles", "").lower() != "true":
            return files, 0
        readable = self.source.readable(files)
        # The others are not recorded: they are loaded once they are repaired.
        return readable, len(files) - len(readable)

    def _load(self) -> DataFrame:
        files, corrupt = self._pending()
        if not files:
            return self._result(0, corrupt)
        entry, metadata = self.ledger.entry(identity(file) for file in files)
        rows = self._rows(files)
        writer = rows.writeTo(self.copy.target).option("userMetadata", metadata)
        if self._asked("mergeschema"):
            writer = writer.option("mergeSchema", "true")
        writer.append()
        metrics = self.ledger.committed(entry)
        if metrics is None:
            # Delta makes no commit of nothing, so files without rows are not recorded: they are read again next time.
            assert rows.isEmpty(), f"the commit of COPY INTO {self.copy.target} is not in the table's log"
            return self._result(0, corrupt)
        return self._result(int(metrics["numOutputRows"]), corrupt)

    def _result(self, rows: int, corrupt: int) -> DataFrame:
        return self.spark.sql(
            f"SELECT {rows}L AS num_affected_rows, {rows}L AS num_inserted_rows, {corrupt} AS num_skipped_corrupt_files"
        )

    # -- rows in the target's shape -------------------------------------------------------------

    def _rows(self, files: list[str]) -> DataFrame:
        try:
            frames = [self._shaped(frame) for frame in self.source.read(files)]
        except (PySparkException, Py4JJavaError) as error:
            raise self._explained(error) from None
        return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), frames)

    def _shaped(self, frame: DataFrame) -> DataFrame:
        if self.copy.select:
            frame = frame.selectExpr(*self.copy.select)
        if self.copy.by_position or self.copy.columns:
            frame = self._by_position(frame)
        targets = {field.name.lower(): field for field in self.schema.fields}
        extra = [field for field in frame.schema.fields if field.name.lower() not in targets]
        if extra and not self._asked("mergeschema"):
            raise errors.mismatch(self.copy.target, extra)
        fields = frame.schema.fields
        return frame.select(*[self._fitted(frame, field, targets.get(field.name.lower())) for field in fields])

    def _by_position(self, frame: DataFrame) -> DataFrame:
        names = self.copy.columns or self.schema.fieldNames()
        known = {name.lower() for name in self.schema.fieldNames()}
        if unknown := [name for name in names if name.lower() not in known]:
            raise errors.unknown_column(unknown[0], self.schema.fieldNames())
        if len(names) != len(frame.columns):
            raise errors.arity(self.copy.target, names, frame.columns)
        return frame.toDF(*names)

    def _fitted(self, frame: DataFrame, field: S.StructField, target: S.StructField | None) -> Column:
        """A column cast to the target's type; a value that does not fit ends the load and names its file.

        CSV columns are strings unless ``inferSchema`` says otherwise, and are cast as they are written.
        """
        column = frame[f"`{field.name.replace('`', '``')}`"]
        if target is None or field.dataType == target.dataType or not _simple(field.dataType, target.dataType):
            return column
        fitted = self._cast(column, field.dataType, target.dataType)
        misfit = F.to_json(
            F.struct(
                F.lit(target.name).alias("column"),
                F.lit(target.dataType.simpleString().upper()).alias("type"),
                column.cast("string").alias("value"),
                F.input_file_name().alias("file"),
            )
        )
        refused = F.raise_error(F.concat(F.lit(MISFIT), misfit)).cast(target.dataType)
        return F.when(column.isNotNull() & fitted.isNull(), refused).otherwise(fitted).alias(field.name)

    def _cast(self, column: Column, source: S.DataType, target: S.DataType) -> Column:
        options = self.copy.format_options
        if isinstance(source, S.StringType) and isinstance(target, S.DateType) and (form := options.get("dateformat")):
            return F.try_to_timestamp(column, F.lit(form)).cast(target)
        if (
            isinstance(source, S.StringType)
            and isinstance(target, S.TimestampType)
            and (form := options.get("timestampformat"))
        ):
            return F.try_to_timestamp(column, F.lit(form))
        return column.try_cast(target)

    # -- validation -----------------------------------------------------------------------------

    def _preview(self, rows: DataFrame) -> DataFrame:
        """Carry the rows through to nowhere, hold the table's constraints against them, show the first."""
        if self.copy.validate:
            rows = rows.limit(self.copy.validate)
        try:
            rows.write.format("noop").mode("overwrite").save()
        except (PySparkException, Py4JJavaError) as error:
            raise self._explained(error) from None
        given = {name.lower() for name in rows.columns}
        for field in self.schema.fields:
            if not field.nullable and (
                field.name.lower() not in given or not rows.where(rows[field.name].isNull()).isEmpty()
            ):
                raise SqlError(
                    "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
                    f"NOT NULL constraint violated for column: {field.name}.",
                    "23502",
                )
        properties = self.spark.sql(f"DESCRIBE DETAIL {self.copy.target}").collect()[0]["properties"]
        for name, check in properties.items():
            if name.startswith("delta.constraints.") and not rows.where(f"NOT ({check})").isEmpty():
                raise SqlError(
                    "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
                    f"CHECK constraint {name.removeprefix('delta.constraints.')} ({check}) violated by a row of "
                    f"'{self.copy.source}'.",
                    "23001",
                )
        # Computed now: the source's credentials end with the statement.
        return self.spark.createDataFrame(rows.limit(PREVIEW).collect(), rows.schema)

    # -- errors ---------------------------------------------------------------------------------

    def _explained(self, error: PySparkException | Py4JJavaError) -> Exception:
        """Say which file and column a value came from; other errors stay as they are."""
        why = failure(error)
        if why.condition in _NO_DATA_SOURCE:
            return SqlError(
                "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED",
                f"{self.copy.format} files cannot be read: the engine of the local harness has no such data source.",
                "0A000",
            )
        if MISFIT not in why.message:
            return error
        misfit, _ = json.JSONDecoder().raw_decode(why.message.split(MISFIT, 1)[1])
        return SqlError(
            "CAST_INVALID_INPUT",
            f"The value '{misfit['value']}' cannot be cast to \"{misfit['type']}\" for column `{misfit['column']}` of "
            f"{self.copy.target}. File: {misfit['file'] or self.copy.source}. Nothing was loaded.",
            "22018",
        )

    def _asked(self, option: str) -> bool:
        return self.copy.copy_options.get(option, "false").lower() == "true"

    def _flag(self, option: str) -> bool:
        return self.copy.format_options.get(option, "false").lower() == "true"


def _simple(*kinds: S.DataType) -> bool:
    """Whether a cast between these types may be tried value by value; nested ones are left to Delta's own rules."""
    return not any(
        isinstance(kind, (S.ArrayType, S.MapType, S.StructType, S.VariantType, S.BinaryType)) for kind in kinds
    )
