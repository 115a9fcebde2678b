"""Tokens of other identity providers (Kubernetes, AWS, any of OIDC) for our own, as federation policies allow."""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

import httpx2
import jwt
import pytest
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.oauth2 import FederationPolicy, OidcFederationPolicy

from tests.workspace.conftest import CLIENT_ID, TOKEN, Service
from tests.workspace.issuer import Issuer

ACCOUNT = "00000000-0000-0000-0000-000000000001"
POLICIES = f"/api/2.0/accounts/{ACCOUNT}/federationPolicies"
PRINCIPAL = 4  # the configured client's
SUBJECT = "system:serviceaccount:airflow:worker"
AUDIENCE = "https://kubernetes.default.svc"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
JWT = "urn:ietf:params:oauth:token-type:jwt"


@pytest.fixture(autouse=True)
def alone(http: httpx2.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clean workspace, and none of the credentials that tests on a stack have set."""
    for name in [name for name in os.environ if name.startswith("DATABRICKS_")]:
        monkeypatch.delenv(name)
    http.post("/_harness/reset")


@pytest.fixture
def account(service: Service) -> AccountClient:
    return AccountClient(host=service.url, account_id=ACCOUNT, token=TOKEN)


@pytest.fixture(scope="module")
def cluster() -> Issuer:
    """A Kubernetes cluster that issues tokens of its service accounts."""
    return Issuer("https://oidc.cluster.example.com")


def trusting(provider: Issuer, **fields: Any) -> FederationPolicy:
    wanted = {
        "issuer": provider.url,
        "audiences": [AUDIENCE],
        "subject": SUBJECT,
        "jwks_json": provider.jwks(),
        **fields,
    }
    return FederationPolicy(oidc_policy=OidcFederationPolicy(**wanted))


def exchanged(service: Service, token: str, **fields: str) -> httpx2.Response:
    form = {"grant_type": EXCHANGE, "subject_token": token, "subject_token_type": JWT, "scope": "all-apis", **fields}
    return httpx2.post(f"{service.url}/oidc/v1/token", data=form)


def refused(service: Service, token: str, words: str, **fields: str) -> None:
    answer = exchanged(service, token, **fields)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert words in answer.json()["error_description"]


def test_the_sdk_signs_in_with_a_token_of_kubernetes(
    service: Service, account: AccountClient, cluster: Issuer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.service_principal_federation_policy.create(PRINCIPAL, trusting(cluster))
    file = tmp_path / "token"
    monkeypatch.setenv("DATABRICKS_OIDC_TOKEN_FILEPATH", str(file))
    file.write_text(cluster.token(sub=SUBJECT, aud=[AUDIENCE]))
    client = WorkspaceClient(host=service.url, client_id=CLIENT_ID, auth_type="file-oidc")
    assert client.current_user.me().user_name == CLIENT_ID
    file.write_text(cluster.token(sub="system:serviceaccount:default:default", aud=[AUDIENCE]))
    other = WorkspaceClient(host=service.url, client_id=CLIENT_ID, auth_type="file-oidc")
    with pytest.raises(ValueError, match="the token's sub is 'system:serviceaccount:default:default'"):
        other.current_user.me()


def test_without_a_client_id_the_subject_names_who_signs_in(
    service: Service, account: AccountClient, cluster: Issuer
) -> None:
    account.federation_policy.create(trusting(cluster, subject=None, subject_claim="email"))
    token = cluster.token(email="me@example.com", aud=AUDIENCE)
    answer = exchanged(service, token).json()
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 3600)
    assert WorkspaceClient(host=service.url, token=answer["access_token"]).current_user.me().id == "1"
    refused(service, cluster.token(email="nobody@example.com", aud=AUDIENCE), "'nobody@example.com' is the name of no")
    refused(service, cluster.token(sub="me@example.com", aud=AUDIENCE), "no claim 'email'")
    # The account's policies are not those of a service principal.
    refused(service, token, "no federation policy of the service principal", client_id=CLIENT_ID)


def test_the_keys_of_an_issuer_on_this_machine_are_found_by_its_well_known_document(
    service: Service, account: AccountClient
) -> None:
    with Issuer.served() as issuer:
        account.service_principal_federation_policy.create(PRINCIPAL, trusting(issuer, jwks_json=None))
        token = issuer.token(sub=SUBJECT, aud=AUDIENCE)
        assert exchanged(service, token, client_id=CLIENT_ID).status_code == 200
    refused(service, token, "could not be read from", client_id=CLIENT_ID)


def test_no_issuer_on_another_machine_is_asked(service: Service, account: AccountClient, cluster: Issuer) -> None:
    token = cluster.token(sub=SUBJECT, aud=AUDIENCE)
    for place in (None, "https://keys.example.com/jwks", "file:///etc/passwd", "http://[", "http://127.0.0.1@a.b/"):
        made = account.service_principal_federation_policy.create(
            PRINCIPAL, trusting(cluster, jwks_json=None, jwks_uri=place)
        )
        refused(service, token, "goes to no other machine", client_id=CLIENT_ID)
        account.service_principal_federation_policy.delete(PRINCIPAL, made.policy_id or "")


def test_a_token_that_lacks_anything_signs_nobody_in(service: Service, account: AccountClient, cluster: Issuer) -> None:
    account.service_principal_federation_policy.create(PRINCIPAL, trusting(cluster), policy_id="cluster")
    good = {"sub": SUBJECT, "aud": AUDIENCE}
    other = Issuer(cluster.url)
    head, body, signature = cluster.token(**good).split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    deep = base64.urlsafe_b64encode(b"[" * 40_000).decode().rstrip("=")
    wrong = {
        cluster.token(**{**good, "aud": "another"}): "Audience doesn't match",
        cluster.token(**{**good, "exp": int(time.time()) - 120}): "expired",
        cluster.token(**{**good, "nbf": int(time.time()) + 600}): "not yet valid",
        cluster.token(**{**good, "iss": "https://elsewhere"}): "names the issuer 'https://elsewhere'",
        cluster.token(**{**good, "sub": "another"}): "the token's sub is 'another'",
        cluster.token(sub=SUBJECT): 'missing the "aud" claim',
        other.token(**good): "Signature verification failed",
        f"{none}.{body}.": "alg",
        jwt.encode({**good, "iss": cluster.url, "exp": time.time() + 99}, "s" * 40, "HS256"): "",
        f"{head}.{deep}.{signature}": "no JSON Web Token",
        "no token": "no JSON Web Token",
        "é\x00.b.c": "no JSON Web Token",
    }
    for token, words in wrong.items():
        refused(service, token, words, client_id=CLIENT_ID)
    refused(service, cluster.token(**good), "no service principal has the client id 'nobody'", client_id="nobody")
    for fields in ({"subject_token_type": "urn:ietf:params:oauth:token-type:access_token"}, {"subject_token": ""}):
        answer = exchanged(service, **{"token": cluster.token(**good), "client_id": CLIENT_ID, **fields})
        assert answer.json()["error"] == "invalid_request"
    assert exchanged(service, cluster.token(**good), client_id=CLIENT_ID).status_code == 200


def test_without_audiences_a_token_is_for_the_account(
    service: Service, account: AccountClient, cluster: Issuer
) -> None:
    account.service_principal_federation_policy.create(PRINCIPAL, trusting(cluster, audiences=None))
    refused(service, cluster.token(sub=SUBJECT, aud=AUDIENCE), "Audience", client_id=CLIENT_ID)
    assert exchanged(service, cluster.token(sub=SUBJECT, aud=ACCOUNT), client_id=CLIENT_ID).status_code == 200


def test_who_is_deactivated_or_deleted_does_not_sign_in(
    service: Service, account: AccountClient, w: WorkspaceClient, cluster: Issuer
) -> None:
    robot = w.service_principals.create(display_name="robot")
    account.service_principal_federation_policy.create(int(robot.id or 0), trusting(cluster))
    token, own = cluster.token(sub=SUBJECT, aud=AUDIENCE), {"client_id": robot.application_id or ""}
    assert exchanged(service, token, **own).status_code == 200
    w.service_principals.update(robot.id or "", active=False)
    refused(service, token, "is active", **own)
    w.service_principals.delete(robot.id or "")
    refused(service, token, "no service principal", **own)


def test_policies_are_made_changed_listed_and_deleted(
    service: Service, account: AccountClient, w: WorkspaceClient, cluster: Issuer
) -> None:
    policies = account.federation_policy
    made = policies.create(trusting(cluster, subject=None), policy_id="team/cluster")
    assert made.name == f"accounts/{ACCOUNT}/federationPolicies/team/cluster"
    assert policies.get("team/cluster") == made
    with pytest.raises(ResourceAlreadyExists):
        policies.create(trusting(cluster, subject=None), policy_id="team/cluster")
    described = policies.update("team/cluster", FederationPolicy(description="ours"))
    assert (described.description, described.oidc_policy) == ("ours", made.oidc_policy)
    changed = FederationPolicy(oidc_policy=OidcFederationPolicy(issuer="x", audiences=["b"]))
    masked = policies.update("team/cluster", changed, update_mask="oidc_policy.audiences,description")
    assert masked.oidc_policy is not None
    assert (masked.description, masked.oidc_policy.issuer, masked.oidc_policy.audiences) == (None, cluster.url, ["b"])
    replaced = policies.update("team/cluster", changed, update_mask="*").oidc_policy
    assert replaced is not None
    assert (replaced.issuer, replaced.jwks_json) == ("x", None)
    own = account.service_principal_federation_policy
    second = own.create(PRINCIPAL, trusting(cluster))
    assert second.name == f"accounts/{ACCOUNT}/servicePrincipals/4/federationPolicies/{second.policy_id}"
    assert second.service_principal_id == PRINCIPAL
    assert [policy.policy_id for policy in policies.list(page_size=1)] == ["team/cluster"]
    assert list(own.list(PRINCIPAL)) == [own.get(PRINCIPAL, second.policy_id or "")]
    assert own.update(PRINCIPAL, second.policy_id or "", FederationPolicy(description="d")).description == "d"
    own.delete(PRINCIPAL, second.policy_id or "")
    policies.delete("team/cluster")
    for act in (lambda: policies.get("team/cluster"), lambda: own.get(77, "x"), lambda: policies.delete("none")):
        with pytest.raises(NotFound):
            act()
    robot = w.service_principals.create(display_name="robot")
    token = w.token_management.create_obo_token(robot.application_id or "").token_value
    with pytest.raises(PermissionDenied, match="is not an admin"):
        list(AccountClient(host=service.url, account_id=ACCOUNT, token=token).federation_policy.list())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"issuer": None}, "issuer"),
        ({"subject": None}, "subject must be specified"),
        ({"jwks_json": "{}"}, "JSON Web Key Set"),
        ({"jwks_json": "no"}, "JSON Web Key Set"),
        ({"jwks_uri": "http://127.0.0.1/keys"}, "Only one of"),
    ],
)
def test_a_policy_that_no_token_could_meet_is_refused(
    account: AccountClient, cluster: Issuer, fields: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidParameterValue, match=words):
        account.service_principal_federation_policy.create(PRINCIPAL, trusting(cluster, **fields))


def test_wrong_input_is_an_invalid_parameter_value(account: AccountClient, cluster: Issuer) -> None:
    policies = account.federation_policy
    with pytest.raises(InvalidParameterValue, match="subject must not be specified"):
        policies.create(trusting(cluster))
    with pytest.raises(InvalidParameterValue, match="lowercase"):
        policies.create(trusting(cluster, subject=None), policy_id="UPPER")
    policies.create(trusting(cluster, subject=None), policy_id="p")
    with pytest.raises(InvalidParameterValue, match=r"update_mask names oidc_policy\.name"):
        policies.update("p", FederationPolicy(description="d"), update_mask="oidc_policy.name")
    with pytest.raises(InvalidParameterValue, match=r"oidc_policy\.issuer"):
        policies.update("p", FederationPolicy(description="d"), update_mask="oidc_policy")
