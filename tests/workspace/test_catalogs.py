"""Unity Catalog through the SDK, and what only Spark's catalog (a client of the same REST) sends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceConflict
from databricks.sdk.service.catalog import (
    ColumnInfo,
    ColumnTypeName,
    DataSourceFormat,
    TableType,
)

from tests.workspace.conftest import Service

UC = "/api/2.1/unity-catalog"


def table(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "catalog_name": "main", "schema_name": "default", "table_type": "MANAGED", **fields}


def test_main_and_hive_metastore_are_there_each_with_a_default_schema(w: WorkspaceClient) -> None:
    assert {catalog.name for catalog in w.catalogs.list()} == {"main", "hive_metastore"}
    for catalog in ("main", "hive_metastore"):
        assert [schema.full_name for schema in w.schemas.list(catalog)] == [f"{catalog}.default"]


def test_a_catalog_a_schema_and_an_external_table_are_made_read_changed_and_deleted(w: WorkspaceClient) -> None:
    made = w.catalogs.create("Dev", comment="for one test", properties={"team": "a"})
    assert (made.name, made.comment, made.properties) == ("dev", "for one test", {"team": "a"})
    schema = w.schemas.create("bronze", "dev")
    assert schema.full_name == "dev.bronze"
    assert (schema.storage_root or "").startswith("file:///")
    column = ColumnInfo(name="id", type_text="int", type_name=ColumnTypeName.INT, nullable=False)
    created = w.tables.create(
        name="Orders",
        catalog_name="dev",
        schema_name="bronze",
        table_type=TableType.EXTERNAL,
        data_source_format=DataSourceFormat.DELTA,
        storage_location="s3://lake/orders",
        columns=[column],
    )
    assert created.full_name == "dev.bronze.orders"
    read = w.tables.get("DEV.Bronze.ORDERS")
    assert read.columns is not None
    assert (read.columns[0].name, read.columns[0].position, read.columns[0].nullable) == ("id", 0, False)
    assert w.tables.exists("dev.bronze.orders").table_exists
    w.tables.update("dev.bronze.orders", owner="somebody")
    assert w.tables.get("dev.bronze.orders").owner == "somebody"
    assert [t.full_name for t in w.tables.list("dev", "bronze")] == ["dev.bronze.orders"]
    with pytest.raises(BadRequest, match="not empty"):
        w.schemas.delete("dev.bronze")
    with pytest.raises(BadRequest, match="not empty"):
        w.catalogs.delete("dev")
    w.tables.delete("dev.bronze.orders")
    w.schemas.delete("dev.bronze")
    w.catalogs.delete("dev")
    with pytest.raises(NotFound, match="Catalog 'dev' does not exist"):
        w.catalogs.get("dev")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("catalogs/nope", "CATALOG_DOES_NOT_EXIST"),
        ("schemas/nope.default", "CATALOG_DOES_NOT_EXIST"),
        ("schemas/main.nope", "SCHEMA_DOES_NOT_EXIST"),
        ("tables/main.nope.t", "SCHEMA_DOES_NOT_EXIST"),
        ("tables/main.default.nope", "TABLE_DOES_NOT_EXIST"),
        ("tables/main%2Edefault%2Enope", "TABLE_DOES_NOT_EXIST"),
    ],
)
def test_what_does_not_exist_is_named_with_status_404(http: httpx2.Client, path: str, code: str) -> None:
    for method in ("GET", "DELETE"):
        answer = http.request(method, f"{UC}/{path}")
        assert (answer.status_code, answer.json()["error_code"]) == (404, code)


def test_what_exists_already_is_a_conflict(w: WorkspaceClient, http: httpx2.Client) -> None:
    with pytest.raises(ResourceConflict):
        w.catalogs.create("MAIN")
    with pytest.raises(ResourceConflict):
        w.schemas.create("Default", "main")
    assert http.post(f"{UC}/tables", json=table("twice")).status_code == 200
    again = http.post(f"{UC}/tables", json=table("TWICE"))
    assert (again.status_code, again.json()["error_code"]) == (409, "TABLE_ALREADY_EXISTS")


def test_a_managed_table_is_renamed_and_altered_as_spark_does_it(http: httpx2.Client) -> None:
    http.post(f"{UC}/schemas", json={"name": "other", "catalog_name": "main"})
    http.post(f"{UC}/tables", json=table("before", storage_location="file:/tmp/x", data_source_format="delta"))
    renamed = http.patch(f"{UC}/tables/main.default.before", json={"new_name": "After", "new_schema_name": "other"})
    assert renamed.json()["full_name"] == "main.other.after"
    assert http.get(f"{UC}/tables/main.default.before").status_code == 404
    changes = {"columns": [{"name": "a", "type_text": "int"}], "properties": {"k": "v"}, "comment": "c"}
    altered = http.patch(f"{UC}/tables/main.other.after", json=changes).json()
    assert altered["columns"] == [{"nullable": True, "name": "a", "type_text": "int", "position": 0}]
    assert (altered["properties"], altered["comment"]) == ({"k": "v"}, "c")
    http.post(f"{UC}/tables", json=table("taken"))
    refused = http.patch(f"{UC}/tables/main.other.after", json={"new_name": "taken", "new_schema_name": "default"})
    assert (refused.status_code, refused.json()["error_code"]) == (409, "TABLE_ALREADY_EXISTS")


def test_a_view_needs_its_text_and_keeps_it(http: httpx2.Client) -> None:
    missing = http.post(f"{UC}/tables", json=table("v", table_type="VIEW"))
    assert (missing.status_code, missing.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    view = http.post(f"{UC}/tables", json=table("v", table_type="VIEW", view_definition="SELECT 1")).json()
    assert (view["table_type"], view["view_definition"]) == ("VIEW", "SELECT 1")
    assert "storage_location" not in view


def test_a_table_type_that_is_not_served_is_refused_by_name(http: httpx2.Client) -> None:
    answer = http.post(f"{UC}/tables", json=table("mv", table_type="MATERIALIZED_VIEW"))
    assert answer.status_code == 400
    assert "MATERIALIZED_VIEW" in answer.json()["message"]


@pytest.mark.parametrize("name", ["a b", "a.b", "a/b", "../x", "", "x" * 256, "a\nb"])
def test_names_that_unity_catalog_does_not_take_are_refused(w: WorkspaceClient, name: str) -> None:
    with pytest.raises(InvalidParameterValue):
        w.schemas.create(name, "main")


def test_a_dropped_table_keeps_its_data_until_its_schema_goes(http: httpx2.Client) -> None:
    http.post(f"{UC}/schemas", json={"name": "brief", "catalog_name": "main"})
    location = http.post(f"{UC}/tables", json=table("t", schema_name="brief")).json()["storage_location"]
    folder = Path(location.removeprefix("file://"))
    folder.mkdir(parents=True)
    assert http.delete(f"{UC}/tables/main.brief.t").json() == {}
    assert folder.exists()
    http.delete(f"{UC}/schemas/main.brief")
    assert not folder.exists()


def test_what_cannot_be_undropped_loses_its_data_unless_spark_asks(http: httpx2.Client) -> None:
    folders = {}
    for name in ("by_client", "by_spark"):
        location = http.post(f"{UC}/tables", json=table(name, catalog_name="hive_metastore")).json()["storage_location"]
        folders[name] = Path(location.removeprefix("file://"))
        folders[name].mkdir(parents=True)
    http.delete(f"{UC}/tables/hive_metastore.default.by_client")
    http.delete(f"{UC}/tables/hive_metastore.default.by_spark", headers={"X-Harness-Shim": "1"})
    assert {name: folder.exists() for name, folder in folders.items()} == {"by_client": False, "by_spark": True}


def test_a_table_comes_back_by_its_name_or_its_id(http: httpx2.Client) -> None:
    place = {"catalog_name": "main", "schema_name": "default"}
    ids = []
    for comment in ("first", "second"):
        ids.append(http.post(f"{UC}/tables", json=table("back", comment=comment)).json()["table_id"])
        http.delete(f"{UC}/tables/main.default.back")
    listed = http.get("/_harness/sql/dropped", params=place).json()["tables"]
    assert [t["table_id"] for t in listed if t["name"] == "back"] == ids[::-1]
    assert all(t["deleted_at"] >= t["created_at"] for t in listed)
    restored = http.post("/_harness/sql/undrop", json={"full_name": "main.default.BACK"}).json()
    assert (restored["comment"], restored["table_id"]) == ("second", ids[1])
    taken = http.post("/_harness/sql/undrop", json={"table_id": ids[0]})
    assert (taken.status_code, taken.json()["error_code"]) == (409, "TABLE_ALREADY_EXISTS")
    http.delete(f"{UC}/tables/main.default.back", params={"purge": "true"})
    assert http.post("/_harness/sql/undrop", json={"table_id": ids[0]}).json()["comment"] == "first"
    http.delete(f"{UC}/tables/main.default.back")
    for body, code in (
        ({"full_name": "main.default.never"}, "TABLE_DOES_NOT_EXIST"),
        ({"full_name": "main.nowhere.t"}, "SCHEMA_DOES_NOT_EXIST"),
        ({"table_id": "none"}, "TABLE_DOES_NOT_EXIST"),
        ({"full_name": "t"}, "INVALID_PARAMETER_VALUE"),
        ({}, "INVALID_PARAMETER_VALUE"),
    ):
        assert http.post("/_harness/sql/undrop", json=body).json()["error_code"] == code


def test_data_outside_the_warehouse_is_never_removed(http: httpx2.Client, tmp_path: Path) -> None:
    http.post(f"{UC}/tables", json=table("elsewhere", storage_location=f"file:{tmp_path}"))
    http.delete(f"{UC}/tables/main.default.elsewhere")
    assert tmp_path.exists()


def test_a_schema_goes_with_its_tables_when_forced(http: httpx2.Client) -> None:
    http.post(f"{UC}/schemas", json={"name": "full", "catalog_name": "main"})
    http.post(f"{UC}/tables", json=table("t", schema_name="full"))
    refused = http.delete(f"{UC}/schemas/main.full")
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_STATE")
    assert http.delete(f"{UC}/schemas/main.full?force=true").status_code == 200
    assert http.get(f"{UC}/schemas/main.full").status_code == 404
    http.post(f"{UC}/schemas", json={"name": "full", "catalog_name": "main"})
    assert http.get(f"{UC}/tables", params={"catalog_name": "main", "schema_name": "full"}).json() == {"tables": []}


def test_a_schema_s_storage_root_is_new_after_a_reset(service: Service, http: httpx2.Client) -> None:
    before = http.get(f"{UC}/schemas/main.default").json()["storage_root"]
    assert http.post("/_harness/reset").status_code == 200
    after = http.get(f"{UC}/schemas/main.default").json()["storage_root"]
    assert before != after
    assert after.startswith(f"file://{service.workspace.config.directory}")


def test_a_catalog_with_its_own_storage_root_gives_it_to_its_schemas(w: WorkspaceClient) -> None:
    w.catalogs.create("far", storage_root="s3://lake/far/")
    assert w.schemas.create("one", "far").storage_root == "s3://lake/far/one"
    w.catalogs.delete("far", force=True)
