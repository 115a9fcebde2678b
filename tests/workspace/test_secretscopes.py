"""Secrets through the SDK: scopes, values, ACLs, limits; and that a value is seen nowhere but in its answer."""

from __future__ import annotations

import base64

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, PermissionDenied, ResourceAlreadyExists, ResourceDoesNotExist
from databricks.sdk.service.workspace import (
    AclItem,
    AclPermission,
    AzureKeyVaultSecretScopeMetadata,
    ScopeBackendType,
)

from tests.workspace.conftest import Service
from tests.workspace.test_errors import assert_refused

SECRETS = "/api/2.0/secrets"


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


@pytest.fixture
def scope(w: WorkspaceClient) -> str:
    w.secrets.create_scope("db")
    return "db"


def value_of(w: WorkspaceClient, scope: str, key: str) -> bytes:
    return base64.b64decode(w.secrets.get_secret(scope, key).value or "")


def test_secrets_are_written_read_listed_and_deleted(w: WorkspaceClient, scope: str) -> None:
    w.secrets.put_secret(scope, "password", string_value="pässword")
    w.secrets.put_secret(scope, "certificate", bytes_value=base64.b64encode(b"\x00\xff").decode())
    assert value_of(w, scope, "password") == "pässword".encode()
    assert value_of(w, scope, "certificate") == b"\x00\xff"
    w.secrets.put_secret(scope, "password", string_value="")
    assert value_of(w, scope, "password") == b""
    listed = {secret.key: secret for secret in w.secrets.list_secrets(scope)}
    assert set(listed) == {"certificate", "password"}
    assert (listed["password"].last_updated_timestamp or 0) > 1_700_000_000_000
    w.secrets.delete_secret(scope, "password")
    assert [secret.key for secret in w.secrets.list_secrets(scope)] == ["certificate"]
    assert w.dbutils.secrets.getBytes(scope, "certificate") == b"\x00\xff"


def test_a_scope_goes_with_its_secrets(w: WorkspaceClient, scope: str) -> None:
    w.secrets.put_secret(scope, "k", string_value="v")
    w.secrets.create_scope("db2")
    w.secrets.put_secret("db2", "k", string_value="other")
    assert [(s.name, s.backend_type) for s in w.secrets.list_scopes() if s.name != "Seeded"] == [
        ("db", ScopeBackendType.DATABRICKS),
        ("db2", ScopeBackendType.DATABRICKS),
    ]
    w.secrets.delete_scope(scope)
    w.secrets.create_scope(scope)
    assert list(w.secrets.list_secrets(scope)) == []
    assert value_of(w, "db2", "k") == b"other"


def test_the_settings_secrets_are_there_from_the_start_and_after_a_reset(w: WorkspaceClient) -> None:
    assert value_of(w, "Seeded", "password") == b"from the settings"
    w.secrets.delete_scope("Seeded")
    w.api_client.do("POST", "/_harness/reset")
    assert value_of(w, "seeded", "password") == b"from the settings"


def test_scope_names_do_not_tell_case_apart(w: WorkspaceClient, scope: str) -> None:
    with pytest.raises(ResourceAlreadyExists, match="Scope DB already exists!"):
        w.secrets.create_scope("DB")
    w.secrets.put_secret("Db", "k", string_value="v")
    assert value_of(w, scope, "k") == b"v"


def test_what_does_not_exist_is_said_so(w: WorkspaceClient, scope: str) -> None:
    with pytest.raises(ResourceDoesNotExist, match="Secret does not exist with scope: db and key: none"):
        w.secrets.get_secret(scope, "none")
    with pytest.raises(ResourceDoesNotExist, match="Secret does not exist"):
        w.secrets.delete_secret(scope, "none")
    with pytest.raises(ResourceDoesNotExist, match="There is no ACL of principal users"):
        w.secrets.get_acl(scope, "users")
    for act in (w.secrets.delete_scope, w.secrets.list_secrets, w.secrets.list_acls):
        with pytest.raises(ResourceDoesNotExist, match="Scope none does not exist!"):
            list(act("none") or ())


