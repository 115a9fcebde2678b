"""Tokens and sign-in: who may come in, as whom, and until when."""

from __future__ import annotations

import base64
import json
import os
import time
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from databricks.sdk.service.iam import Patch, PatchOp
from databricks.sdk.service.settings import PublicTokenInfo, TokenInfo

from harness.workspace import credentials
from tests.workspace.conftest import CLIENT_ID, CLIENT_SECRET, TOKEN, Service
from tests.workspace.test_errors import assert_refused


@pytest.fixture(autouse=True)
def no_other_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tests on a stack have set for the session: the SDK refuses to choose between it and what is given here."""
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)


SIGN_IN = "/oidc/v1/token"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what the session's stack has set: two ways to sign in are one too many for the SDK."""
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def as_owner_of(service: Service, token: str | None) -> WorkspaceClient:
    return WorkspaceClient(host=service.url, token=token, auth_type="pat")


def sign_in(service: Service, **fields: str) -> httpx2.Response:
    form = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return httpx2.post(f"{service.url}{SIGN_IN}", data={**form, **fields})


def passed_time(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    later = time.time() + seconds
    monkeypatch.setattr(credentials, "now", lambda: int(1000 * later))


def test_idempotency_tokens_of_runs_are_no_access_tokens(http: httpx2.Client, w: WorkspaceClient) -> None:
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/Shared/pipelines/load"}}
    http.post("/api/2.2/jobs/runs/submit", json={"tasks": [task], "idempotency_token": "once"})
    made = w.tokens.create(comment="mine")
    assert [token.comment for token in w.tokens.list()] == ["mine"]
    assert made.token_info is not None
    w.tokens.delete(str(made.token_info.token_id))


def test_a_created_token_lets_its_owner_in_until_it_is_deleted(service: Service, w: WorkspaceClient) -> None:
    made = w.tokens.create(comment="for CI")
    other = as_owner_of(service, made.token_value)
    assert other.current_user.me().user_name == "me@example.com"
    (info,) = other.tokens.list()
    assert made.token_info == info
    assert (info.comment, info.token_id) != (None, None)
    assert (info.expiry_time or 0) - (info.creation_time or 0) == 1000 * credentials_seconds()
    w.tokens.delete(info.token_id or "")
    with pytest.raises(PermissionDenied, match=r"Invalid access token\."):
        other.current_user.me()
    with pytest.raises(NotFound, match="does not exist"):
        w.tokens.delete(info.token_id or "")


def credentials_seconds() -> int:
    return 730 * 24 * 3600


def test_the_comment_of_a_token_is_changed_by_its_owner_and_by_administrators(
    service: Service, w: WorkspaceClient
) -> None:
    info = w.tokens.create(comment="for CI").token_info
    assert info is not None
    assert info.token_id is not None
    w.tokens.update(info.token_id, PublicTokenInfo(comment="for nobody"), FieldMask(["comment"]))
    assert [token.comment for token in w.tokens.list()] == ["for nobody"]
    with pytest.raises(InvalidParameterValue, match="update_mask names expiry_time"):
        w.tokens.update(info.token_id, PublicTokenInfo(expiry_time=7), FieldMask(["expiry_time"]))
    with pytest.raises(NotFound, match="Token with id none"):
        w.tokens.update("none", PublicTokenInfo(comment="x"), FieldMask(["comment"]))
    wanted = (info.token_id, TokenInfo(comment="seen"), FieldMask(["comment"]))
    assert w.token_management.update_token_management(*wanted).comment == "seen"
    assert [token.comment for token in w.tokens.list()] == ["seen"]
    robot = w.service_principals.create(display_name="robot")
    other = as_owner_of(service, w.token_management.create_obo_token(robot.application_id or "").token_value)
    with pytest.raises(NotFound):
        other.tokens.update(info.token_id, PublicTokenInfo(comment="mine"), FieldMask(["comment"]))


def test_a_token_ends_with_its_lifetime(service: Service, w: WorkspaceClient, monkeypatch: pytest.MonkeyPatch) -> None:
    other = as_owner_of(service, w.tokens.create(lifetime_seconds=60).token_value)
    assert other.current_user.me().user_name == "me@example.com"
    passed_time(monkeypatch, 61)
    with pytest.raises(PermissionDenied):
        other.current_user.me()


def test_administrators_see_and_revoke_every_token(service: Service, w: WorkspaceClient) -> None:
    robot = w.service_principals.create(display_name="robot")
    made = w.token_management.create_obo_token(robot.application_id or "", comment="obo", lifetime_seconds=60)
    assert made.token_info is not None
    assert (made.token_info.created_by_username, made.token_info.owner_id) == ("me@example.com", int(robot.id or 0))
    other = as_owner_of(service, made.token_value)
    own = other.tokens.create(comment="own")
    listed = {token.comment: token for token in w.token_management.list()}
    assert listed["own"].created_by_username == robot.application_id
    assert set(listed) == {"obo", "own"}
    (mine,) = w.token_management.list(created_by_username=robot.application_id)
    assert own.token_info is not None
    assert mine.token_id == own.token_info.token_id
    assert [t.comment for t in w.token_management.list(created_by_id=1)] == ["obo"]
    got = w.token_management.get(mine.token_id or "").token_info
    assert got == mine
    with pytest.raises(PermissionDenied, match="is not an admin"):
        other.token_management.list()
    w.token_management.delete(made.token_info.token_id or "")
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        other.tokens.list()
    for act in (w.token_management.get, w.token_management.delete):
        with pytest.raises(NotFound, match="Token with id none does not exist"):
            act("none")


def test_the_token_of_who_is_deactivated_or_deleted_opens_nothing(service: Service, w: WorkspaceClient) -> None:
    robot = w.service_principals.create(display_name="robot")
    assert robot.id is not None
    other = as_owner_of(service, w.token_management.create_obo_token(robot.application_id or "").token_value)
    other.current_user.me()
    for active in (False, True):
        w.service_principals.patch(robot.id, operations=[Patch(PatchOp.REPLACE, value={"active": active})])
        if active:
            other.current_user.me()
        else:
            with pytest.raises(PermissionDenied):
                other.current_user.me()
    w.service_principals.delete(robot.id)
    with pytest.raises(PermissionDenied):
        other.current_user.me()
    assert list(w.token_management.list()) == []


def test_only_digests_of_tokens_and_secrets_are_kept(service: Service, w: WorkspaceClient) -> None:
    token = w.tokens.create().token_value or "?"
    secret = w.service_principal_secrets_proxy.create("4").secret or "?"
    access = sign_in(service, client_secret=secret).json()["access_token"]
    kept = b"".join(f.read_bytes() for f in service.workspace.config.directory.glob("workspace.db*"))
    for value in (token, secret, access):
        assert value.encode() not in kept


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("token/create", {"lifetime_seconds": 0}, "lifetime_seconds"),
        ("token/create", {"lifetime_seconds": "soon"}, "lifetime_seconds"),
        ("token/create", {"comment": 7}, "comment"),
        ("token/create", {"scopes": ["sql"]}, "scopes"),
        ("token/delete", {}, "token_id"),
        ("token-management/on-behalf-of/tokens", {}, "application_id"),
        ("accounts/servicePrincipals/4/credentials/secrets", {"lifetime": "long"}, "lifetime"),
        ("accounts/servicePrincipals/4/credentials/secrets", {"scopes": ["sql"]}, "scopes"),
    ],
)
def test_wrong_input_is_an_invalid_parameter_value(
    http: httpx2.Client, path: str, body: dict[str, Any], words: str
) -> None:
    assert_refused(http.post(f"/api/2.0/{path}", json=body), 400, "INVALID_PARAMETER_VALUE", words)


