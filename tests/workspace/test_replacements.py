"""Versions by ``@`` and rows that replace others, through the SQL connector; what was written, read by delta-rs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sql.exc import ServerOperationError

from harness.lake.tables import LakeReader

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]


def test_a_version_is_read_by_a_name_with_an_at_sign(sql: Sql, lake: LakeReader) -> None:
    sql("CREATE TABLE main.default.versions AS SELECT 1 AS id")
    written = sql("DESCRIBE HISTORY main.default.versions")[0].timestamp
    sql("INSERT INTO main.default.versions VALUES (2)")
    assert sql("SELECT count(*), 'a@v0' FROM main.default.versions@v0 -- t@v1") == [(1, "a@v0")]
    joined = "SELECT count(*) FROM main.default.`versions`@v0 AS a CROSS JOIN versions@v1"
    assert sql(joined) == [(2,)]
    assert sql(f"BEGIN {joined}; END") == sql(f"EXECUTE IMMEDIATE '{joined}'") == [(2,)]
    assert sql(f"SELECT count(*) FROM versions@{written:%Y%m%d%H%M%S%f}"[:-3]) == [(1,)]
    history = "SELECT max(version), count(*) FROM (DESCRIBE HISTORY main.default.versions) WHERE operation <> ''"
    assert sql(history) == [(1, 2)]
    assert sql("SELECT d.name, d.numFiles FROM (DESC DETAIL versions) AS d") == [("main.default.versions", 2)]
    with pytest.raises(ServerOperationError, match="DELTA_TIMESTAMP_GREATER_THAN_COMMIT"):
        sql(f"SELECT * FROM versions@{time.gmtime().tm_year + 1}0101000000000")
    with pytest.raises(ServerOperationError, match="PARSE_SYNTAX_ERROR"):
        sql("SELECT * FROM versions@latest")
    sql("CREATE TABLE main.default.first DEEP CLONE main.default.versions@v0")
    assert lake.table("main.default.first").to_pandas()["id"].tolist() == [1]


def test_rows_take_the_place_of_those_that_they_match(sql: Sql, lake: LakeReader) -> None:
    sql("CREATE TABLE main.default.replaced (id INT, name STRING)")
    sql("INSERT INTO main.default.replaced VALUES (1, 'a'), (2, 'b'), (2, 'c'), (NULL, 'd')")
    # Columns by their position; several rows for several; NULL matches nothing, as in a join.
    using = "INSERT INTO main.default.replaced REPLACE USING (id) SELECT * FROM VALUES (2, ?), (2, 'y'), (NULL, 'z')"
    assert sql(using, ["x"]) == [(3, 3)]
    rows = "SELECT id, name FROM main.default.replaced ORDER BY id NULLS LAST, name"
    assert sql(rows) == [(1, "a"), (2, "x"), (2, "y"), (None, "d"), (None, "z")]
    on = "t.id = s.id OR t.name IN ('d', 'z') (SELECT 'n' AS name, 1 AS id) AS s;"
    assert sql(f"INSERT INTO replaced AS t BY NAME REPLACE ON {on}") == [(1, 1)]
    assert sql(rows) == [(1, "n"), (2, "x"), (2, "y")]
    assert sql("INSERT INTO replaced REPLACE ON (replaced.id = 2) VALUES (3, 'three')") == [(1, 1)]
    sql("INSERT WITH SCHEMA EVOLUTION INTO replaced REPLACE USING (id) SELECT 3 AS id, 'drei' AS name, true AS new")
    assert sql("SELECT * FROM replaced ORDER BY id") == [(1, "n", None), (3, "drei", True)]
    table = lake.table("main.default.replaced")
    assert sorted(table.to_pandas()["id"].tolist()) == [1, 3]
    # One commit each: a reader never sees the table without the rows.
    assert table.version == 5


def test_a_replacement_that_does_not_fit_changes_nothing(sql: Sql) -> None:
    sql("CREATE TABLE main.default.kept AS SELECT 1 AS id, 'a' AS name")
    for statement, says in (
        ("REPLACE USING (id) SELECT 2", r"INSERT_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS.*21S01"),
        ("REPLACE USING (nope) SELECT 2, 'x'", r"UNRESOLVED_COLUMN.*nope.*42703"),
        ("REPLACE USING (id) SELECT nowhere, 'x'", "UNRESOLVED_COLUMN"),
        ("REPLACE USING (id) SELECT array(1), 'x'", "INCOMPATIBLE|CAST|DATATYPE"),
        ("REPLACE ON id IN (SELECT 1) SELECT 2, 'x'", "REPLACE ON with a subquery in its condition is not supported"),
        ("REPLACE USING (id) (SELECT 2, 'x'", "PARSE_SYNTAX_ERROR"),
    ):
        with pytest.raises(ServerOperationError, match=says):
            sql(f"INSERT INTO main.default.kept {statement}")
    assert sql("SELECT * FROM main.default.kept") == [(1, "a")]