def test_a_key_vault_is_refused_by_name(w: WorkspaceClient) -> None:
    vault = AzureKeyVaultSecretScopeMetadata("/subscriptions/x", "https://x.vault.azure.net/")
    with pytest.raises(InvalidParameterValue, match="scope_backend_type AZURE_KEYVAULT"):
        w.secrets.create_scope("v", scope_backend_type=ScopeBackendType.AZURE_KEYVAULT, backend_azure_keyvault=vault)


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("scopes/create", {}, "scope"),
        ("scopes/create", {"scope": 7}, "scope"),
        ("scopes/create", {"scope": ""}, "scope name"),
        ("scopes/create", {"scope": "a/b"}, "scope name"),
        ("scopes/create", {"scope": "../x"}, "scope name"),
        ("scopes/create", {"scope": "x" * 129}, "128"),
        ("scopes/create", {"scope": "é"}, "scope name"),
        ("scopes/create", {"scope": "new", "initial_manage_principal": "me"}, "initial_manage_principal"),
        ("put", {"scope": "db", "key": "k"}, "Exactly one"),
        ("put", {"scope": "db", "key": "k", "string_value": "v", "bytes_value": "dg=="}, "Exactly one"),
        ("put", {"scope": "db", "key": "k", "string_value": 1}, "string_value"),
        ("put", {"scope": "db", "key": "k", "bytes_value": "%"}, "base64"),
        ("put", {"scope": "db", "key": "a b", "string_value": "v"}, "key"),
        ("put", {"scope": "db", "key": "../k", "string_value": "v"}, "key"),
        ("put", {"scope": "db", "key": "k", "string_value": "v" * (128 * 1024 + 1)}, "131072"),
        ("acls/put", {"scope": "db", "principal": "nobody", "permission": "READ"}, "nobody does not exist"),
        ("acls/put", {"scope": "db", "principal": "users", "permission": "OWN"}, "OWN"),
    ],
)
def test_wrong_input_is_an_invalid_parameter_value(
    http: httpx2.Client, scope: str, path: str, body: dict[str, object], words: str
) -> None:
    assert_refused(http.post(f"{SECRETS}/{path}", json=body), 400, "INVALID_PARAMETER_VALUE", words)


def test_the_1001st_secret_of_a_scope_is_one_too_many(
    service: Service, http: httpx2.Client, w: WorkspaceClient, scope: str
) -> None:
    for number in range(1000):
        service.workspace.store.put("secret", f"{scope}/k{number}", {"key": f"k{number}", "value": ""})
    answer = http.post(f"{SECRETS}/put", json={"scope": scope, "key": "one-more", "string_value": "v"})
    assert_refused(answer, 400, "RESOURCE_LIMIT_EXCEEDED", "1000 secrets")
    w.secrets.put_secret(scope, "k7", string_value="again")
    for number in range(1000):
        service.workspace.store.put("secret_scope", f"s{number}", {"name": f"s{number}", "acls": {}})
    answer = http.post(f"{SECRETS}/scopes/create", json={"scope": "one-more"})
    assert_refused(answer, 400, "RESOURCE_LIMIT_EXCEEDED", "1000 secret scopes")


def test_acls_say_who_may_read_write_and_manage(w: WorkspaceClient, scope: str, service: Service) -> None:
    w.secrets.put_secret(scope, "k", string_value="v")
    assert list(w.secrets.list_acls(scope)) == [AclItem(permission=AclPermission.MANAGE, principal="me@example.com")]
    robot = w.service_principals.create(display_name="robot")
    assert robot.application_id is not None
    token = w.token_management.create_obo_token(robot.application_id).token_value
    other = WorkspaceClient(host=service.url, token=token)
    with pytest.raises(PermissionDenied, match="does not have READ permission on scope db"):
        other.secrets.get_secret(scope, "k")
    w.secrets.put_acl(scope, robot.application_id, AclPermission.READ)
    assert value_of(other, scope, "k") == b"v"
    with pytest.raises(PermissionDenied, match="WRITE"):
        other.secrets.put_secret(scope, "k", string_value="x")
    w.secrets.put_acl(scope, "users", AclPermission.WRITE)  # the robot is a user, the greater permission counts
    other.secrets.put_secret(scope, "k", string_value="x")
    with pytest.raises(PermissionDenied, match="MANAGE"):
        other.secrets.list_acls(scope)
    w.secrets.delete_acl(scope, "users")
    assert w.secrets.get_acl(scope, robot.application_id).permission is AclPermission.READ
    with pytest.raises(ResourceDoesNotExist):
        w.secrets.get_acl(scope, "users")
    other.secrets.create_scope("own")
    assert list(other.secrets.list_acls("own")) == [
        AclItem(permission=AclPermission.MANAGE, principal=robot.application_id)
    ]
    w.secrets.create_scope("everybodys", initial_manage_principal="users")
    other.secrets.delete_scope("everybodys")


def test_a_value_stands_in_no_log_and_in_no_answer_but_its_own(
    http: httpx2.Client, w: WorkspaceClient, scope: str, service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    w.secrets.put_secret(scope, "k", string_value="hunter2-hunter2")
    w.secrets.get_secret(scope, "k")
    hidden = ("hunter2-hunter2", base64.b64encode(b"hunter2-hunter2").decode(), "from the settings")
    for path in ("status", "requests", "unserved", "runs", "tables"):
        answer = http.get(f"/_harness/{path}").text
        assert not [value for value in hidden if value in answer], path
    assert not [value for value in hidden if value in caplog.text + repr(service.workspace.config)]
    database = service.workspace.config.directory / "workspace.db"
    assert [f.stat().st_mode & 0o077 for f in database.parent.glob("workspace.db*")] == [0, 0, 0]
