"""Personal access tokens: ``/api/2.0/token/…`` of the caller, ``/api/2.0/token-management/…`` of everybody.

The stack's own token is none of them: it cannot be listed or revoked, and outlives a reset.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from harness.runner.run import now
from harness.workspace import principals
from harness.workspace.auth import Principal
from harness.workspace.credentials import digest
from harness.workspace.errors import InvalidParameter, LimitExceeded, NotFound
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs.databricks.com, "Monitor and revoke personal access tokens" and api/workspace/tokens/create.
DEFAULT_SECONDS = 730 * 24 * 3600
TOKENS_PER_USER = 600
PUBLIC = ("token_id", "comment", "creation_time", "expiry_time")


def issue(call: Call, owner: Principal) -> Document:
    """Make a token for ``owner``. Returns: its value, which is told this once, and its record.

    Raises: ``InvalidParameter``; ``LimitExceeded`` when the owner has too many.
    """
    scopes = call.arguments.get("scopes", ["all-apis"])
    if scopes not in ([], ["all-apis"]):
        raise InvalidParameter(f"scopes {scopes} is not supported here: a token is good for all APIs (all-apis).")
    seconds = call.integer("lifetime_seconds", DEFAULT_SECONDS)
    if seconds <= 0:
        raise InvalidParameter(f"lifetime_seconds must be positive, not {seconds}.")
    if len(_tokens(call.workspace, owner)) >= TOKENS_PER_USER:
        message = f"User {owner.name} has {TOKENS_PER_USER} tokens already, which is the quota."
        raise LimitExceeded(message, error_code="QUOTA_EXCEEDED")
    value, creator, created = "dapi" + secrets.token_hex(16), principals.caller(call), now()
    document = {
        "token_id": digest(value),
        "comment": call.text("comment", ""),
        "creation_time": created,
        "expiry_time": created + 1000 * seconds,
        "owner_id": owner.id,
        "created_by_id": creator.id,
        "created_by_username": creator.name,
    }
    call.workspace.store.put("token", document["token_id"], document)
    return {"token_value": value, "token_info": document}


def view(call: Call, document: Document) -> Document:
    """A token as administrators see it."""
    ids = {name: int(document[name]) for name in ("owner_id", "created_by_id")}
    return {**document, **ids, "workspace_id": call.workspace.config.org_id}


def _tokens(workspace: Workspace, owner: Principal) -> list[Document]:
    return [token for token in workspace.store.all("token") if token["owner_id"] == owner.id]


def _public(document: Document) -> Document:
    return {name: document[name] for name in PUBLIC}


def create(call: Call) -> Document:
    made = issue(call, principals.caller(call))
    return {**made, "token_info": _public(made["token_info"])}


def list_tokens(call: Call) -> Document:
    return {"token_infos": [_public(token) for token in _tokens(call.workspace, principals.caller(call))]}


def delete(call: Call) -> Document:
    token_id, owner = call.text("token_id"), principals.caller(call)
    if all(token["token_id"] != token_id for token in _tokens(call.workspace, owner)):
        raise NotFound(f"Token with id {token_id} does not exist.")
    call.workspace.store.delete("token", token_id)
    return {}


def update(call: Call) -> Document:
    """Change the comment of one of the caller's tokens. Raises: ``InvalidParameter``, ``NotFound``."""
    token_id, owner = call.path["id"], principals.caller(call)
    if all(token["token_id"] != token_id for token in _tokens(call.workspace, owner)):
        raise NotFound(f"Token with id {token_id} does not exist.")
    _commented(call, token_id)
    return {}


def _commented(call: Call, token_id: str) -> Document:
    """A token with the comment of a request. Raises: ``InvalidParameter``, ``NotFound``."""
    given, mask = call.mapping("token"), call.text("update_mask")
    for name in mask.split(","):
        if name not in ("comment", "*"):
            reason = "a token is good for all APIs" if name == "scopes" else "it is not a field that can be changed"
            raise InvalidParameter(f"update_mask names {name}, which is not supported here: {reason}.")
    comment = given.get("comment", "")
    if not isinstance(comment, str):
        raise InvalidParameter("Expected token.comment to be a string.")
    changed = call.workspace.store.update("token", token_id, lambda document: {**document, "comment": comment})
    if changed is None:
        raise NotFound(f"Token with id {token_id} does not exist.")
    return changed


def manage_list(call: Call) -> Document:
    principals.require_admin(call)
    tokens = [view(call, token) for token in call.workspace.store.all("token")]
    if "created_by_id" in call.arguments:
        by = call.integer("created_by_id")
        tokens = [token for token in tokens if token["created_by_id"] == by]
    if "created_by_username" in call.arguments:
        name = call.text("created_by_username")
        tokens = [token for token in tokens if token["created_by_username"] == name]
    return {"token_infos": tokens}


def _managed(call: Call) -> Document:
    """The token of the path. Raises: ``PermissionDenied``, ``NotFound``."""
    principals.require_admin(call)
    document = call.workspace.store.get("token", call.path["id"])
    if document is None:
        raise NotFound(f"Token with id {call.path['id']} does not exist.")
    return document


def manage_get(call: Call) -> Document:
    return {"token_info": view(call, _managed(call))}


def manage_update(call: Call) -> Document:
    """Change the comment of anybody's token. Raises: ``PermissionDenied``, ``InvalidParameter``, ``NotFound``."""
    document = _managed(call)
    return view(call, _commented(call, document["token_id"]))


def manage_delete(call: Call) -> Document:
    call.workspace.store.delete("token", _managed(call)["token_id"])
    return {}


def create_for(call: Call) -> Document:
    """A token on behalf of a service principal."""
    principals.require_admin(call)
    name = call.text("application_id")
    document = principals.by_name(call.workspace.store, principals.SERVICE_PRINCIPAL, name)
    if document is None:
        raise NotFound(f"Service principal with application ID {name} does not exist.")
    made = issue(call, Principal(document["id"], document["applicationId"]))
    return {**made, "token_info": view(call, made["token_info"])}


routes = [
    *api("POST", "2.0/token/create", create),
    *api("GET", "2.0/token/list", list_tokens),
    *api("POST", "2.0/token/delete", delete),
    *api("PATCH", "2.0/token/{id}", update),
    *api("GET", "2.0/token-management/tokens", manage_list),
    *api("GET", "2.0/token-management/tokens/{id}", manage_get),
    *api("PATCH", "2.0/token-management/tokens/{id}", manage_update),
    *api("DELETE", "2.0/token-management/tokens/{id}", manage_delete),
    *api("POST", "2.0/token-management/on-behalf-of/tokens", create_for),
]
