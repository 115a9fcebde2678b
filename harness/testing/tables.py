"""``assert_table`` and ``assert_schema``: a table against rows, with a difference that is read at a glance."""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.lake.tables import LakeReader, NotDelta
from harness.testing import compare, schemas
from harness.testing.compare import Cell, Row

if TYPE_CHECKING:
    import pyarrow as pa

Rows = Any  # rows (mappings or sequences), a pandas DataFrame, a pyarrow Table, or a CSV, JSON or Parquet file


class UnknownColumns(ValueError):
    """A column is named that the table does not have. The message names near ones."""


def rows_of(source: Rows, columns: Sequence[str] | None = None) -> list[Row]:
    """Rows as dictionaries.

    Parameters: ``source``: mappings; sequences, which ``columns`` name; a DataFrame; a pyarrow Table; or the path of a
    CSV file (whose values are compared by their text, an empty cell is null), a JSON file (a list of objects, or a
    line each) or a Parquet file.
    Raises: ``TypeError`` for anything else; ``ValueError`` for rows of the wrong length.
    """
    if isinstance(source, Path):
        return _of_file(source)
    if hasattr(source, "to_pylist"):
        return list(source.to_pylist())
    if hasattr(source, "columns") and hasattr(source, "itertuples"):
        import pyarrow as pa

        return list(pa.Table.from_pandas(source, preserve_index=False).to_pylist())
    if isinstance(source, (str, bytes, Mapping)) or not isinstance(source, Iterable):
        raise TypeError(f"rows are a list of mappings or tuples, a DataFrame or a file's Path, not {source!r}")
    rows = []
    for each in source:
        if hasattr(each, "asDict"):
            rows.append(dict(each.asDict()))
        elif isinstance(each, Mapping):
            rows.append(dict(each))
        elif columns is None:
            raise TypeError(f"the row {each!r} has no column names: give mappings, or columns=[…] too")
        else:
            rows.append(dict(zip(columns, each, strict=True)))
    return rows


class TableAsserts:
    """Asserts on the tables that ``lake`` reads; ``query`` reads what is not Delta: views."""

    def __init__(self, lake: LakeReader, query: Callable[[str], pa.Table]) -> None:
        self._lake = lake
        self._query = query

    def read(self, table: Any) -> tuple[str, list[str], list[Row]]:
        """Name, columns and rows of ``table``: its full name, or rows as :func:`rows_of` knows them."""
        if not isinstance(table, str):
            rows = rows_of(table)
            columns = list(getattr(table, "column_names", rows[0] if rows else []))
            return "rows", columns, rows
        try:
            arrow = self._lake.table(table).to_arrow()
        except NotDelta:
            arrow = self._query(f"SELECT * FROM {_quoted(table)}")
        return table, list(arrow.column_names), list(arrow.to_pylist())

    def assert_table(
        self,
        table: Any,
        rows: Rows,
        *,
        ordered: bool = False,
        columns: Sequence[str] | None = None,
        tolerance: float | None = None,
        key: Sequence[str] | str = (),
    ) -> None:
        """Fail unless ``table`` holds ``rows`` and no others.

        Parameters: ``table``: a full name (or rows: of a query, a DataFrame); ``rows``: see :func:`rows_of`;
        ``ordered``: the order counts; ``columns``: compare these alone; else all of the table's; ``tolerance``: how far
        numbers may be apart, absolutely and in proportion; ``key``: columns that say which row is which.
        Raises: ``AssertionError`` with the differences; ``TableNotFound``; ``UnknownColumns``.
        """
        __tracebackhide__ = True
        name, has, found = self.read(table)
        wanted = rows_of(rows, columns or has)
        used = list(columns) if columns is not None else has if has else list(wanted[0] if wanted else [])
        keys = [key] if isinstance(key, str) else list(key)
        _known([*used, *keys], has or used, name)
        for row in wanted:
            _known(row, has or used, name)
            if lacking := [column for column in used if column not in row]:
                raise AssertionError(
                    f"the expected row {row} has no {', '.join(lacking)}, which {name} has: compare fewer columns with "
                    f"columns={[column for column in used if column in row]}"
                )
        lines = compare.difference(
            [{c: row[c] for c in used} for row in wanted],
            [{c: row[c] for c in used} for row in found],
            ordered=ordered,
            tolerance=tolerance,
            key=keys,
        )
        if lines:
            counts = f"{len(found)} rows, expected {len(wanted)}" if len(found) != len(wanted) else f"{len(found)} rows"
            raise AssertionError("\n  ".join([f"{name} is not as expected ({counts}):", *lines]))

    def assert_schema(self, table: str, schema: schemas.Schema, *, ordered: bool = True, nulls: bool = False) -> None:
        """Fail unless ``table`` has these columns and types.

        Parameters: ``schema``: ``{"id": "BIGINT"}`` or ``"id BIGINT, name STRING"``; ``ordered``: the order of the
        columns counts; ``nulls``: ``NOT NULL`` counts.
        Raises: ``AssertionError`` with the differences; ``TableNotFound``; ``NotDelta``.
        """
        __tracebackhide__ = True
        delta = self._lake.table(table).delta
        found, wanted = schemas.of_delta(json.loads(delta.schema().to_json())["fields"]), schemas.wanted(schema)
        if not nulls:
            found, wanted = ({n: k.removesuffix(" not null") for n, k in each.items()} for each in (found, wanted))
        if lines := schemas.difference(wanted, found, ordered=ordered):
            raise AssertionError("\n  ".join([f"the schema of {table} is not as expected:", *lines]))


def _known(names: Iterable[str], has: Sequence[str], table: str) -> None:
    for name in names:
        if name not in has:
            near = difflib.get_close_matches(name, has, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(has)}."
            raise UnknownColumns(f"{table} has no column {name!r}: {hint}")


def _quoted(name: str) -> str:
    return ".".join(f"`{part}`" for part in name.split("."))


def _of_file(path: Path) -> list[Row]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8", newline="") as file:
            return [{name: Cell(value) for name, value in row.items()} for row in csv.DictReader(file, strict=True)]
    if path.suffix == ".json":
        written = path.read_text(encoding="utf-8")
        if written.lstrip().startswith("["):
            return list(json.loads(written))
        return [json.loads(line) for line in written.splitlines() if line.strip()]
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return list(pq.read_table(path).to_pylist())
    raise TypeError(f"{path.name}: rows are read from .csv, .json and .parquet files")
