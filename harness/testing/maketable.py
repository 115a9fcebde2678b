"""A table from rows: through a Parquet file in DBFS, so that every type arrives as it is, and in one statement."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.testing.tables import Rows, rows_of

if TYPE_CHECKING:
    import pyarrow as pa


def make(
    dbfs: Any,
    sql: Any,
    name: str,
    rows: Rows,
    schema: str | Mapping[str, str] | None,
    partitioned_by: Sequence[str],
    location: str,
    properties: Mapping[str, str],
) -> None:
    """Make a Delta table and fill it; see :meth:`harness.testing.factories.Factory.table`."""
    if isinstance(schema, Mapping):
        schema = ", ".join(f"`{column}` {kind}" for column, kind in schema.items())
    table = ".".join(f"`{part}`" for part in name.split("."))
    head = f"CREATE OR REPLACE TABLE {table}"
    options = _options(partitioned_by, location, properties)
    if schema is not None:
        sql(f"{head} ({schema}) USING DELTA {options}")
        data = arrow(rows, _columns(sql(f"DESCRIBE TABLE {table}")))
    else:
        data = arrow(rows, None)
        if not data.num_columns:
            raise ValueError(f"the columns of {name} are not known: give rows, or schema='id BIGINT, …'")
    if schema is not None and not data.num_rows:
        return
    place = f"/harness-factory/{uuid.uuid4().hex}.parquet"
    written = io.BytesIO()
    _write(data, written)
    written.seek(0)
    dbfs.upload(place, written, overwrite=True)
    try:
        source = f"parquet.`dbfs:{place}`"
        if schema is None:
            sql(f"{head} USING DELTA {options} AS SELECT * FROM {source}")
        else:
            named = ", ".join(f"`{column}`" for column in data.column_names)
            sql(f"INSERT INTO {table} ({named}) SELECT {named} FROM {source}")
    finally:
        dbfs.delete(place)


def arrow(rows: Rows, columns: Sequence[str] | None) -> pa.Table:
    """Rows as an Arrow table; a column that holds nothing but nulls is text."""
    import pyarrow as pa

    if hasattr(rows, "to_pylist"):
        table = rows
    elif hasattr(rows, "columns") and hasattr(rows, "itertuples"):
        table = pa.Table.from_pandas(rows, preserve_index=False)
    elif isinstance(rows, Path) and rows.suffix == ".csv":
        from pyarrow import csv

        table = csv.read_csv(rows, convert_options=csv.ConvertOptions(strings_can_be_null=True))
    else:
        known = rows_of(rows, columns)
        names = list(dict.fromkeys(name for row in known for name in row))
        # From all rows: from_pylist looks at the keys of the first alone.
        table = pa.table({name: [row.get(name) for row in known] for name in names})
    for place, field in enumerate(table.schema):
        if pa.types.is_null(field.type):
            table = table.set_column(place, field.name, table.column(place).cast(pa.string()))
    return table


def _write(data: pa.Table, file: Any) -> None:
    import pyarrow.parquet as pq

    # Spark reads no nanoseconds, which pandas' times have.
    pq.write_table(data, file, coerce_timestamps="us", allow_truncated_timestamps=True)


def _options(partitioned_by: Sequence[str], location: str, properties: Mapping[str, str]) -> str:
    parts = []
    if partitioned_by:
        parts.append(f"PARTITIONED BY ({', '.join(f'`{column}`' for column in partitioned_by)})")
    if location:
        parts.append(f"LOCATION '{location}'")
    if properties:
        pairs = ", ".join(f"'{key}' = '{value}'" for key, value in properties.items())
        parts.append(f"TBLPROPERTIES ({pairs})")
    return " ".join(parts)


def _columns(described: list[Any]) -> list[str]:
    """The columns' names: after an empty line, DESCRIBE goes on with the partitions."""
    names = [row[0] for row in described]
    end = next((place for place, name in enumerate(names) if not name or name.startswith("#")), len(names))
    return names[:end]
