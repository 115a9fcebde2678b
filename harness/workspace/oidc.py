"""Signing in by OAuth, ``/oidc/…``: a client id and secret (M2M), or another identity provider's token (federation.py),
for an access token.

What needs a person at a browser is refused by name.
Clients' secrets are made by ``/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets``.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote_plus

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse
from starlette.routing import Route

from harness.runner.run import now
from harness.workspace import federation, principals
from harness.workspace.credentials import ACCESS_TOKEN_SECONDS, access_token, client, digest
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.state import workspace_of
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, endpoint, whole

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

SCOPES = ("all-apis", "sql", "offline_access")
FORM_LIMIT = 64 * 1024
FEDERATION = (
    "Make a federation policy for its issuer (federationPolicies), or give the connection the workspace's own token "
    "(extra `token` in Airflow)."
)
# docs: api/workspace/serviceprincipalsecretsproxy/create.
SECRET_SECONDS = 730 * 24 * 3600
SECRETS_PER_PRINCIPAL = 5
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
# RFC 8693, 3; docs.databricks.com, "Exchange a federated token": subject_token_type is this one.
JWT = "urn:ietf:params:oauth:token-type:jwt"
REFUSED_GRANTS = {
    "authorization_code": "signing in at a browser is not supported here",
    "urn:ietf:params:oauth:grant-type:device_code": "signing in at a browser is not supported here",
    "refresh_token": "no refresh tokens are given out here",
}


def server_metadata(call: Call) -> Document:
    """Where to sign in (RFC 8414), told for the address that the client used."""
    return {
        "issuer": f"{call.base}/oidc",
        "authorization_endpoint": f"{call.base}/oidc/v1/authorize",
        "token_endpoint": f"{call.base}/oidc/v1/token",
        "grant_types_supported": ["client_credentials", EXCHANGE],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "scopes_supported": list(SCOPES),
    }


def refusal(status: int, error: str, description: str) -> Response:
    """An OAuth error (RFC 6749, 5.2). ``message`` repeats it for clients that read Databricks' own form only."""
    headers = {"WWW-Authenticate": 'Basic realm="oidc"'} if status == 401 else None
    document = {"error": error, "error_description": description, "message": description}
    return JSONResponse(document, status, headers=headers)


async def token(request: Request) -> Response:
    """Give an access token to a service principal that shows its secret, in a Basic header or in the form, or to whom a
    federation policy trusts."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            return refusal(413, "invalid_request", f"The form is larger than {FORM_LIMIT} bytes.")
    form = dict(parse_qsl(body.decode("latin-1"), keep_blank_values=True))
    grant = form.get("grant_type", "")
    if grant not in ("client_credentials", EXCHANGE):
        reason = REFUSED_GRANTS.get(grant, "it is unknown")
        description = (
            f"grant_type {grant!r} is not served by the local workspace: {reason}. Use client_credentials, or give the "
            "connection the workspace's own token (extra `token` in Airflow)."
        )
        return refusal(400, "unsupported_grant_type" if grant else "invalid_request", description)
    scope = form.get("scope", SCOPES[0])
    if not set(scope.split()) <= set(SCOPES):
        return refusal(400, "invalid_scope", f"scope {scope!r} is none of {', '.join(SCOPES)}.")
    workspace = workspace_of(request)
    if grant == EXCHANGE:
        if form.get("subject_token_type") != JWT or not form.get("subject_token"):
            return refusal(400, "invalid_request", f"subject_token is required, of the subject_token_type {JWT}.")
        try:
            principal = await run_in_threadpool(
                federation.principal_of, workspace, form["subject_token"], form.get("client_id", "")
            )
        except federation.NotTrusted as error:
            return refusal(400, "invalid_grant", f"The subject token is not trusted: {error}. {FEDERATION}")
    else:
        given = basic(request.headers.get("authorization", "")) or (
            form.get("client_id", ""),
            form.get("client_secret", ""),
        )
        found = await run_in_threadpool(client, workspace, *given)
        if found is None:
            return refusal(401, "invalid_client", "Client authentication failed")
        principal = found
    made = access_token(workspace.config.token, principal.id)
    document = {"access_token": made, "token_type": "Bearer", "expires_in": ACCESS_TOKEN_SECONDS, "scope": scope}
    if grant == EXCHANGE:
        document["issued_token_type"] = "urn:ietf:params:oauth:token-type:access_token"
    return JSONResponse(document, headers={"Cache-Control": "no-store"})


def basic(authorization: str) -> tuple[str, str] | None:
    """The client id and secret of a Basic header, each percent-encoded or not (RFC 6749, 2.3.1); None without one."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(name), unquote_plus(secret)


def _service_principal(call: Call) -> str:
    """The id of the path's service principal. Raises: ``PermissionDenied``, ``NotFound``."""
    principals.require_admin(call)
    principal_id: str = call.path["id"]
    if call.workspace.store.get(principals.SERVICE_PRINCIPAL.record, principal_id) is None:
        raise NotFound(f"Service principal with id {principal_id} not found.")
    return principal_id


def _time(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _view(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "expiry_time"}


def create_secret(call: Call) -> Document:
    """Make a client secret; its value is told this once."""
    owner, store = _service_principal(call), call.workspace.store
    lifetime = call.text("lifetime", f"{SECRET_SECONDS}s")
    seconds = whole(lifetime.removesuffix("s"))
    if seconds is None or seconds <= 0:
        raise InvalidParameter(f"lifetime must be a number of seconds, as in '3600s', not {lifetime!r}.")
    if call.arguments.get("scopes", []) not in ([], ["all-apis"]):
        raise InvalidParameter("scopes is not supported here: a secret is good for all APIs (all-apis).")
    if len(store.all("client_secret", f"{owner}/")) >= SECRETS_PER_PRINCIPAL:
        raise InvalidParameter(f"A service principal can have {SECRETS_PER_PRINCIPAL} secrets at most.")
    value, made = "dose" + secrets.token_hex(16), now()
    document = {
        "id": str(uuid.uuid4()),
        "secret_hash": digest(value),
        "status": "ACTIVE",
        "create_time": _time(made),
        "update_time": _time(made),
        "expire_time": _time(made + 1000 * seconds),
        "expiry_time": made + 1000 * seconds,
    }
    store.put("client_secret", f"{owner}/{document['id']}", document)
    return {**_view(document), "secret": value}


def list_secrets(call: Call) -> Document:
    return {"secrets": [_view(d) for d in call.workspace.store.all("client_secret", f"{_service_principal(call)}/")]}


def delete_secret(call: Call) -> Document:
    if call.workspace.store.delete("client_secret", f"{_service_principal(call)}/{call.path['secret']}") is None:
        raise NotFound(f"Secret {call.path['secret']} does not exist.")
    return {}


SECRETS = "2.0/accounts/servicePrincipals/{id}/credentials/secrets"

routes = [
    Route("/oidc/.well-known/oauth-authorization-server", endpoint(server_metadata), methods=["GET"]),
    Route("/oidc/.well-known/openid-configuration", endpoint(server_metadata), methods=["GET"]),
    Route("/oidc/v1/token", token, methods=["POST"]),
    *api("POST", SECRETS, create_secret),
    *api("GET", SECRETS, list_secrets),
    *api("DELETE", f"{SECRETS}/{{secret}}", delete_secret),
]
