"""Who may talk: the token, and the Host header (a page in a browser must not reach us by DNS rebinding)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from harness.workspace.errors import ApiError, PermissionDenied, Unauthenticated, answer

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# Paths that clients ask for without credentials: discovery, sign-in (refused by name), the run page (it shows nothing
# by itself; what it loads needs a view key), result and staging links (each carries its own unguessable name, as
# presigned URLs do).
OPEN_PATHS = frozenset({"/", "/favicon.ico", "/.well-known/databricks-config", "/telemetry-unauth"})
OPEN_PREFIXES = ("/_view/", "/_results/", "/_staging/", "/oidc/")


class Guard:
    """ASGI layer that refuses strangers.

    Parameters: ``token`` (the workspace's), ``hosts`` (names allowed in the Host header besides loopback's, for
    connections that keep a production host name behind a proxy setting, wire.md §3.5).
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Iterable[str]) -> None:
        self.app = app
        self.token = token
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
            raise PermissionDenied(f"The Host header names {host!r}; this workspace serves loopback only.")
        path: str = scope["path"]
        if path in OPEN_PATHS or path.startswith(OPEN_PREFIXES):
            return
        given = credential(headers.get(b"authorization", ""))
        if not given:
            raise Unauthenticated("Credential was not sent or was of an unsupported type for this API.")
        if not secrets.compare_digest(given.encode(), self.token.encode()):
            raise PermissionDenied("Invalid access token.")


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


def view_key(token: str, run_id: int) -> str:
    """A key that opens the page of one run and nothing else, so that run links may be logged."""
    return hmac.new(token.encode(), f"view:{run_id}".encode(), hashlib.sha256).hexdigest()[:32]
