"""SQL names and types for the columns of CSV files, and the statements that follow from them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypedDict

# A number that starts with a needless zero (a post code, an article number) is text.
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class Inspection(TypedDict):
    """What one file holds: SQL types by the header's names, None where every cell is blank, and how many rows."""

    file: str
    table: str
    types: dict[str, str | None]
    rows: int


class FileLoad(TypedDict):
    """What it takes to load one file: the argument of the task group ``load_file``."""

    file: str
    table: str
    create: str
    select: str


def identifier(text: str) -> str:
    """A column's or table's SQL name: lower case, words joined by underscores, never empty or starting with a digit.

    Raises: ``ValueError`` for a text without a letter or digit.
    """
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if not name:
        raise ValueError(f"{text!r} makes no SQL name")
    return f"_{name}" if name[0].isdigit() else name


def table_of(file: str) -> str:
    """The table a file belongs to: its name up to the period, so that ``energy_2025_q1.csv`` goes to ``energy``."""
    stem = file.removesuffix(".csv")
    return identifier(re.sub(r"[_\- ]\d{4}.*$", "", stem))


def inspect(file: str, lines: Iterable[str]) -> Inspection:
    """Read a CSV file to its end: the narrowest SQL type that fits all cells of each column, and the number of rows.

    Blank cells are NULL and fit every type.

    Raises: ``ValueError`` for a file without a header, columns of one SQL name, or a row of another length.
    """
    reader = csv.reader(lines)
    header = next(reader, [])
    if not header:
        raise ValueError(f"{file}: no header")
    names = [identifier(text) for text in header]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{file}: several columns are named {', '.join(twice)}")
    types: dict[str, str | None] = dict.fromkeys(header)
    rows = 0
    for row in reader:
        if len(row) != len(header):
            raise ValueError(f"{file}, line {reader.line_num}: {len(row)} cells, the header has {len(header)}")
        rows += 1
        for column, cell in zip(header, row, strict=True):
            types[column] = wider(types[column], type_of(cell))
    return Inspection(file=file, table=table_of(file), types=types, rows=rows)


def type_of(cell: str) -> str | None:
    """The SQL type of one cell; None for a blank one."""
    text = cell.strip()
    if not text:
        return None
    if _INTEGER.fullmatch(text):
        return "BIGINT"
    if _DECIMAL.fullmatch(text):
        return "DOUBLE"
    if _DATE.fullmatch(text):
        try:
            date.fromisoformat(text)
        except ValueError:
            return "STRING"
        return "DATE"
    return "STRING"


def wider(one: str | None, other: str | None) -> str | None:
    """The narrowest SQL type that holds both."""
    if one is None or one == other:
        return other
    if other is None:
        return one
    return "DOUBLE" if {one, other} == {"BIGINT", "DOUBLE"} else "STRING"


def table_types(inspections: Iterable[Inspection]) -> dict[str, dict[str, str]]:
    """SQL types by table and column, wide enough for every file; a column that is blank everywhere is STRING."""
    tables: dict[str, dict[str, str | None]] = {}
    for inspection in inspections:
        columns = tables.setdefault(inspection["table"], {})
        for header, sql_type in inspection["types"].items():
            name = identifier(header)
            columns[name] = wider(columns.get(name), sql_type)
    return {table: {name: known or "STRING" for name, known in columns.items()} for table, columns in tables.items()}


def create_statement(table: str, types: Mapping[str, str]) -> str:
    """``CREATE TABLE IF NOT EXISTS`` for a Delta table of this full name."""
    columns = ",\n".join(f"  `{name}` {sql_type}" for name, sql_type in types.items())
    return f"CREATE TABLE IF NOT EXISTS {table} (\n{columns}\n) USING DELTA"


def select_list(headers: Iterable[str], types: Mapping[str, str]) -> str:
    """The SELECT list of COPY INTO: the file's columns under their SQL names, cast to the table's types.

    Without the casts a column that COPY INTO adds by ``mergeSchema`` would be a STRING, whatever it holds.
    """
    items = []
    for header in headers:
        name = identifier(header)
        source = "`" + header.replace("`", "``") + "`"
        value = source if types[name] == "STRING" else f"CAST({source} AS {types[name]})"
        items.append(f"{value} AS `{name}`")
    return ", ".join(items)


def plan(inspections: Iterable[Inspection], schema: str) -> list[FileLoad]:
    """How to load each file into its table of a schema (``catalog.schema``).

    The types come from all files of a table together, so the order in which they are loaded does not matter.
    """
    found = list(inspections)
    types = table_types(found)
    return [
        FileLoad(
            file=inspection["file"],
            table=f"{schema}.{inspection['table']}",
            create=create_statement(f"{schema}.{inspection['table']}", types[inspection["table"]]),
            select=select_list(inspection["types"], types[inspection["table"]]),
        )
        for inspection in found
    ]
