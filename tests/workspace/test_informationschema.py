"""What dbt, catalogs and BI tools ask of metadata in SQL, through the SQL connector and the SDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, ResourceConflict
from databricks.sdk.service.catalog import AwsIamRoleRequest
from databricks.sql.exc import ServerOperationError

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]


def rows(found: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in found]


def test_the_system_catalog_tells_of_all_catalogs_and_is_only_read(sql: Sql, workspace: WorkspaceClient) -> None:
    workspace.catalogs.create("other")
    sql("CREATE TABLE other.default.far AS SELECT 1 AS id")
    sql("CREATE TABLE main.default.near AS SELECT 1 AS id")
    sql("CREATE TABLE hive_metastore.default.old AS SELECT 1 AS id")
    told = "SELECT table_catalog, table_name FROM system.information_schema.tables ORDER BY table_name"
    assert rows(sql(told)) == [("other", "far"), ("main", "near")]
    columns = (
        "SELECT table_catalog, full_data_type FROM `system`.`information_schema`.`columns` WHERE table_name = 'far'"
    )
    assert rows(sql(columns)) == [("other", "int")]
    assert rows(sql("SHOW CATALOGS")) == [("hive_metastore",), ("main",), ("other",), ("system",)], (
        "and none of Spark's"
    )
    assert rows(sql("SHOW SCHEMAS IN system")) == [("information_schema",)]
    for change in (
        "CREATE TABLE system.information_schema.mine (id INT)",
        "DROP TABLE system.information_schema.tables",
    ):
        with pytest.raises(ServerOperationError, match="The catalog system cannot be changed"):
            sql(change)
    with pytest.raises(ServerOperationError, match=r"\[TABLE_OR_VIEW_NOT_FOUND\].*`system`.`billing`.`usage`"):
        sql("SELECT * FROM system.billing.usage")
    with pytest.raises((ResourceConflict, BadRequest), match="already exists"):
        workspace.catalogs.create("system")


def test_tags_are_told_by_information_schema(sql: Sql) -> None:
    sql("CREATE TABLE main.default.tagged (id INT, name STRING)")
    sql("ALTER TABLE main.default.tagged SET TAGS ('team' = 'jaffle', 'flag')")
    sql("ALTER TABLE main.default.tagged ALTER COLUMN name SET TAGS ('pii' = 'yes')")
    sql("ALTER SCHEMA main.default SET TAGS ('layer' = 'gold')")
    asked = "SELECT schema_name, table_name, tag_name, tag_value FROM system.information_schema.table_tags ORDER BY 3"
    assert rows(sql(asked)) == [("default", "tagged", "flag", ""), ("default", "tagged", "team", "jaffle")]
    asked = "SELECT table_name, column_name, tag_name, tag_value FROM main.information_schema.column_tags"
    assert rows(sql(asked)) == [("tagged", "name", "pii", "yes")]
    assert rows(sql("SELECT * FROM main.information_schema.schema_tags")) == [("main", "default", "layer", "gold")]
    # None can be set, so there is none to tell of.
    for empty in ("row_filters", "column_masks", "catalog_tags", "volume_tags"):
        assert sql(f"SELECT * FROM main.information_schema.{empty}") == []


def test_keys_are_told_by_information_schema_and_by_describe(sql: Sql) -> None:
    sql("CREATE TABLE main.default.parent (a INT NOT NULL, b INT NOT NULL, CONSTRAINT p PRIMARY KEY (a, b))")
    sql(
        "CREATE TABLE main.default.child (x INT, y INT, "
        "CONSTRAINT c FOREIGN KEY (x, y) REFERENCES main.default.parent (a, b))"
    )
    constraints = "SELECT constraint_name, table_name, constraint_type FROM main.information_schema.table_constraints"
    assert rows(sql(f"{constraints} ORDER BY 1")) == [("c", "child", "FOREIGN KEY"), ("p", "parent", "PRIMARY KEY")]
    # The join by which dbt finds foreign keys.
    joined = sql(
        "SELECT k.column_name, u.table_name, u.column_name FROM main.information_schema.key_column_usage k "
        "JOIN main.information_schema.referential_constraints r ON k.constraint_name = r.constraint_name "
        "JOIN main.information_schema.key_column_usage u ON r.unique_constraint_name = u.constraint_name "
        "AND k.position_in_unique_constraint = u.ordinal_position ORDER BY k.ordinal_position"
    )
    assert rows(joined) == [("x", "parent", "a"), ("y", "parent", "b")]
    document = json.loads(sql("DESC EXTENDED main.default.child AS JSON")[0][0])
    assert document["table_constraints"] == (
        "[(c,FOREIGN KEY (`x`, `y`) REFERENCES `main`.`default`.`parent` (`a`, `b`))]"
    )
    sql("ALTER TABLE main.default.parent DROP CONSTRAINT p")
    assert rows(sql(constraints)) == [("c", "child", "FOREIGN KEY")]


def test_a_table_is_described_as_json(sql: Sql) -> None:
    sql(
        "CREATE TABLE main.default.told (id BIGINT NOT NULL COMMENT 'the key', price DECIMAL(10, 2), at TIMESTAMP, "
        "tags ARRAY<STRING>, about STRUCT<x: INT, y: MAP<STRING, DATE>>) CLUSTER BY (id) COMMENT 'it''s told' "
        "TBLPROPERTIES ('layer' = 'gold')"
    )
    document = json.loads(sql("DESCRIBE TABLE EXTENDED main.default.told AS JSON")[0][0])
    text = {"name": "string", "collation": "UTF8_BINARY"}
    dates = {"name": "map", "key_type": text, "value_type": {"name": "date"}, "value_nullable": True}
    fields = [{"name": "x", "type": {"name": "int"}, "nullable": True}, {"name": "y", "type": dates, "nullable": True}]
    assert document["columns"] == [
        {"name": "id", "type": {"name": "bigint"}, "nullable": False, "comment": "the key"},
        {"name": "price", "type": {"name": "decimal", "precision": 10, "scale": 2}, "nullable": True},
        {"name": "at", "type": {"name": "timestamp_ltz"}, "nullable": True},
        {"name": "tags", "type": {"name": "array", "element_type": text, "element_nullable": True}, "nullable": True},
        {"name": "about", "type": {"name": "struct", "fields": fields}, "nullable": True},
    ]
    assert (document["catalog_name"], document["schema_name"], document["table_name"]) == ("main", "default", "told")
    assert (document["type"], document["provider"], document["comment"]) == ("MANAGED", "delta", "it's told")
    assert document["clustering_columns"] == ["id"]
    assert document["table_properties"]["layer"] == "gold"
    sql("CREATE VIEW main.default.seen AS SELECT id FROM main.default.told")
    view = json.loads(sql("DESCRIBE TABLE EXTENDED main.default.seen AS JSON")[0][0])
    assert (view["type"], view["view_text"]) == ("VIEW", "SELECT id FROM main.default.told")
    assert "table_properties" not in view
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        sql("DESCRIBE TABLE EXTENDED main.default.nowhere AS JSON")


def test_show_table_extended_has_the_columns_that_databricks_gives(sql: Sql) -> None:
    sql("CREATE TABLE main.default.one_a (id INT) COMMENT 'first' TBLPROPERTIES ('layer' = 'gold')")
    sql("CREATE VIEW main.default.two_b AS SELECT 1 AS x")
    sql("CREATE TABLE main.default.three (id INT)")
    found = sql("SHOW TABLE EXTENDED IN main.default LIKE 'one*|two_b'")
    assert [row.asDict()["tableName"] for row in found] == ["one_a", "two_b"]
    assert found[0].asDict()["database"] == "default"
    table, view = (row.asDict()["information"].splitlines() for row in found)
    assert {"Type: MANAGED", "Provider: delta", "Comment: first", " |-- id: integer (nullable = true)"} <= set(table)
    assert any("layer=gold" in line for line in table if line.startswith("Table Properties: ["))
    assert {"Type: VIEW", "View Text: SELECT 1 AS x"} <= set(view)


def test_a_column_becomes_not_null_once_no_row_has_null(sql: Sql) -> None:
    sql("CREATE TABLE main.default.narrow (id INT, name STRING)")
    sql("INSERT INTO main.default.narrow VALUES (1, NULL)")
    with pytest.raises(ServerOperationError, match=r"\[DELTA_NEW_NOT_NULL_VIOLATION\] 1 rows .*23512"):
        sql("ALTER TABLE main.default.narrow ALTER COLUMN name SET NOT NULL")
    sql("ALTER TABLE main.default.narrow CHANGE COLUMN ID SET NOT NULL")
    nullable = "SELECT column_name, is_nullable FROM main.information_schema.columns WHERE table_name = 'narrow'"
    assert dict(rows(sql(nullable))) == {"id": "NO", "name": "YES"}
    with pytest.raises(ServerOperationError, match="DELTA_NOT_NULL_CONSTRAINT_VIOLATED"):
        sql("INSERT INTO main.default.narrow VALUES (NULL, 'x')")
    sql("ALTER TABLE main.default.narrow ALTER COLUMN id DROP NOT NULL")
    sql("INSERT INTO main.default.narrow VALUES (NULL, 'x')")
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        sql("ALTER TABLE main.default.nowhere ALTER COLUMN id SET NOT NULL")


def test_automatic_clustering_may_be_asked_of_a_table_that_there_is(sql: Sql) -> None:
    sql("CREATE TABLE main.default.auto (id INT) CLUSTER BY AUTO")
    sql("ALTER TABLE main.default.auto CLUSTER BY AUTO")
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        sql("ALTER TABLE main.default.nowhere CLUSTER BY AUTO")


def test_privileges_are_told_with_where_they_come_from(sql: Sql) -> None:
    sql("CREATE TABLE main.default.granted (id INT)")
    sql("GRANT USE SCHEMA, SELECT ON SCHEMA main.default TO `analysts`")
    sql("GRANT MODIFY ON TABLE main.default.granted TO `loaders`")
    told = (
        "SELECT grantee, table_schema, table_name, privilege_type, is_grantable, inherited_from"
        " FROM main.information_schema.table_privileges ORDER BY grantee"
    )
    assert rows(sql(told)) == [
        ("analysts", "default", "granted", "SELECT", "NO", "SCHEMA"),
        ("loaders", "default", "granted", "MODIFY", "NO", "NONE"),
    ]
    told = "SELECT grantee, privilege_type FROM system.information_schema.schema_privileges ORDER BY privilege_type"
    assert rows(sql(told)) == [("analysts", "SELECT"), ("analysts", "USE_SCHEMA")]
    sql("CREATE FUNCTION main.default.f() RETURNS INT RETURN 1")
    sql("GRANT EXECUTE ON FUNCTION main.default.f TO `analysts`")
    told = "SELECT specific_name, routine_name, grantee FROM main.information_schema.routine_privileges"
    assert rows(sql(told)) == [("f", "f", "analysts")]
    for empty in ("catalog_privileges", "volume_privileges"):
        assert sql(f"SELECT * FROM main.information_schema.{empty}") == []


def test_locations_and_credentials_are_told(sql: Sql, workspace: WorkspaceClient) -> None:
    workspace.storage_credentials.create("role", aws_iam_role=AwsIamRoleRequest("arn:aws:iam::123456789012:role/lake"))
    workspace.external_locations.create("raw", "s3://lake/raw", "role", skip_validation=True, comment="in")
    told = (
        "SELECT external_location_name, url, storage_credential_name, read_only, comment"
        " FROM system.information_schema.external_locations"
    )
    assert rows(sql(told)) == [("raw", "s3://lake/raw", "role", "NO", "in")]
    told = "SELECT storage_credential_name, credential_type FROM system.information_schema.storage_credentials"
    assert rows(sql(told)) == [("role", "AWS_IAM_ROLE")]
