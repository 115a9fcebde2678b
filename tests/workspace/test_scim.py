"""Users, groups and service principals through the SDK; filters, patches and errors as identity providers send them."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied, ResourceConflict
from databricks.sdk.service.iam import ComplexValue, Patch, PatchOp, PatchSchema

from tests.workspace.conftest import CLIENT_ID, Service

SCIM = "/api/2.0/preview/scim/v2"


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def assert_refused(answer: httpx2.Response, status: int, scim_type: str | None, *words: str) -> None:
    """SCIM's form of an error (RFC 7644, 3.12)."""
    body = answer.json()
    assert body["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (answer.status_code, body["status"], body.get("scimType")) == (status, str(status), scim_type)
    for word in words:
        assert word in body["detail"]


def ids(items: list[ComplexValue] | None) -> list[str]:
    return [item.value or "" for item in items or []]


def test_the_configured_user_client_and_groups_are_there(w: WorkspaceClient) -> None:
    me = w.current_user.me()
    assert [group.display for group in me.groups or []] == ["users", "admins"]
    assert [user.user_name for user in w.users.list()] == ["me@example.com"]
    assert [principal.application_id for principal in w.service_principals.list()] == [CLIENT_ID]
    groups = {group.display_name: ids(group.members) for group in w.groups.list()}
    assert groups == {"users": [me.id, "4"], "admins": [me.id, "4"]}


def test_users_are_made_found_changed_and_deleted(w: WorkspaceClient) -> None:
    made = w.users.create(user_name="ann@example.com", display_name="Ann")
    assert made.id is not None
    assert (made.active, [email.value for email in made.emails or []]) == (True, ["ann@example.com"])
    assert [group.display for group in w.users.get(made.id).groups or []] == ["users"]
    (found,) = w.users.list(filter='userName eq "ANN@example.com"')
    assert found.id == made.id
    w.users.update(made.id, user_name="other@example.com", display_name="Ann B.", active=False)
    changed = w.users.get(made.id)
    assert (changed.user_name, changed.display_name, changed.active) == ("ann@example.com", "Ann B.", False)
    w.users.delete(made.id)
    with pytest.raises(NotFound, match=f"User with id {made.id} not found"):
        w.users.get(made.id)
    assert made.id not in ids(w.groups.get("2").members)
    assert w.users.create(user_name="ann@example.com").id != made.id


def test_names_are_unique(w: WorkspaceClient, http: httpx2.Client) -> None:
    w.groups.create(display_name="data")
    with pytest.raises(ResourceConflict, match="Group with name Data already exists"):
        w.groups.create(display_name="Data")
    answer = http.post(f"{SCIM}/Users", json={"userName": "Me@example.com"})
    assert_refused(answer, 409, "uniqueness", "User with username Me@example.com already exists.")
    answer = http.post(f"{SCIM}/ServicePrincipals", json={"applicationId": CLIENT_ID})
    assert_refused(answer, 409, "uniqueness", f"Service principal with application ID {CLIENT_ID} already exists.")


def test_group_members_come_and_go_by_patch(w: WorkspaceClient) -> None:
    ann, bob = (w.users.create(user_name=f"{name}@example.com").id or "" for name in ("ann", "bob"))
    inner = w.groups.create(display_name="inner", members=[ComplexValue(value=bob)]).id or ""
    group = w.groups.create(display_name="outer", members=[ComplexValue(value=ann)]).id or ""

    def patch(*operations: Patch) -> list[str]:
        w.groups.patch(
            group, operations=list(operations), schemas=[PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
        )
        return ids(w.groups.get(group).members)

    assert patch(Patch(PatchOp.ADD, "members", [{"value": inner}, {"value": ann}])) == [ann, inner]
    assert [group.display for group in w.users.get(bob).groups or []] == ["users", "inner"]
    assert patch(Patch(PatchOp.REMOVE, f'members[value eq "{ann}"]')) == [inner]
    assert patch(Patch(PatchOp.ADD, value={"members": [{"value": bob}]})) == [inner, bob]
    assert patch(Patch(PatchOp.REMOVE, "members", [{"value": inner}])) == [bob]
    assert patch(Patch(PatchOp.REPLACE, "members", [{"value": ann}])) == [ann]
    assert patch(Patch(PatchOp.REMOVE, "members")) == []
    patch(
        Patch(PatchOp.REPLACE, "displayName", "renamed"),
        Patch(PatchOp.ADD, "entitlements", [{"value": "workspace-access"}]),
    )
    assert w.groups.get(group).display_name == "renamed"
    assert ids(w.groups.get(group).entitlements) == ["workspace-access"]
    w.groups.delete(group)
    assert [g.display_name for g in w.groups.list()] == ["users", "admins", "inner"]


def test_who_is_an_admin_through_a_group_in_a_group_is_one(service: Service, w: WorkspaceClient) -> None:
    robot = w.service_principals.create(display_name="robot", active=True)
    token = w.token_management.create_obo_token(robot.application_id or "").token_value
    other = WorkspaceClient(host=service.url, token=token)
    assert (other.current_user.me().user_name, other.current_user.me().display_name) == (robot.application_id, "robot")
    with pytest.raises(PermissionDenied, match="is not an admin"):
        other.users.create(user_name="x@example.com")
    team = w.groups.create(display_name="team", members=[ComplexValue(value=robot.id)])
    w.groups.patch("3", operations=[Patch(PatchOp.ADD, "members", [{"value": team.id}])])
    other.users.create(user_name="x@example.com")


def test_an_unpathed_patch_of_azure_and_a_name_s_part_are_understood(http: httpx2.Client, w: WorkspaceClient) -> None:
    user = w.users.create(user_name="ann@example.com").id
    operations = [
        {"op": "Replace", "value": {"active": False}},
        {"op": "Add", "path": "name.givenName", "value": "Ann"},
        {"op": "replace", "path": "userName", "value": "ignored@example.com"},
    ]
    body = http.patch(f"{SCIM}/Users/{user}", json={"Operations": operations}).json()
    assert (body["active"], body["name"], body["userName"]) == (False, {"givenName": "Ann"}, "ann@example.com")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('userName eq "ann@example.com"', ["ann"]),
        ("username EQ ann@example.com", ["ann"]),
        ('userName ne "ann@example.com"', ["me", "bob"]),
        ('userName co "example"', ["me", "ann", "bob"]),
        ('userName sw "b" or displayName eq "A"', ["ann", "bob"]),
        ('userName co "example" and active eq false', ["bob"]),
        ('emails.value eq "bob@example.com"', ["bob"]),
        ('groups.display eq "admins"', ["me"]),
        ('name.givenName eq "Bob \\"B\\""', ["bob"]),
        ('externalId eq "none"', []),
    ],
)
def test_filters_choose(http: httpx2.Client, text: str, names: list[str]) -> None:
    http.post(f"{SCIM}/Users", json={"userName": "ann@example.com", "displayName": "A"})
    bob = {"userName": "bob@example.com", "active": False, "name": {"givenName": 'Bob "B"'}}
    http.post(f"{SCIM}/Users", json=bob)
    answer = http.get(f"{SCIM}/Users", params={"filter": text}).json()
    assert [user["userName"].partition("@")[0] for user in answer["Resources"]] == names
    assert answer["totalResults"] == len(names)


