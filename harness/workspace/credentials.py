"""What proves who a caller is: personal access tokens, OAuth access tokens, clients' secrets.

Of what was given out only SHA-256 digests are kept. Access tokens are not kept at all: each says whose it is and until
when, signed with the workspace's own token. They are no JWTs, whose issuer the SQL connector would ask (wire.md §2).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from harness.runner.run import now
from harness.workspace import principals
from harness.workspace.auth import Principal
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

ACCESS_TOKEN_SECONDS = 3600


def digest(secret: str) -> str:
    """What is kept of a secret. Ours are random and long, so that a plain hash cannot be tried backwards."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(one: str, other: str) -> bool:
    """Compare in a time that tells nothing of where two secrets differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def expired(document: Document) -> bool:
    """Whether the time of a record (``expiry_time``: epoch milliseconds) is over."""
    expiry: int = document["expiry_time"]
    return expiry <= now()


def identify(workspace: Workspace, token: str) -> Principal | None:
    """Whose a token is: the stack's own, one that was created, or an OAuth access token.

    Returns: None for one that is unknown, deleted or expired, or whose owner is gone or deactivated.
    """
    config = workspace.config
    if same(token, config.token):
        return Principal(principals.USER_ID, config.user)
    document = workspace.store.get("token", digest(token))
    if document is not None:
        owner = None if expired(document) else document["owner_id"]
    else:
        owner = _signed_for(config.token, token)
    return principals.active(workspace.store, owner) if owner else None


def access_token(key: str, principal_id: str, seconds: int = ACCESS_TOKEN_SECONDS) -> str:
    """A token for a principal. Parameters: ``key``: what signs it; ``seconds``: how long it is good."""
    claims = f"{principal_id}~{now() + 1000 * seconds}~{secrets.token_hex(8)}"
    return f"{claims}~{_signature(key, claims)}"


def _signed_for(key: str, token: str) -> str | None:
    """The principal's id of an access token that we signed and that is still good."""
    claims, _, signature = token.rpartition("~")
    if not claims or not same(signature, _signature(key, claims)):
        return None
    principal_id, expiry, _ = claims.split("~")
    return principal_id if int(expiry) > now() else None


def _signature(key: str, claims: str) -> str:
    return hmac.new(key.encode(), f"oauth:{claims}".encode(), hashlib.sha256).hexdigest()


def client(workspace: Workspace, client_id: str, secret: str) -> Principal | None:
    """The service principal that a client id and secret sign in; None when they are not right."""
    config, store = workspace.config, workspace.store
    document = principals.by_name(store, principals.SERVICE_PRINCIPAL, client_id)
    if document is None:
        return None
    right = bool(config.client_secret) and document["applicationId"] == config.client_id
    right = right and same(secret, config.client_secret)
    for kept in store.all("client_secret", f"{document['id']}/"):
        right = right or (same(kept["secret_hash"], digest(secret)) and not expired(kept))
    return principals.active(store, document["id"]) if right else None
