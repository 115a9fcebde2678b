"""Who may talk: a token's owner, and the Host header (a page in a browser must not reach us by DNS rebinding)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from harness.workspace.errors import ApiError, PermissionDenied, Unauthenticated, answer

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# Paths that clients ask for without credentials: discovery, sign-in (refused by name), the run page (it shows nothing
# by itself; what it loads needs a view key), links to results, staged files and artifacts (each carries its own
# unguessable name, as presigned URLs do).
OPEN_PATHS = frozenset({"/", "/favicon.ico", "/.well-known/databricks-config", "/telemetry-unauth"})
OPEN_PREFIXES = ("/_view/", "/_results/", "/_staging/", "/_artifacts/", "/oidc/")


@dataclass(frozen=True)
class Principal:
    """Who asks: the id of a user or service principal, and its user name or application id."""

    id: str
    name: str


class Guard:
    """ASGI layer that refuses strangers, and notes in the scope who asks (``harness.principal``).

    Parameters: ``identify`` (whose a token is), ``hosts`` (names allowed in the Host header besides loopback's, for
    connections that keep a production host name behind a proxy setting, wire.md §3.5).
    """

    def __init__(self, app: ASGIApp, identify: Callable[[str], Principal | None], hosts: Iterable[str]) -> None:
        self.app = app
        self.identify = identify
        self.hosts = LOOPBACK | {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self._check(scope)
            except ApiError as error:
                await answer(error)(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = host_name(headers.get(b"host", ""))
        if host not in self.hosts:
            raise PermissionDenied(
                f"The Host header names {host!r}; this workspace serves loopback only, and the names in the setting "
                "`host_names`."
            )
        path: str = scope["path"]
        if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            return
        given = credential(headers.get(b"authorization", ""))
        if not given:
            raise Unauthenticated("Credential was not sent or was of an unsupported type for this API.")
        principal = self.identify(given)
        if principal is None:
            raise PermissionDenied(f"Invalid access token.{foreign(given)}")
        scope["harness.principal"] = principal


def host_name(header: str) -> str:
    """The host of a Host header, without port, in lower case."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def credential(authorization: str) -> str:
    """The token of an Authorization header: ``Bearer …``, or Basic with the token as password; else ''."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return ""


def foreign(token: str) -> str:
    """What is wrong with a token of another issuer (Azure AD, an identity provider), as a sentence; else ''."""
    try:
        claims = token.split(".")[1]
        issuer = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["iss"]
    except (IndexError, ValueError, KeyError, TypeError):
        return ""
    return (
        f" It was issued by {issuer}, which the local workspace does not know: give the connection the workspace's "
        "own token (extra `token` in Airflow)."
    )


def view_key(token: str, run_id: int) -> str:
    """A key that opens the page of one run and nothing else, so that run links may be logged."""
    return hmac.new(token.encode(), f"view:{run_id}".encode(), hashlib.sha256).hexdigest()[:32]
