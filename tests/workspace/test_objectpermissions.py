"""The Permissions API through the SDK and raw HTTP. Nothing is enforced; what is recorded is read back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service import iam
from databricks.sdk.service.compute import State
from databricks.sdk.service.iam import AccessControlRequest, PermissionLevel
from databricks.sdk.service.sql import CreateQueryRequestQuery

PATH = "/api/2.0/permissions"


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def _cluster(w: WorkspaceClient) -> str:
    return str(w.clusters.create("16.4.x-scala2.12", node_type_id="m5.large", num_workers=1).cluster_id)


def _job(w: WorkspaceClient) -> str:
    return str(w.jobs.create(name="j").job_id)


def _warehouse(w: WorkspaceClient) -> str:
    return str(w.warehouses.create(name="w", cluster_size="Small").id)


def _notebook(w: WorkspaceClient) -> str:
    return str(w.workspace.get_status("/Shared/pipelines/load").object_id)


def _folder(w: WorkspaceClient) -> str:
    w.workspace.mkdirs("/Users/me@example.com/deep/er")
    return str(w.workspace.get_status("/Users/me@example.com/deep/er").object_id)


def _file(w: WorkspaceClient) -> str:
    return str(w.workspace.get_status("/Shared/pipelines/helpers.py").object_id)


def _query(w: WorkspaceClient) -> str:
    return str(w.queries.create(query=CreateQueryRequestQuery(display_name="q", query_text="SELECT 1")).id)


def _policy(w: WorkspaceClient) -> str:
    return str(w.cluster_policies.create(name="p", definition="{}").policy_id)


def _pool(w: WorkspaceClient) -> str:
    return w.instance_pools.create("p", "m5.large").instance_pool_id or ""


def _tokens(w: WorkspaceClient) -> str:
    return "tokens"


CASES: list[tuple[str, Callable[[WorkspaceClient], str], str, str]] = [
    ("clusters", _cluster, "CAN_RESTART", "cluster"),
    ("jobs", _job, "CAN_MANAGE_RUN", "job"),
    ("cluster-policies", _policy, "CAN_USE", "cluster-policy"),
    ("instance-pools", _pool, "CAN_ATTACH_TO", "instance-pool"),
    ("sql/warehouses", _warehouse, "CAN_USE", "warehouses"),
    ("warehouses", _warehouse, "CAN_MONITOR", "warehouses"),
    ("notebooks", _notebook, "CAN_RUN", "notebook"),
    ("directories", _folder, "CAN_EDIT", "directory"),
    ("files", _file, "CAN_READ", "file"),
    ("queries", _query, "CAN_RUN", "query"),
    ("sql/queries", _query, "CAN_EDIT", "query"),
    ("authorization", _tokens, "CAN_USE", "tokens"),
]


@pytest.mark.parametrize(("type_name", "make", "level", "label"), CASES, ids=[case[0] for case in CASES])
def test_entries_are_added_replaced_and_read_back(
    type_name: str, make: Callable[[WorkspaceClient], str], level: str, label: str, w: WorkspaceClient
) -> None:
    id, known = make(w), PermissionLevel(level)
    levels = w.permissions.get_permission_levels(type_name, id).permission_levels or []
    assert known in [entry.permission_level for entry in levels]
    w.permissions.update(type_name, id, access_control_list=[_entry("a@example.com", known)])
    group = AccessControlRequest(group_name="data engineers", permission_level=known)
    updated = w.permissions.update(type_name, id, access_control_list=[group])
    assert (updated.object_type, _of(updated, "a@example.com"), _of(updated, "data engineers")) == (label, level, level)
    w.permissions.set(type_name, id, access_control_list=[_entry("b@example.com", known)])
    replaced = w.permissions.get(type_name, id)
    assert (_of(replaced, "a@example.com"), _of(replaced, "b@example.com")) == (None, level)


def _entry(user: str, level: PermissionLevel) -> AccessControlRequest:
    return AccessControlRequest(user_name=user, permission_level=level)


def _of(permissions: iam.ObjectPermissions, principal: str) -> str | None:
    for entry in permissions.access_control_list or []:
        if principal in (entry.user_name, entry.group_name, entry.service_principal_name):
            ((level,),) = [[p.permission_level for p in entry.all_permissions or []]]
            return level.value if level else None
    return None


def test_an_owner_is_followed_by_one_other(http: httpx2.Client, w: WorkspaceClient) -> None:
    id = _warehouse(w)
    assert _of(w.permissions.get("warehouses", id), "me@example.com") == "IS_OWNER"
    changed = w.permissions.update(
        "sql/warehouses", id, access_control_list=[_entry("you@example.com", PermissionLevel.IS_OWNER)]
    )
    assert (_of(changed, "you@example.com"), _of(changed, "me@example.com")) == ("IS_OWNER", None)
    assert changed.object_id == f"/sql/warehouses/{id}"
    two = [{"user_name": name, "permission_level": "IS_OWNER"} for name in "ab"]
    group = [{"group_name": "g", "permission_level": "IS_OWNER"}]
    for entries in (two, group):
        answer = http.put(f"{PATH}/warehouses/{id}", json={"access_control_list": entries})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_what_a_level_allows_is_not_enforced(w: WorkspaceClient) -> None:
    id = _cluster(w)
    w.permissions.set("clusters", id, access_control_list=[])
    assert w.clusters.delete(id).result().state is State.TERMINATED


@pytest.mark.parametrize(
    ("type_name", "id", "status"),
    [
        ("clusters", "nope", 400),
        ("cluster-policies", "nope", 404),
        ("instance-pools", "nope", 404),
        ("sql/warehouses", "nope", 404),
        ("jobs", "7", 404),
        ("jobs", "seven", 400),
        ("jobs", "007", 400),
        ("notebooks", "7", 404),
        ("directories", "x", 400),
        ("files", "..%2f..%2fetc", 501),
        ("repos", "7", 404),
        ("pipelines", "p", 404),
        ("queries", "q", 404),
        ("authorization", "secrets", 404),
        ("experiments", "1", 501),
    ],
)
def test_unknown_objects_have_no_list(type_name: str, id: str, status: int, http: httpx2.Client) -> None:
    body: dict[str, Any] = {"access_control_list": []}
    for method in ("GET", "PUT", "PATCH"):
        answer = http.request(method, f"{PATH}/{type_name}/{id}", json=body)
        assert answer.status_code == status, answer.text
    assert http.get(f"{PATH}/{type_name}/{id}/permissionLevels").status_code == status


def test_an_id_is_found_under_its_own_type_only(w: WorkspaceClient) -> None:
    notebook = _notebook(w)
    with pytest.raises(NotFound):
        w.permissions.get("files", notebook)


@pytest.mark.parametrize(
    "entries",
    [
        "x",
        ["x"],
        [{"user_name": "a"}],
        [{"user_name": "a", "permission_level": "CAN_FLY"}],
        [{"user_name": "a", "permission_level": "CAN_USE"}],
        [{"permission_level": "CAN_MANAGE"}],
        [{"user_name": "a", "group_name": "g", "permission_level": "CAN_MANAGE"}],
        [{"user_name": 7, "permission_level": "CAN_MANAGE"}],
    ],
)
def test_entries_that_are_none_are_refused(entries: Any, http: httpx2.Client, w: WorkspaceClient) -> None:
    id = _cluster(w)
    for method in ("PUT", "PATCH"):
        answer = http.request(method, f"{PATH}/clusters/{id}", json={"access_control_list": entries})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert w.permissions.get("clusters", id).access_control_list == []


def test_a_job_with_a_list_that_is_refused_is_not_made(http: httpx2.Client) -> None:
    entry = {"user_name": "a", "permission_level": "CAN_FLY"}
    assert http.post("/api/2.2/jobs/create", json={"name": "j", "access_control_list": [entry]}).status_code == 400
    assert "jobs" not in http.get("/api/2.2/jobs/list").json()
