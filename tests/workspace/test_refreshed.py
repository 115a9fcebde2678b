"""Materialized views and streaming tables on a warehouse, through the SQL connector and the SDK."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import TableType, VolumeType
from databricks.sql.exc import ServerOperationError

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]


def rows(sql: Sql, statement: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in sql(statement)]


def test_a_materialized_view_is_computed_when_it_is_made_and_at_each_refresh(
    sql: Sql, workspace: WorkspaceClient
) -> None:
    sql("CREATE SCHEMA main.mv")
    sql("USE main.mv")
    sql("CREATE TABLE sales (city STRING, n INT)")
    sql("INSERT INTO sales VALUES ('Oslo', 1)")
    sql("""
        CREATE MATERIALIZED VIEW totals (city COMMENT 'where', total BIGINT)
        COMMENT 'by city' SCHEDULE EVERY 1 HOUR
        AS SELECT city, sum(n) FROM sales GROUP BY city
    """)
    sql("USE main.default")
    table = workspace.tables.get("main.mv.totals")
    assert table.table_type is TableType.MATERIALIZED_VIEW
    assert table.view_definition is not None
    assert "sum(n)" in table.view_definition
    assert [(c.name, c.comment) for c in table.columns or []] == [("city", "where"), ("total", None)]
    sql("INSERT INTO main.mv.sales VALUES ('Oslo', 2), ('Bergen', 5)")
    assert rows(sql, "SELECT * FROM main.mv.totals") == [("Oslo", 1)]
    sql("REFRESH MATERIALIZED VIEW main.mv.totals")
    assert rows(sql, "SELECT * FROM main.mv.totals ORDER BY city") == [("Bergen", 5), ("Oslo", 3)]
    kinds = "SELECT table_name, table_type FROM main.information_schema.tables WHERE table_schema = 'mv' ORDER BY 1"
    assert rows(sql, kinds) == [("sales", "MANAGED"), ("totals", "MATERIALIZED_VIEW")]
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_ALREADY_EXISTS"):
        sql("CREATE MATERIALIZED VIEW main.mv.totals AS SELECT 1 AS one")
    sql("CREATE MATERIALIZED VIEW IF NOT EXISTS main.mv.totals AS SELECT 1 AS one")
    sql("CREATE OR REPLACE MATERIALIZED VIEW main.mv.totals AS SELECT 1 AS one")
    assert rows(sql, "SELECT * FROM main.mv.totals") == [(1,)]
    with pytest.raises(ServerOperationError, match="WRONG_COMMAND_FOR_OBJECT_TYPE"):
        sql("DROP MATERIALIZED VIEW main.mv.sales")
    sql("DROP MATERIALIZED VIEW main.mv.totals")
    sql("DROP MATERIALIZED VIEW IF EXISTS main.mv.totals")
    assert not workspace.tables.exists("main.mv.totals").table_exists


def test_a_streaming_table_loads_each_file_once_until_it_is_refreshed_in_full(
    sql: Sql, workspace: WorkspaceClient
) -> None:
    sql("CREATE SCHEMA main.st")
    workspace.volumes.create("main", "st", "raw", VolumeType.MANAGED)
    folder = "/Volumes/main/st/raw"
    workspace.files.upload(f"{folder}/in/a.csv", BytesIO(b"id,name\n1,Ada\n"))
    files = f"STREAM read_files('{folder}/in', format => 'csv', header => true)"
    sql(f"CREATE OR REFRESH STREAMING TABLE main.st.people AS SELECT id, name FROM {files}")
    assert rows(sql, "SELECT * FROM main.st.people") == [(1, "Ada")]
    assert workspace.tables.get("main.st.people").table_type is TableType.STREAMING_TABLE
    workspace.files.upload(f"{folder}/in/b.csv", BytesIO(b"name,id\nBob,2\n"))
    sql("REFRESH STREAMING TABLE main.st.people")
    sql("REFRESH main.st.people")
    assert rows(sql, "SELECT * FROM main.st.people ORDER BY id") == [(1, "Ada"), (2, "Bob")]
    workspace.files.delete(f"{folder}/in/a.csv")
    sql("REFRESH STREAMING TABLE main.st.people FULL")
    assert rows(sql, "SELECT * FROM main.st.people") == [(2, "Bob")]
    sql("CREATE STREAMING TABLE main.st.copied AS SELECT upper(name) AS name FROM STREAM(main.st.people)")
    assert rows(sql, "SELECT * FROM main.st.copied") == [("BOB",)]
    sql("DROP TABLE main.st.copied")


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE STREAMING TABLE main.default.x AS SELECT 1 AS a", "reads no stream"),
        ("CREATE STREAMING TABLE main.default.x", "without a query"),
        ("CREATE MATERIALIZED VIEW main.default.x (a INT, CONSTRAINT c EXPECT (a > 0)) AS SELECT 1 AS a", "CONSTRAINT"),
        ("CREATE MATERIALIZED VIEW main.default.x WITH ROW FILTER f ON (a) AS SELECT 1 AS a", "WITH"),
        ("REFRESH MATERIALIZED VIEW main.default.nope", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELECT * FROM STREAM read_files('/x', format => 'csv')", "STREAM"),
    ],
)
def test_what_cannot_be_refreshed_is_refused(sql: Sql, statement: str, said: str) -> None:
    with pytest.raises(ServerOperationError, match=said):
        sql(statement)
