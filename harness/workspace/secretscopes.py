"""Secrets: ``/api/2.0/secrets/…``. Values rest in the store and leave it by ``get`` alone.

Scopes are Databricks-backed: what Azure Key Vault holds cannot be read from here. Permissions are those of the scope's
ACLs; admins manage every scope. Scope names are case-insensitive, keys are not.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from harness.runner.run import now
from harness.workspace import principals
from harness.workspace.auth import Principal
from harness.workspace.errors import AlreadyExists, InvalidParameter, LimitExceeded, NotFound, PermissionDenied
from harness.workspace.store import Document, Store, Taken
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs.databricks.com, "Secret scopes" and "Secret management": names, sizes, numbers.
NAME = re.compile(r"[A-Za-z0-9_.@-]{1,128}")
VALUE_LIMIT = 128 * 1024
SCOPE_LIMIT = 1000
KEY_LIMIT = 1000
LEVELS = ("READ", "WRITE", "MANAGE")


def seed(workspace: Workspace) -> None:
    """Make the scopes and secrets of the configuration; a value that was changed since is put back."""
    owner = Principal(principals.USER_ID, workspace.config.user)
    for name, value in workspace.config.secrets.items():
        scope, _, key = name.partition("/")
        if workspace.store.get("secret_scope", scope.lower()) is None:
            add_scope(workspace.store, scope, owner.name)
        add_secret(workspace.store, scope, key, value.encode())


def valid(name: str, what: str) -> str:
    """A scope's name or a secret's key. Raises: ``InvalidParameter`` for other characters, or more than 128."""
    if not NAME.fullmatch(name):
        raise InvalidParameter(
            f"Invalid {what}: {name[:200]!r}. It must consist of alphanumeric characters, dashes, underscores, @ and "
            "periods, and may not exceed 128 characters."
        )
    return name


def add_scope(store: Store, name: str, manager: str) -> None:
    """Make a scope. Raises: ``InvalidParameter``, ``AlreadyExists``, ``LimitExceeded``."""
    document = {"name": valid(name, "scope name"), "backend_type": "DATABRICKS", "acls": {manager: "MANAGE"}}
    if len(store.all("secret_scope")) >= SCOPE_LIMIT:
        raise LimitExceeded(f"The workspace has {SCOPE_LIMIT} secret scopes already, which is the limit.")
    try:
        store.insert("secret_scope", name.lower(), document)
    except Taken:
        raise AlreadyExists(f"Scope {name} already exists!") from None


def add_secret(store: Store, scope: str, key: str, value: bytes) -> None:
    """Write a secret, new or not. Raises: ``InvalidParameter``, ``LimitExceeded``."""
    valid(key, "key")
    if len(value) > VALUE_LIMIT:
        raise InvalidParameter(f"The value of secret {key} is larger than {VALUE_LIMIT} bytes.")
    record = f"{scope.lower()}/{key}"
    if store.get("secret", record) is None and len(secrets_of(store, scope)) >= KEY_LIMIT:
        raise LimitExceeded(f"Scope {scope} has {KEY_LIMIT} secrets already, which is the limit.")
    kept = {"key": key, "value": base64.b64encode(value).decode(), "last_updated_timestamp": now()}
    store.put("secret", record, kept)


def secrets_of(store: Store, scope: str) -> list[Document]:
    return store.all("secret", f"{scope.lower()}/")


def permitted(call: Call, level: str, who: Principal | None = None) -> Document:
    """The scope that a request names.

    Parameters: ``who``, who wants it, unless it is the caller. Raises: ``NotFound``; ``PermissionDenied`` below
    ``level``.
    """
    store, name, who = call.workspace.store, call.text("scope"), who or principals.caller(call)
    scope = store.get("secret_scope", name.lower())
    if scope is None:
        raise NotFound(f"Scope {name} does not exist!")
    if not allowed(store, scope, who, level):
        raise PermissionDenied(f"User {who.name} does not have {level} permission on scope {name}.")
    return scope


def allowed(store: Store, scope: Document, who: Principal, level: str) -> bool:
    """Whether a principal has a permission on a scope, itself or through its groups."""
    groups = list(principals.groups_of(store, who.id))
    held = [scope["acls"].get(n) for n in (who.name, *(group["displayName"] for group in groups))]
    held += ["MANAGE"] if any(group["id"] == principals.ADMINS_ID for group in groups) else []
    return any(have and LEVELS.index(have) >= LEVELS.index(level) for have in held)


def create_scope(call: Call) -> Document:
    backend = call.text("scope_backend_type", "DATABRICKS")
    if backend != "DATABRICKS" or "backend_azure_keyvault" in call.arguments:
        raise InvalidParameter(
            f"scope_backend_type {backend} with backend_azure_keyvault is not supported here: the local workspace "
            "cannot read an Azure Key Vault. Make a DATABRICKS scope of the same name, with the secrets it is to hold."
        )
    manager = call.text("initial_manage_principal", "")
    if manager not in ("", "users"):
        raise InvalidParameter(f"initial_manage_principal may be 'users' only, not {manager!r}.")
    add_scope(call.workspace.store, call.text("scope"), manager or principals.caller(call).name)
    return {}


def delete_scope(call: Call) -> Document:
    store, scope = call.workspace.store, permitted(call, "MANAGE")
    store.delete("secret_scope", scope["name"].lower())
    for secret in secrets_of(store, scope["name"]):
        store.delete("secret", f"{scope['name'].lower()}/{secret['key']}")
    return {}


def list_scopes(call: Call) -> Document:
    scopes = call.workspace.store.all("secret_scope")
    return {"scopes": [{"name": s["name"], "backend_type": s["backend_type"]} for s in scopes]}


def put(call: Call) -> Document:
    scope, key = permitted(call, "WRITE"), call.text("key")
    if ("string_value" in call.arguments) == ("bytes_value" in call.arguments):
        raise InvalidParameter("Exactly one of string_value and bytes_value must be given.")
    if "string_value" in call.arguments:
        value = call.text("string_value").encode()
    else:
        try:
            value = base64.b64decode(call.text("bytes_value"), validate=True)
        except (binascii.Error, ValueError):
            raise InvalidParameter("bytes_value must be base64.") from None
    add_secret(call.workspace.store, scope["name"], key, value)
    return {}


def find(call: Call, scope: Document) -> tuple[str, Document]:
    """The record id and the record of the secret that a request names. Raises: ``NotFound``."""
    key = call.text("key")
    record = f"{scope['name'].lower()}/{key}"
    document = call.workspace.store.get("secret", record)
    if document is None:
        raise NotFound(f"Secret does not exist with scope: {scope['name']} and key: {key}")
    return record, document


def get(call: Call) -> Document:
    _, secret = find(call, permitted(call, "READ"))
    return {"key": secret["key"], "value": secret["value"]}


def delete(call: Call) -> Document:
    record, _ = find(call, permitted(call, "WRITE"))
    call.workspace.store.delete("secret", record)
    return {}


def list_secrets(call: Call) -> Document:
    shown = ("key", "last_updated_timestamp")
    found = secrets_of(call.workspace.store, permitted(call, "READ")["name"])
    return {"secrets": [{name: secret[name] for name in shown} for secret in found]}


def _principal(call: Call) -> str:
    name = call.text("principal")
    if not principals.exists(call.workspace.store, name):
        raise InvalidParameter(f"User or Group {name} does not exist.")
    return name


def put_acl(call: Call) -> Document:
    scope, name, level = permitted(call, "MANAGE"), _principal(call), call.text("permission")
    if level not in LEVELS:
        raise InvalidParameter(f"Invalid permission: {level}. It must be one of {', '.join(LEVELS)}.")
    _change_acls(call, scope, lambda acls: {**acls, name: level})
    return {}


def delete_acl(call: Call) -> Document:
    scope = permitted(call, "MANAGE")
    name = _acl(call, scope)["principal"]
    _change_acls(call, scope, lambda acls: {other: level for other, level in acls.items() if other != name})
    return {}


def get_acl(call: Call) -> Document:
    return _acl(call, permitted(call, "MANAGE"))


def list_acls(call: Call) -> Document:
    acls = permitted(call, "MANAGE")["acls"]
    return {"items": [{"principal": name, "permission": level} for name, level in acls.items()]}


def _acl(call: Call, scope: Document) -> Document:
    name = call.text("principal")
    if name not in scope["acls"]:
        raise NotFound(f"There is no ACL of principal {name} on scope {scope['name']}.")
    return {"principal": name, "permission": scope["acls"][name]}


def _change_acls(call: Call, scope: Document, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    store = call.workspace.store
    store.update("secret_scope", scope["name"].lower(), lambda kept: {**kept, "acls": change(kept["acls"])})


routes = [
    *api("POST", "2.0/secrets/scopes/create", create_scope),
    *api("POST", "2.0/secrets/scopes/delete", delete_scope),
    *api("GET", "2.0/secrets/scopes/list", list_scopes),
    *api("POST", "2.0/secrets/put", put),
    *api("GET", "2.0/secrets/get", get),
    *api("POST", "2.0/secrets/delete", delete),
    *api("GET", "2.0/secrets/list", list_secrets),
    *api("POST", "2.0/secrets/acls/put", put_acl),
    *api("GET", "2.0/secrets/acls/get", get_acl),
    *api("GET", "2.0/secrets/acls/list", list_acls),
    *api("POST", "2.0/secrets/acls/delete", delete_acl),
]
