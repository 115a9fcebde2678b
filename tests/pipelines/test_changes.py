"""AUTO CDC: tables that are made of changes, whatever order these come in."""

from __future__ import annotations

from typing import Any

from tests.pipelines.conftest import Pipelines

PYTHON = """from pyspark import pipelines as dp
from pyspark.sql.functions import col, expr

@dp.temporary_view
def changed():
    return spark.readStream.table("main.sales.feed")

dp.create_streaming_table("now", expect_all_or_drop={"named": "name <> '?'"})
dp.create_auto_cdc_flow(
    target="now", source="changed", keys=["id"], sequence_by=col("at"), apply_as_deletes=expr("op = 'D'"),
    apply_as_truncates="op = 'T'", except_column_list=["op", "at"], ignore_null_updates=True,
)
"""
SQL = """CREATE OR REFRESH STREAMING TABLE history
(id INT, name STRING, city STRING, __START_AT INT, __END_AT INT);
APPLY CHANGES INTO LIVE.history FROM STREAM(main.sales.feed) KEYS (id) APPLY AS DELETE WHEN op IN ('D', 'T')
SEQUENCE BY at COLUMNS * EXCEPT (op, at) STORED AS SCD TYPE 2 TRACK HISTORY ON * EXCEPT (city);
"""
OTHERS = """CREATE OR REFRESH STREAMING TABLE merged;
CREATE FLOW merging AS AUTO CDC INTO merged FROM stream(main.sales.feed) KEYS (id)
APPLY AS DELETE WHEN op = 'D' SEQUENCE BY at COLUMNS (id, name) STORED AS SCD TYPE 1;
"""
OLDER = """import dlt
dlt.create_streaming_table("versions")
dlt.apply_changes(target="versions", source="main.sales.feed", keys=["id"], sequence_by="at", stored_as_scd_type="2")
"""


def test_changes_make_tables_of_both_types(pipelines: Pipelines, sql: Any) -> None:
    sql("CREATE SCHEMA main.sales")
    sql("CREATE TABLE main.sales.feed (id INT, name STRING, city STRING, op STRING, at INT)")
    sql(
        "INSERT INTO main.sales.feed VALUES (1, 'Ann', 'Rome', 'I', 1), (1, 'Anna', 'Rome', 'U', 4), "
        "(1, 'Anna', NULL, 'U', 5), (2, 'Bob', 'Oslo', 'I', 2), (2, NULL, NULL, 'D', 6), (3, '?', 'Bonn', 'I', 3)"
    )
    id = pipelines.make({"changes.py": PYTHON, "changes.sql": SQL})
    assert pipelines.update(id).state.value == "COMPLETED", pipelines.errors(id)
    assert rows(pipelines, "now") == [(1, "Anna", "Rome")]
    first = [
        (1, "Ann", "Rome", 1, 4), (1, "Anna", None, 4, None), (2, "Bob", "Oslo", 2, 6), (3, "?", "Bonn", 3, None),
    ]  # fmt: skip
    assert rows(pipelines, "history") == first
    assert pipelines.w.tables.get("main.sales.history").table_type.value == "STREAMING_TABLE"
    # What comes late has its place: between two versions, before a deletion, before all is truncated.
    sql(
        "INSERT INTO main.sales.feed VALUES (1, 'Annie', 'Rome', 'U', 3), (2, 'Bobby', 'Oslo', 'U', 5), "
        "(4, 'Dan', 'Bern', 'I', 7), (9, NULL, NULL, 'T', 6)"
    )
    assert pipelines.update(id).state.value == "COMPLETED", pipelines.errors(id)
    assert rows(pipelines, "now") == [(4, "Dan", "Bern")]
    late = [
        (1, "Ann", "Rome", 1, 3), (1, "Annie", "Rome", 3, 4), (1, "Anna", None, 4, None), (2, "Bob", "Oslo", 2, 5),
        (2, "Bobby", "Oslo", 5, 6), (3, "?", "Bonn", 3, None), (4, "Dan", "Bern", 7, None),
    ]  # fmt: skip
    assert rows(pipelines, "history") == late
    # A change that has no place fails the update, and leaves the tables as they are.
    sql("INSERT INTO main.sales.feed VALUES (5, 'Eve', 'Graz', 'I', NULL)")
    assert pipelines.update(id, refresh_selection=["history"]).state.value == "FAILED"
    assert "SEQUENCE BY" in pipelines.errors(id)[-1]["message"]
    assert rows(pipelines, "history") == late
    # The other spellings.
    others = pipelines.make({"others.sql": OTHERS, "older.py": OLDER})
    assert pipelines.update(others, validate_only=True).state.value == "COMPLETED", pipelines.errors(others)


def rows(pipelines: Pipelines, table: str) -> list[tuple[Any, ...]]:
    """The rows of a table, by id, then from when they hold."""
    found = [tuple(row.values()) for row in pipelines.rows(f"main.sales.{table}")]
    return sorted(found, key=lambda row: (row[0], row[3:4]))
