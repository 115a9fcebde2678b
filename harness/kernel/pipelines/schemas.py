"""The columns that a table is declared with, and those of its queries."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from harness.kernel.pipelines.definitions import Dataset, Flow, PipelineError


def declared(dataset: Dataset) -> StructType | None:
    """The columns that a table's definition names. Raises: PySpark's exception for DDL that is none."""
    if isinstance(dataset.schema, str):
        return StructType.fromDDL(dataset.schema)
    if dataset.schema is None or isinstance(dataset.schema, StructType):
        return dataset.schema
    raise TypeError(f"The schema of {dataset.name} must be DDL or a StructType, not {type(dataset.schema).__name__}")


def fitted(frame: DataFrame, dataset: Dataset, flow: Flow) -> DataFrame:
    """The rows of a query as the table's declared columns: in their order, with their comments, none NULL that must
    not be. Raises: ``PipelineError`` if the query's columns are others."""
    wanted = declared(dataset)
    if wanted is None:
        return frame
    have = {field.name.lower(): field for field in frame.schema.fields}
    names = {field.name.lower() for field in wanted.fields}
    # One of several queries may leave columns to the others.
    fits = have.keys() == names if flow.name == dataset.name else have.keys() <= names
    if not fits or any(_other(have[f.name.lower()], f) for f in wanted.fields if f.name.lower() in have):
        raise PipelineError(
            "USER_SPECIFIED_AND_INFERRED_SCHEMA_NOT_COMPATIBLE",
            f"Table '{dataset.name}' has a user-specified schema that is incompatible with the schema inferred from "
            f"its query. Declared schema: {wanted.simpleString()} Inferred schema: {frame.schema.simpleString()}",
            flow.place,
        )
    kept = [field for field in wanted.fields if field.name.lower() in have]
    for field in kept:
        if not field.nullable:
            said = F.lit(f"[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: {field.name}.")
            frame = frame.where(F.when(_column(field).isNotNull(), True).otherwise(F.raise_error(said).cast("boolean")))
    return frame.select(*[_column(field).alias(field.name, metadata=field.metadata) for field in kept])


def merged(dataset: Dataset, one: StructType, other: StructType, flow: Flow) -> StructType:
    """The columns of a table that several queries write. Raises: ``PipelineError`` if they do not agree."""
    fields = {field.name.lower(): field for field in one.fields}
    for field in other.fields:
        known = fields.setdefault(field.name.lower(), field)
        if _other(known, field):
            raise PipelineError(
                "UNABLE_TO_INFER_PIPELINE_TABLE_SCHEMA",
                f"Failed to infer the schema for table {dataset.name} from its upstream flows. Please modify the "
                "flows that write to this table to make their schemas compatible. Inferred schema so far: "
                f"{one.simpleString()} Incompatible schema: {other.simpleString()}",
                flow.place,
            )
    return StructType(list(fields.values()))


def _column(field: StructField) -> Any:
    return F.col(f"`{field.name.replace('`', '``')}`")


def _other(one: StructField, two: StructField) -> bool:
    return bool(one.dataType.simpleString().lower() != two.dataType.simpleString().lower())
