"""Table asserts: what is equal, and how a difference reads. No stack: delta-rs writes the tables."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from harness.lake.tables import NotDelta, Table, TableNotFound
from harness.testing.tables import TableAsserts, UnknownColumns

METERS = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int64()),
        "place": ["north", "south", None],
        "kwh": [1.5, 2.25, float("nan")],
        "price": pa.array([Decimal("1.10"), Decimal("2.20"), None], pa.decimal128(10, 2)),
        "day": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 2), datetime.date(2024, 1, 3)],
    }
)
ROWS = [
    {"id": 3, "place": None, "kwh": float("nan"), "price": None, "day": datetime.date(2024, 1, 3)},
    {"id": 1, "place": "north", "kwh": 1.5, "price": 1.1, "day": datetime.date(2024, 1, 1)},
    {"id": 2, "place": "south", "kwh": 2.25, "price": Decimal("2.2"), "day": datetime.date(2024, 1, 2)},
]


class Folder:
    """Reads tables that lie below a folder, as ``LakeReader`` reads a workspace's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def table(self, name: str) -> Table:
        if name == "main.s.view":
            raise NotDelta(name)
        if not (self.folder / name).exists():
            raise TableNotFound(name)
        return Table(name, f"file:{self.folder / name}", {})


@pytest.fixture
def asserts(tmp_path: Path) -> TableAsserts:
    write_deltalake(tmp_path / "main.s.meters", METERS)
    reader: Any = Folder(tmp_path)
    return TableAsserts(reader, lambda query: pa.table({"asked": [query]}))


def message(asserts: TableAsserts, *arguments: Any, **options: Any) -> str:
    with pytest.raises(AssertionError) as caught:
        asserts.assert_table(*arguments, **options)
    return str(caught.value)


def test_rows_are_equal_in_any_order_and_in_every_form(asserts: TableAsserts, tmp_path: Path) -> None:
    asserts.assert_table("main.s.meters", ROWS)
    asserts.assert_table("main.s.meters", [tuple(row.values()) for row in ROWS])
    asserts.assert_table("main.s.meters", METERS)
    asserts.assert_table("main.s.meters", [(1, "north"), (2, "south"), (3, None)], columns=["id", "place"])
    asserts.assert_table("main.s.meters", pd.DataFrame({"id": [3, 2, 1]}), columns=["id"])
    asserts.assert_table(pd.DataFrame({"id": [3, 2]}), [{"id": 2}, {"id": 3}])
    csv = tmp_path / "rows.csv"
    csv.write_text("id,place,day\n3,,2024-01-03\n1,north,2024-01-01\n2,south,2024-01-02\n")
    asserts.assert_table("main.s.meters", csv, columns=["id", "place", "day"])


def test_a_view_is_read_by_sql(asserts: TableAsserts) -> None:
    asserts.assert_table("main.s.view", [{"asked": "SELECT * FROM `main`.`s`.`view`"}])


def test_the_difference_names_the_row_and_the_cell(asserts: TableAsserts) -> None:
    wrong = [{**ROWS[1], "kwh": 1.75}, {**ROWS[0], "id": 4, "place": "west", "day": datetime.date(2025, 1, 1)}, ROWS[2]]
    text = message(asserts, "main.s.meters", wrong)
    assert text.splitlines()[0] == "main.s.meters is not as expected (3 rows):"
    assert "row with id = 1: kwh is 1.5, not 1.75" in text
    assert "missing: {id: 4, place: 'west'" in text
    assert "not expected: {id: 3" in text
    assert "id = 2" not in text


def test_the_key_says_which_row_is_which(asserts: TableAsserts) -> None:
    rows = [{**row, "place": "x", "kwh": 0.0, "price": None} for row in ROWS]
    text = message(asserts, "main.s.meters", rows, key="id")
    assert "row with id = 1: place is 'north', not 'x', kwh is 1.5, not 0.0, price is Decimal('1.10'), not None" in text
    assert "missing" not in text


def test_order_and_counts_are_compared(asserts: TableAsserts) -> None:
    asserts.assert_table("main.s.meters", [{"id": i} for i in (1, 2, 3)], columns=["id"], ordered=True)
    assert "row 1: id is 1, not 3" in message(
        asserts, "main.s.meters", [{"id": i} for i in (3, 2, 1)], columns=["id"], ordered=True
    )
    text = message(asserts, "main.s.meters", [{"id": 1}, {"id": 1}, {"id": 2}, {"id": 3}], columns=["id"])
    assert "(3 rows, expected 4)" in text
    assert "missing: {id: 1}" in text


