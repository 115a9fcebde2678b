"""Spark types as clients of the SQL endpoint see them: names, Arrow, JSON."""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import types as S

# What the connector's Thrift protocol and its Arrow reader know as a type of its own; any other goes as a string.
_OWN = (
    S.BooleanType, S.ByteType, S.ShortType, S.IntegerType, S.LongType, S.FloatType, S.DoubleType, S.DecimalType,
    S.StringType, S.BinaryType, S.DateType, S.TimestampType, S.TimestampNTZType, S.ArrayType, S.MapType, S.StructType,
)  # fmt: skip
_NESTED = (S.ArrayType, S.MapType, S.StructType)
_INTERVALS = (S.YearMonthIntervalType, S.DayTimeIntervalType)


@dataclass(frozen=True)
class Native:
    """What a client reads as an Arrow type of its own (``TSparkArrowTypes``); the rest it wants as strings."""

    timestamp: bool = True
    decimal: bool = True
    nested: bool = True


@dataclass(frozen=True)
class Column:
    """A column of a result.

    ``select``: what Spark must compute in its place, with ``{c}`` for the column; ``None`` = as it is. ``finish``: what
    is done to the values once collected.
    """

    name: str
    type: S.DataType
    select: str | None = None
    finish: Callable[[pa.ChunkedArray], pa.ChunkedArray] | None = None

    @classmethod
    def of(cls, field: S.StructField, native: Native) -> Column:
        """The column that a field of a query's schema becomes."""
        kind = field.dataType
        if isinstance(kind, S.YearMonthIntervalType):  # DataFrame.toArrow() refuses it
            return cls(field.name, kind, "cast(cast({c} as interval month) as int)", _year_month_text)
        if isinstance(kind, S.DayTimeIntervalType):
            return cls(field.name, kind, None, _day_time_text)
        return cls(field.name, kind, _selection(kind, native))

    @property
    def text(self) -> str:
        """SQL name of the type, as in ``DECIMAL(10,2)`` or ``ARRAY<INT>``."""
        return str(self.type.simpleString()).upper()

    def field(self, kind: pa.DataType) -> pa.Field:
        """The Arrow field; its metadata lets the connector tell VARIANT from STRING."""
        metadata = {"Spark:DataType:SqlName": self.text, "Spark:DataType:JsonType": self.type.json()}
        return pa.field(self.name, kind, True, metadata)


def _selection(kind: S.DataType, native: Native) -> str | None:
    if isinstance(kind, S.VariantType):
        return "to_json({c})"
    if isinstance(kind, _NESTED):
        if not native.nested:
            return "to_json({c})"
        plain = _plain(kind)
        # Delta's own results have fields that may not be NULL in structs that may (OPTIMIZE): Arrow refuses them.
        return None if plain == kind and not _strict(kind) else f"cast({{c}} as {plain.simpleString()})"
    unread = (isinstance(kind, S.DecimalType) and not native.decimal) or (
        isinstance(kind, S.TimestampType) and not native.timestamp
    )
    return "cast({c} as string)" if unread or not isinstance(kind, _OWN) else None


def _plain(kind: S.DataType) -> S.DataType:
    """The type with every leaf that Arrow clients cannot read replaced by STRING."""
    if isinstance(kind, S.ArrayType):
        return S.ArrayType(_plain(kind.elementType), kind.containsNull)
    if isinstance(kind, S.MapType):
        return S.MapType(_plain(kind.keyType), _plain(kind.valueType), kind.valueContainsNull)
    if isinstance(kind, S.StructType):
        return S.StructType([S.StructField(f.name, _plain(f.dataType), f.nullable) for f in kind.fields])
    return kind if isinstance(kind, _OWN) else S.StringType()


def _strict(kind: S.DataType) -> bool:
    """Whether a struct somewhere in a type has a field that may not be NULL."""
    if isinstance(kind, S.ArrayType):
        return _strict(kind.elementType)
    if isinstance(kind, S.MapType):
        return _strict(kind.keyType) or _strict(kind.valueType)
    return isinstance(kind, S.StructType) and any(not f.nullable or _strict(f.dataType) for f in kind.fields)


# -- intervals, in Spark's Hive style (the connector asks for them as strings) --------------------


def _texts(values: pa.ChunkedArray, text: Callable[[int], str]) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([None if v is None else text(v) for v in values.to_pylist()], pa.string())])


def _year_month_text(months: pa.ChunkedArray) -> pa.ChunkedArray:
    return _texts(months, lambda m: f"{'-' if m < 0 else ''}{abs(m) // 12}-{abs(m) % 12}")


def _day_time_text(durations: pa.ChunkedArray) -> pa.ChunkedArray:
    def text(micros: int) -> str:
        seconds, rest = divmod(abs(micros), 1_000_000)
        days, seconds = divmod(seconds, 86_400)
        clock = f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}.{rest * 1000:09}"
        return f"{'-' if micros < 0 else ''}{days} {clock}"

    return _texts(durations.cast(pa.int64()), text)


# -- JSON_ARRAY of the Statement Execution API ----------------------------------------------------

_TYPE_NAMES = {
    "BIGINT": "LONG",
    "SMALLINT": "SHORT",
    "TINYINT": "BYTE",
    "VOID": "NULL",
    "TIMESTAMP_NTZ": "TIMESTAMP_NTZ",
}


def type_document(column: Column, position: int) -> dict[str, Any]:
    """``ColumnInfo`` of a result's manifest (docs: api/workspace/statementexecution)."""
    document: dict[str, Any] = {"name": column.name, "position": position, "type_text": column.text}
    if isinstance(column.type, _INTERVALS):
        return {**document, "type_name": "INTERVAL", "type_interval_type": column.text.removeprefix("INTERVAL ")}
    name = column.text.partition("(")[0].partition("<")[0]
    document["type_name"] = _TYPE_NAMES.get(name, name)
    if isinstance(column.type, S.DecimalType):
        document |= {"type_precision": column.type.precision, "type_scale": column.type.scale}
    return document


def json_rows(table: pa.Table) -> list[list[str | None]]:
    """Rows as JSON_ARRAY has them: every value a string, SQL NULL a JSON null."""
    columns = [[_json_text(value) for value in column.to_pylist()] for column in table.itercolumns()]
    return [list(row) for row in zip(*columns, strict=True)]


def _json_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (list, dict)):
        return json.dumps(_json_value(value), separators=(",", ":"), ensure_ascii=False)
    return str(_scalar(value))


def _json_value(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        # A map comes out of Arrow as a list of pairs.
        if value and all(isinstance(item, tuple) for item in value):
            return {str(_scalar(key)): _json_value(item) for key, item in value}
        return [_json_value(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(_scalar(value))  # dates and decimals


def _scalar(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dt.datetime):
        # Aware: ISO with milliseconds and Z, as the API's documentation shows; naive: TIMESTAMP_NTZ.
        zone = "Z" if value.tzinfo is not None else ""
        moment = value.astimezone(dt.UTC) if value.tzinfo is not None else value
        return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + zone
    return value