@pytest.mark.parametrize(
    "text",
    [
        "userName",
        "userName eq",
        "shoeSize eq 7",
        'userName gt "a"',
        'not (userName eq "a")',
        'userName eq "a" and',
        'userName eq "a" xor id eq "1"',
        'userName eq "a',
    ],
)
def test_filters_that_are_not_understood_are_refused(http: httpx2.Client, text: str) -> None:
    assert_refused(http.get(f"{SCIM}/Users", params={"filter": text}), 400, "invalidFilter", "Invalid filter")


def test_lists_are_paged_sorted_and_cut_to_the_attributes_asked_for(http: httpx2.Client, w: WorkspaceClient) -> None:
    for name in ("zoe", "ann", "bob"):
        w.users.create(user_name=f"{name}@example.com")
    page = http.get(f"{SCIM}/Users", params={"startIndex": 2, "count": 2, "sortBy": "userName"}).json()
    assert [user["userName"] for user in page["Resources"]] == ["bob@example.com", "me@example.com"]
    assert (page["totalResults"], page["startIndex"], page["itemsPerPage"]) == (4, 2, 2)
    assert [u.user_name for u in w.users.list(count=1)][1:] == [f"{n}@example.com" for n in ("zoe", "ann", "bob")]
    parameters = {"attributes": "userName,emails.value", "sortBy": "userName", "sortOrder": "descending"}
    first = http.get(f"{SCIM}/Users", params=parameters).json()["Resources"][0]
    assert set(first) == {"schemas", "id", "userName", "emails"}
    first = http.get(f"{SCIM}/Users/1", params={"excludedAttributes": "groups"}).json()
    assert "userName" in first
    assert "groups" not in first
    assert http.get(f"{SCIM}/Users", params={"startIndex": 9}).json()["Resources"] == []
    assert_refused(http.get(f"{SCIM}/Users", params={"count": -1}), 400, "invalidValue", "count")


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("POST", "Users", {}, "userName"),
        ("POST", "Users", {"userName": 7}, "userName"),
        ("POST", "Users", {"userName": "x", "active": "yes"}, "active"),
        ("POST", "Users", {"userName": "x", "emails": "x"}, "emails"),
        ("POST", "Groups", {"displayName": ""}, "displayName"),
        ("POST", "Groups", {"displayName": "g", "members": [{"value": "777"}]}, "777"),
        ("POST", "Groups", {"displayName": "g", "members": [{"display": "x"}]}, "members"),
        ("PUT", "Groups/2", {"displayName": "everybody"}, "renamed"),
        ("DELETE", "Groups/3", None, "every workspace"),
        ("DELETE", "Users/1", None, "every workspace"),
    ],
)
def test_wrong_input_is_invalid(http: httpx2.Client, method: str, path: str, body: Any, words: str) -> None:
    assert_refused(http.request(method, f"{SCIM}/{path}", json=body), 400, "invalidValue", words)