def test_numbers_may_be_near(asserts: TableAsserts, tmp_path: Path) -> None:
    near = [{"id": row["id"], "kwh": row["kwh"] + 1e-9} for row in ROWS]
    assert "kwh is" in message(asserts, "main.s.meters", near, columns=["id", "kwh"])
    asserts.assert_table("main.s.meters", near, columns=["id", "kwh"], tolerance=1e-6)
    csv = tmp_path / "rows.csv"
    csv.write_text("id,kwh\n1,1.5000001\n2,2.25\n3,nan\n")
    asserts.assert_table("main.s.meters", csv, columns=["id", "kwh"], tolerance=1e-6)
    assert "kwh is 1.5, not 1.5000001" in message(asserts, "main.s.meters", csv, columns=["id", "kwh"])


def test_types_are_not_mistaken_for_each_other(asserts: TableAsserts) -> None:
    assert "id is 1, not '1'" in message(asserts, [{"id": 1, "a": 0}], [{"id": "1", "a": 0}])
    assert "id is 1, not True" in message(asserts, [{"id": 1, "a": 0}], [{"id": True, "a": 0}])
    assert "id is '', not None" in message(asserts, [{"id": "", "a": 0}], [{"id": None, "a": 0}])
    noon = datetime.datetime(2024, 1, 1, 12)
    asserts.assert_table([{"t": noon.replace(tzinfo=datetime.UTC)}], [{"t": noon}])
    asserts.assert_table([{"t": pd.Timestamp("2024-01-01 13:00", tz="Europe/Berlin")}], [{"t": noon}])
    asserts.assert_table([{"deep": {"list": [1, 2.0]}}], [{"deep": {"list": [1, 2]}}])


def test_an_unknown_column_is_named_with_a_near_one(asserts: TableAsserts) -> None:
    with pytest.raises(UnknownColumns, match="has no column 'plaice': did you mean place"):
        asserts.assert_table("main.s.meters", [{"plaice": "north"}])
    assert "has no place, kwh, price, day" in message(asserts, "main.s.meters", [{"id": 1}])
    with pytest.raises(TypeError, match="no column names"):
        asserts.read([(1, 2)])
    with pytest.raises(TableNotFound):
        asserts.assert_table("main.s.nothing", [])


def test_many_rows_are_compared_in_no_time(asserts: TableAsserts) -> None:
    many = [{"id": i, "v": i / 7} for i in range(20_000)]
    asserts.assert_table(many, [{"id": row["id"], "v": row["v"] + 1e-9} for row in reversed(many)], tolerance=1e-6)
    text = message(asserts, many, [{"id": row["id"], "v": row["v"] + 1} for row in many])
    assert text.endswith("differences more")


def test_the_schema_is_compared_as_spark_writes_it(asserts: TableAsserts, tmp_path: Path) -> None:
    asserts.assert_schema(
        "main.s.meters", "id BIGINT, place STRING, kwh DOUBLE, price DECIMAL(10, 2), day DATE NOT NULL"
    )
    asserts.assert_schema(
        "main.s.meters",
        {"day": "date", "id": "long", "place": "string", "kwh": "double", "price": "decimal(10,2)"},
        ordered=False,
    )
    with pytest.raises(AssertionError) as caught:
        asserts.assert_schema("main.s.meters", "id INT, place STRING, watt DOUBLE, price DECIMAL(10,2), day DATE")
    assert str(caught.value).splitlines()[1:] == [
        "  missing: watt double",
        "  not expected: kwh double",
        "  id is bigint, not int",
    ]
    with pytest.raises(AssertionError, match="day is date, not date not null"):
        asserts.assert_schema(
            "main.s.meters",
            "id BIGINT, place STRING, kwh DOUBLE, price DECIMAL(10,2), day DATE NOT NULL",
            nulls=True,
        )
    with pytest.raises(AssertionError, match="the order is id, place"):
        asserts.assert_schema("main.s.meters", "place STRING, id BIGINT, kwh DOUBLE, price DECIMAL(10,2), day DATE")
    nested = pa.table({"n": [{"a": [1], "b": {"c": "x"}}]})
    write_deltalake(tmp_path / "main.s.nested", nested)
    asserts.assert_schema("main.s.nested", "n STRUCT<a: ARRAY<BIGINT>, b: STRUCT<c: STRING>>")
