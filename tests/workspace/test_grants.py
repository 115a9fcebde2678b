"""Privileges and tags on Unity Catalog's objects, by the SDK."""

from __future__ import annotations

from collections.abc import Iterator

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceAlreadyExists
from databricks.sdk.service.catalog import (
    ColumnInfo,
    DataSourceFormat,
    EntityTagAssignment,
    PermissionsChange,
    Privilege,
    PrivilegeAssignment,
    SecurableType,
    TableType,
)


@pytest.fixture
def table(w: WorkspaceClient, http: httpx2.Client) -> Iterator[str]:
    """A table of a catalog of its own."""
    w.catalogs.create("granted")
    column = ColumnInfo(name="id", type_text="int", type_json='"int"', position=0)
    place = {"catalog_name": "granted", "schema_name": "default", "storage_location": "s3://b/t"}
    kind = {"table_type": TableType.EXTERNAL, "data_source_format": DataSourceFormat.DELTA}
    yield str(w.tables.create(name="t", columns=[column], **place, **kind).full_name)  # type: ignore[arg-type]
    w.catalogs.delete("granted", force=True)


def grant(w: WorkspaceClient, kind: str, name: str, who: str, *privileges: Privilege) -> None:
    w.grants.update(kind, name, changes=[PermissionsChange(principal=who, add=list(privileges))])


def test_privileges_are_added_removed_and_read_back(w: WorkspaceClient, table: str) -> None:
    grant(w, "table", table, "a@b.c", Privilege.SELECT, Privilege.MODIFY)
    grant(w, "table", table, "team", Privilege.SELECT)
    expected = [
        PrivilegeAssignment("a@b.c", [Privilege.SELECT, Privilege.MODIFY]),
        PrivilegeAssignment("team", [Privilege.SELECT]),
    ]
    assert w.grants.get("TABLE", table).privilege_assignments == expected
    assert list(w.grants.list("TABLE", table)) == expected
    assert w.grants.get("TABLE", table, principal="team").privilege_assignments == expected[1:]
    change = PermissionsChange(principal="a@b.c", remove=[Privilege.SELECT])
    left = w.grants.update("TABLE", table, changes=[change]).privilege_assignments
    assert left == [PrivilegeAssignment("a@b.c", [Privilege.MODIFY]), expected[1]]


def test_privileges_are_inherited_by_what_lies_below(w: WorkspaceClient, table: str) -> None:
    grant(w, "CATALOG", "granted", "team", Privilege.SELECT, Privilege.USE_CATALOG)
    grant(w, "SCHEMA", "granted.default", "team", Privilege.USE_SCHEMA)
    grant(w, "TABLE", table, "team", Privilege.MODIFY)
    (found,) = w.grants.get_effective("TABLE", table).privilege_assignments or []
    assert [(p.privilege, p.inherited_from_name, p.inherited_from_type) for p in found.privileges or []] == [
        (Privilege.MODIFY, None, None),
        (Privilege.SELECT, "granted", SecurableType.CATALOG),
    ]
    assert list(w.grants.list_effective("TABLE", table)) == [found]


def test_privileges_go_with_the_object_and_stay_with_a_renamed_one(
    w: WorkspaceClient, http: httpx2.Client, table: str
) -> None:
    grant(w, "TABLE", table, "team", Privilege.SELECT)
    http.patch(f"/api/2.1/unity-catalog/tables/{table}", json={"new_name": "u"}).raise_for_status()
    assert w.grants.get("TABLE", "granted.default.u").privilege_assignments
    w.tables.delete("granted.default.u")
    document = {"name": "u", "catalog_name": "granted", "schema_name": "default", "table_type": "EXTERNAL"}
    http.post("/api/2.1/unity-catalog/tables", json={**document, "storage_location": "s3://b/u"}).raise_for_status()
    assert not w.grants.get("TABLE", "granted.default.u").privilege_assignments


def test_wrong_grants_are_refused_by_name(w: WorkspaceClient, http: httpx2.Client, table: str) -> None:
    with pytest.raises(InvalidParameterValue, match=r"USE CATALOG is not applicable .*granted.default.t:TABLE"):
        grant(w, "TABLE", table, "team", Privilege.USE_CATALOG)
    with pytest.raises(InvalidParameterValue, match="SHARE"):
        w.grants.get("SHARE", "s")
    with pytest.raises(NotFound, match="nowhere"):
        w.grants.get("CATALOG", "nowhere")
    with pytest.raises(NotFound, match=r"Volume 'granted\.default\.v' does not exist"):
        w.grants.get("VOLUME", "granted.default.v")
    with pytest.raises(InvalidParameterValue, match="max_results"):
        w.grants.get("TABLE", table, max_results=10)
    url = f"/api/2.1/unity-catalog/permissions/TABLE/{table}"
    for changes in ("x", [1], [{"add": ["SELECT"]}], [{"principal": "p", "add": "SELECT"}], [{"principal": 1}]):
        answer = http.patch(url, json={"changes": changes})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), changes
    assert not w.grants.get("TABLE", table).privilege_assignments


def test_tags_are_assigned_changed_and_taken_away(w: WorkspaceClient, table: str) -> None:
    def tag(kind: str, name: str, value: str) -> EntityTagAssignment:
        return EntityTagAssignment(name, "pii", kind, tag_value=value)

    for kind, name in (("catalogs", "granted"), ("tables", table), ("columns", f"{table}.id")):
        w.entity_tag_assignments.create(tag(kind, name, "no"))
        with pytest.raises(ResourceAlreadyExists):
            w.entity_tag_assignments.create(tag(kind, name, "no"))
        w.entity_tag_assignments.update(kind, name, "pii", tag(kind, name, "yes"), "tag_value")
        (found,) = w.entity_tag_assignments.list(kind, name)
        assert (found.tag_value, found.updated_by) == ("yes", "me@example.com")
        w.entity_tag_assignments.delete(kind, name, "pii")
        with pytest.raises(NotFound, match="pii"):
            w.entity_tag_assignments.get(kind, name, "pii")
    with pytest.raises(NotFound, match="nope"):
        w.entity_tag_assignments.create(tag("columns", f"{table}.nope", "x"))
    with pytest.raises(InvalidParameterValue, match="entity_type"):
        w.entity_tag_assignments.create(tag("models", table, "x"))