@pytest.mark.parametrize(
    "operations",
    [
        None,
        [],
        "add",
        ["add"],
        [{"op": "move", "path": "members"}],
        [{"op": "remove"}],
        [{"op": "add", "value": [1]}],
        [{"op": "add", "path": "members"}],
        [{"op": "remove", "path": 'members[value eq "999"]'}],
        [{"op": "replace", "path": 'members[value eq "1"]', "value": "2"}],
        [{"op": "add", "path": "members.value", "value": "1"}],
        [{"op": "add", "path": "a b", "value": "1"}],
        [{"op": "add", "path": 7, "value": "1"}],
        [{"op": "add", "path": "displayName.x", "value": "1"}],
        [{"op": "add", "path": 'displayName[value eq "1"]', "value": "1"}],
    ],
)
def test_patches_that_are_not_understood_change_nothing(http: httpx2.Client, operations: Any) -> None:
    before = http.get(f"{SCIM}/Groups/2").json()
    assert_refused(http.patch(f"{SCIM}/Groups/2", json={"Operations": operations}), 400, "invalidPath")
    assert http.get(f"{SCIM}/Groups/2").json() == before


@pytest.mark.parametrize("path", ["Users/99", "Groups/99", "ServicePrincipals/99", "Users/..%2F1", "Groups/1"])
def test_an_unknown_id_is_not_found(http: httpx2.Client, path: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = http.request(method, f"{SCIM}/{path}", json={})
        if "%2F" in path:
            assert answer.status_code in (404, 501)
        else:
            assert_refused(answer, 404, None, "not found")