def test_a_user_has_600_tokens_at_most(service: Service, http: httpx2.Client) -> None:
    for number in range(600):
        service.workspace.store.put("token", f"t{number}", {"token_id": f"t{number}", "owner_id": "1"})
    assert_refused(http.post("/api/2.0/token/create", json={}), 400, "QUOTA_EXCEEDED", "600")


def test_the_sdk_signs_in_as_the_configured_client_and_a_reset_does_not_end_that(
    service: Service, http: httpx2.Client
) -> None:
    client = WorkspaceClient(host=service.url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    assert client.config.auth_type == "oauth-m2m"
    assert client.current_user.me().user_name == CLIENT_ID
    http.post("/_harness/reset")
    assert [user.user_name for user in client.users.list()] == ["me@example.com"]


def test_a_service_principal_made_here_signs_in_with_its_secrets_until_they_are_gone(
    service: Service, w: WorkspaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = w.service_principals.create(display_name="robot")
    assert robot.id is not None
    assert robot.application_id is not None
    made = [w.service_principal_secrets_proxy.create(robot.id, lifetime=f"{n}s") for n in (60, 3600)]
    client = WorkspaceClient(host=service.url, client_id=robot.application_id, client_secret=made[0].secret)
    assert client.current_user.me().display_name == "robot"
    with pytest.raises(PermissionDenied, match="is not an admin"):
        client.service_principal_secrets_proxy.create(robot.id)
    listed = list(w.service_principal_secrets_proxy.list(robot.id))
    assert {s.id for s in listed} == {s.id for s in made}
    assert {s.status for s in listed} == {"ACTIVE"}
    own = {"client_id": robot.application_id}
    passed_time(monkeypatch, 61)
    assert sign_in(service, **own, client_secret=made[0].secret or "").status_code == 401
    assert sign_in(service, **own, client_secret=made[1].secret or "").status_code == 200
    w.service_principal_secrets_proxy.delete(robot.id, made[1].id or "")
    assert sign_in(service, **own, client_secret=made[1].secret or "").status_code == 401
    for act in (
        lambda: w.service_principal_secrets_proxy.create("77"),
        lambda: list(w.service_principal_secrets_proxy.list("1")),
    ):
        with pytest.raises(NotFound, match="Service principal with id"):
            act()


def test_an_access_token_lasts_an_hour_and_cannot_be_forged(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = sign_in(service, scope="all-apis")
    body = answer.json()
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 3600, "all-apis")
    assert answer.headers["cache-control"] == "no-store"
    token = body["access_token"]
    principal, expiry, rest = token.split("~", 2)
    forged = (f"1~{expiry}~{rest}", f"{principal}~{int(expiry) + 1}~{rest}", token[:-1], f"{token}0", "~", "1~2~3~4")
    url = f"{service.url}/api/2.0/preview/scim/v2/Me"
    assert [httpx2.get(url, headers={"Authorization": f"Bearer {t}"}).status_code for t in forged] == [403] * 6
    assert httpx2.get(url, headers={"Authorization": f"Bearer {token}"}).json()["userName"] == CLIENT_ID
    passed_time(monkeypatch, 3601)
    assert httpx2.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 403


@pytest.mark.parametrize(
    ("fields", "status", "error", "words"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", "Client authentication failed"),
        ({"client_id": "nobody"}, 401, "invalid_client", "Client authentication failed"),
        ({"client_id": "", "client_secret": ""}, 401, "invalid_client", "Client authentication failed"),
        ({"scope": "everything"}, 400, "invalid_scope", "everything"),
        ({"grant_type": ""}, 400, "invalid_request", "grant_type"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", "password"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type", "browser"),
        ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}, 400, "invalid_request", "subject_token"),
    ],
)
def test_sign_in_is_refused_in_the_words_of_oauth(
    service: Service, fields: dict[str, str], status: int, error: str, words: str
) -> None:
    answer = sign_in(service, **fields)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert words in answer.json()["error_description"]


