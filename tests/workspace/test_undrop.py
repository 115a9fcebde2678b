"""Dropped tables brought back, through the SQL connector; what is in them, read by delta-rs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sql.exc import ServerOperationError

from harness.lake.tables import LakeReader

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]


def test_a_dropped_table_is_listed_and_brought_back(
    sql: Sql, lake: LakeReader, workspace: WorkspaceClient, tmp_path: Path
) -> None:
    sql("CREATE TABLE main.default.kept COMMENT 'ours' AS SELECT 1 AS id")
    sql("INSERT INTO main.default.kept VALUES (2)")
    sql("GRANT SELECT ON TABLE main.default.kept TO readers")
    sql(f"CREATE TABLE main.default.outside LOCATION 'file:{tmp_path}/outside' AS SELECT 7 AS id")
    sql("CREATE VIEW main.default.seen AS SELECT 1 AS x")
    first = workspace.tables.get("main.default.kept").table_id
    sql("DROP TABLE main.default.kept")
    sql("DROP TABLE main.default.outside")
    sql("DROP VIEW main.default.seen")
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        sql("SELECT * FROM main.default.kept")
    dropped = sql("SHOW TABLES DROPPED IN main.default")
    assert [(row.tableName, row.tableType) for row in dropped] == [("outside", "EXTERNAL"), ("kept", "MANAGED")]
    assert (dropped[1].tableId, dropped[1].comment) == (first, "ours")
    assert dropped[1].deletedAt >= dropped[1].createdAt
    assert len(sql("SHOW TABLES DROPPED LIMIT 1")) == 1
    sql("UNDROP TABLE kept")
    sql("UNDROP TABLE main.default.outside")
    assert sql("SELECT id FROM main.default.kept ORDER BY id") == [(1,), (2,)]
    assert sql("SELECT count(*) FROM main.default.kept@v0") == [(1,)]
    assert sql("SELECT * FROM main.default.outside") == [(7,)]
    assert sorted(lake.table("main.default.kept").to_pandas()["id"].tolist()) == [1, 2]
    # It is the same table, with what was granted on it.
    assert workspace.tables.get("main.default.kept").table_id == first
    assert ("readers", "SELECT", "TABLE", "main.default.kept") in sql("SHOW GRANTS ON TABLE kept")
    assert sql("SHOW TABLES DROPPED IN main.default") == []


def test_one_of_several_dropped_tables_is_brought_back_by_its_id(sql: Sql) -> None:
    for value in (1, 2):
        sql(f"CREATE TABLE main.default.again AS SELECT {value} AS id")
        sql("DROP TABLE main.default.again")
    newer, older = (row.tableId for row in sql("SHOW TABLES DROPPED"))
    sql(f"UNDROP TABLE WITH ID '{older}'")
    assert sql("SELECT * FROM main.default.again") == [(1,)]
    with pytest.raises(ServerOperationError, match=r"\[TABLE_OR_VIEW_ALREADY_EXISTS\].*42P07"):
        sql("UNDROP TABLE main.default.again")
    sql("ALTER TABLE main.default.again RENAME TO main.default.older")
    sql("UNDROP TABLE WITH ID ?", [newer])
    assert sql("SELECT older.id, again.id FROM main.default.older CROSS JOIN main.default.again") == [(1, 2)]


def test_what_cannot_be_undropped_says_so(sql: Sql) -> None:
    sql("CREATE TABLE hive_metastore.default.legacy AS SELECT 1 AS id")
    sql("DROP TABLE hive_metastore.default.legacy")
    sql("CREATE SCHEMA main.gone")
    sql("CREATE TABLE main.gone.t AS SELECT 1 AS id")
    sql("DROP SCHEMA main.gone CASCADE")
    for statement, says in (
        ("UNDROP TABLE hive_metastore.default.legacy", r"\[TABLE_OR_VIEW_NOT_FOUND\]"),
        ("UNDROP TABLE main.gone.t", r"\[SCHEMA_NOT_FOUND\]"),
        ("UNDROP TABLE WITH ID 'none'", r"\[TABLE_OR_VIEW_NOT_FOUND\]"),
        ("UNDROP VIEW main.default.v", "UNDROP VIEW|UNDROP MATERIALIZED VIEW is not supported"),
        ("UNDROP TABLE a.b.c.d", r"\[IDENTIFIER_TOO_MANY_NAME_PARTS\]"),
        ("SHOW TABLES DROPPED LIMIT x", r"\[PARSE_SYNTAX_ERROR\]"),
        ("SHOW TABLES DROPPED IN main.gone", r"\[SCHEMA_NOT_FOUND\]"),
    ):
        with pytest.raises(ServerOperationError, match=says):
            sql(statement)
    sql("CREATE SCHEMA main.gone")
    assert sql("SHOW TABLES DROPPED IN main.gone") == []
