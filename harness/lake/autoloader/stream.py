"""``spark.readStream.format("cloudFiles")``: Spark's file source, with Auto Loader's schemas.

The checkpoint, exactly-once, ``availableNow`` and the limits of a batch are Spark's own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.readwriter import DataStreamReader
from pyspark.sql.types import StructField, StructType

from harness.lake.autoloader import records
from harness.lake.autoloader.options import NAMED, Options, parsed, refused
from harness.lake.autoloader.schemalog import SchemaLog

FORMAT = "cloudfiles"
# Spark's file source forgets files that are a week older than the newest; Auto Loader never does.
SOURCE = {"maxFileAge": "36500d"}
PASSED = ("pathglobfilter", "recursivefilelookup", "ignoremissingfiles", "latestfirst")


def install() -> None:
    """Make ``DataStreamReader`` of this process understand the format. The class is patched, as for ``spark.sql``."""
    plain_option, plain_format = DataStreamReader.option, DataStreamReader.format
    plain_schema, plain_load = DataStreamReader.schema, DataStreamReader.load

    def option(self: Any, key: str, value: Any) -> Any:
        self.__dict__.setdefault("_given", {})[key] = str(value).lower() if isinstance(value, bool) else str(value)
        return plain_option(self, key, value)

    def options(self: Any, **given: Any) -> Any:
        for key, value in given.items():
            option(self, key, value)
        return self

    def form(self: Any, source: str) -> Any:
        self._form = source
        return plain_format(self, source)

    def schema(self: Any, given: StructType | str) -> Any:
        self._schema = given
        return plain_schema(self, given)

    def load(self: Any, path: Any = None, format: Any = None, schema: Any = None, **given: Any) -> DataFrame:
        if str(format or self.__dict__.get("_form", "")).lower() != FORMAT:
            return plain_load(self, path, format, schema, **given)
        asked = {**self.__dict__.get("_given", {}), **{k: str(v) for k, v in given.items() if v is not None}}
        return stream(self._spark, path, asked, schema or self.__dict__.get("_schema"))

    for patched in (option, options, schema, load):
        setattr(DataStreamReader, patched.__name__, patched)
    DataStreamReader.format = form


def stream(
    spark: SparkSession, path: str | None, given: dict[str, str], schema: StructType | str | None = None
) -> DataFrame:
    """A stream of the files of a folder.

    Parameters: ``path``; ``given``, options as they were set; ``schema``, if the user names it.
    Raises: ``SqlError`` for what Auto Loader refuses, or what is not supported here.
    """
    path = path or next((given.pop(key) for key in list(given) if key.lower() == "path"), None)
    if not path:
        raise refused(
            "CF_SOURCE_DIRECTORY_PATH_REQUIRED", "Please provide the source directory path with option `path`."
        )
    ddl = schema if isinstance(schema, str) or schema is None else ", ".join(f.simpleString() for f in schema)
    options = parsed({k: v for k, v in given.items() if k.lower() not in PASSED}, ddl)
    passed = {k: v for k, v in given.items() if k.lower() in PASSED}
    return _Loader(
        spark, path, options, passed, StructType.fromDDL(schema) if isinstance(schema, str) else schema
    ).frame()


class _Loader:
    def __init__(
        self, spark: SparkSession, path: str, options: Options, passed: dict[str, str], schema: StructType | None
    ) -> None:
        self.spark, self.path, self.options, self.schema = spark, path, options, schema
        self.log = SchemaLog(spark, options.schema_location) if options.schema_location else None
        # With partitions Spark descends by itself, and only so reads them.
        self.source = {"recursiveFileLookup": str(not self._partitioned()).lower(), **passed}

    def frame(self) -> DataFrame:
        options, form = self.options, self.options.format
        if form in ("text", "binaryfile"):
            return self._recent(self._stream(form, self.schema))
        schema, fresh = (self.schema, []) if self.schema is not None else self._tracked()
        if form in NAMED:
            files = self._stream("text", None, **({} if records.lines(options) else {"wholetext": "true"}))
            return records.typed(records.raw(self._recent(files), options), options, schema)
        frame = self._recent(self._stream(form, schema, **options.reader))
        if fresh and options.mode in ("addNewColumns", "failOnNewColumns"):
            said = records.unknown_fields(", ".join(field.name for field in fresh)).replace("'", "\\'")
            frame = frame.where(f"CAST(raise_error('{said}') AS BOOLEAN)")
        rescued = options.rescued
        return frame.selectExpr("*", f"CAST(NULL AS STRING) AS `{rescued}`") if rescued else frame

    def _stream(self, form: str, schema: StructType | None, **more: str) -> DataFrame:
        settings = {**SOURCE, **self.source, **self.options.source, **more}
        reader = self.spark.readStream.format(form).options(**settings)
        return (reader.schema(schema) if schema is not None else reader).load(self.path)

    def _partitioned(self) -> bool:
        """Whether the folder has folders named as partitions are: ``day=2026-01-01``."""
        jvm: Any = self.spark._jvm
        path = jvm.org.apache.hadoop.fs.Path(self.path)
        system = path.getFileSystem(self.spark._jsparkSession.sessionState().newHadoopConf())
        found = system.globStatus(jvm.org.apache.hadoop.fs.Path(path, "*"))
        return any(status.isDirectory() and "=" in status.getPath().getName() for status in found or ())

    def _recent(self, frame: DataFrame) -> DataFrame:
        """Without the files that were there at the first start, if those are not wanted."""
        if self.options.existing:
            return frame
        assert self.log is not None  # options.parsed sees to it
        return frame.where(f"_metadata.file_modification_time > timestamp_millis({self.log.first_start()})")

    # -- the schema that is tracked ----------------------------------------------------------------

    def _tracked(self) -> tuple[StructType, list[StructField]]:
        """The schema to read by, and the columns that the files have beyond it.

        New columns are noted for the next start at once (mode addNewColumns); this one fails on them, as it would on
        Databricks.
        """
        assert self.log is not None  # options.parsed sees to it
        newest = self.log.newest()
        if newest is None:
            schema = self._hinted(self._inferred(empty=False))
            self.log.add(0, schema)
            return schema, []
        number, schema = newest
        names = {field.name for field in schema.fields}
        fresh = [field for field in self._hinted(self._inferred(empty=True)).fields if field.name not in names]
        if fresh and self.options.mode == "addNewColumns":
            self.log.add(number + 1, StructType([*schema.fields, *fresh]))
        return schema, fresh

    def _inferred(self, *, empty: bool) -> StructType:
        form = self.options.format
        try:
            if form not in NAMED:
                read = self.spark.read.format(form).options(**{**self.options.reader, **self.source})
                return read.option("mergeSchema", True).load(self.path).schema
            options = replace(self.options, mode="none")
            read = self.spark.read.format("text").options(**self.source)
            read = read.option("wholetext", not records.lines(options))
            schema = records.inferred(self.spark, records.raw(read.load(self.path), options), options)
        except AnalysisException as error:
            if error.getCondition() == "PATH_NOT_FOUND" or (not empty and "UNABLE_TO_INFER_SCHEMA" in str(error)):
                raise self._nothing() from None
            if "UNABLE_TO_INFER_SCHEMA" in str(error):
                return StructType()
            raise
        if not schema.fields and not empty:
            raise self._nothing()
        return schema

    def _nothing(self) -> Exception:
        return refused(
            "CF_EMPTY_DIR_FOR_SCHEMA_INFERENCE",
            f"Cannot infer schema when the input path `{self.path}` is empty. Please try to start the stream when "
            "there are files in the input path, or specify the schema.",
        )

    def _hinted(self, schema: StructType) -> StructType:
        hints = {field.name: field for field in StructType.fromDDL(self.options.hints or "").fields}
        found = [hints.pop(field.name, field) for field in schema.fields]
        return StructType([*found, *hints.values()])