def test_the_sdk_says_why_it_could_not_sign_in(service: Service) -> None:
    with pytest.raises(ValueError, match="invalid_client"):
        WorkspaceClient(host=service.url, client_id=CLIENT_ID, client_secret="wrong").current_user.me()


def test_a_form_that_is_none_is_refused(service: Service) -> None:
    url, basic = f"{service.url}{SIGN_IN}", base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    right = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
    assert httpx2.post(url, content="grant_type=client_credentials", headers=right).status_code == 200
    assert httpx2.post(url, content=b"\xff\x00", headers=right).status_code == 400
    assert httpx2.post(url, content=b"x" * 70_000, headers=right).status_code == 413
    wrong = {**right, "Authorization": "Basic %%%"}
    assert httpx2.post(url, content="grant_type=client_credentials", headers=wrong).status_code == 401


def test_where_to_sign_in_is_told_for_the_address_that_was_used(service: Service) -> None:
    port = service.url.rpartition(":")[2]
    for host in ("localhost", "127.0.0.1"):
        base = f"http://{host}:{port}"
        document = httpx2.get(f"{base}/oidc/.well-known/oauth-authorization-server").json()
        assert document["token_endpoint"] == f"{base}/oidc/v1/token"
        assert httpx2.get(f"{base}/.well-known/databricks-config").json()["oidc_endpoint"] == f"{base}/oidc"


def test_a_token_of_azure_is_refused_with_its_issuer_s_name(service: Service) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iss": "https://sts.windows.net/t/"}).encode()).decode().rstrip("=")
    for token, issued in (
        (f"eyJhbGciOiJub25lIn0.{claims}.c2ln", True),
        ("a.b.c", False),
        (f"a.{claims[:-3]}.c", False),
    ):
        answer = httpx2.get(f"{service.url}/api/2.2/jobs/list", headers={"Authorization": f"Bearer {token}"})
        assert_refused(answer, 403, "PERMISSION_DENIED", "Invalid access token.")
        assert ("https://sts.windows.net/t/" in answer.json()["message"]) == issued


def test_the_stack_s_own_token_is_not_among_those_that_can_be_revoked(w: WorkspaceClient) -> None:
    assert list(w.tokens.list()) == []
    with pytest.raises(NotFound):
        w.tokens.delete(credentials.digest(TOKEN))
    with pytest.raises(InvalidParameterValue):
        w.tokens.delete(None)  # type: ignore[arg-type]
