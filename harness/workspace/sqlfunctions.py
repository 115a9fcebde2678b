"""What Spark asks of the workspace while it runs a statement: ``/_harness/sql/…``.

Its functions about the current user and its secrets (harness/lake/catalog/SessionFunctions) ask with the stack's own
token on behalf of whoever runs the statement; scripts (Frontend) have statements run that only the front end knows.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from py4j.protocol import Py4JJavaError
from starlette.routing import Route

from harness.workspace import principals, secretscopes
from harness.workspace.auth import Principal
from harness.workspace.errors import NotFound, PermissionDenied
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from harness.workspace.store import Store


def asker(call: Call) -> Principal:
    """The user whose statement asks. Raises: ``PermissionDenied`` for another than the stack's own token's caller."""
    name, who = call.text("user"), principals.caller(call)
    if name.lower() == who.name.lower():
        return who
    if who.id != principals.USER_ID:
        raise PermissionDenied(f"{who.name} cannot ask for {name}.")
    found = named(call.workspace.store, name)
    if found is None:
        raise NotFound(f"User {name} does not exist.")
    return found


def named(store: Store, name: str) -> Principal | None:
    """The user or service principal of a name."""
    for kind in (principals.USER, principals.SERVICE_PRINCIPAL):
        document = principals.by_name(store, kind, name)
        if document is not None:
            return Principal(document["id"], document[kind.name])
    return None


def groups(call: Call) -> Document:
    """The names of the groups that the user belongs to, itself or through other groups."""
    found = principals.groups_of(call.workspace.store, asker(call).id)
    return {"groups": [group["displayName"] for group in found]}


def secret(call: Call) -> Document:
    """A secret's value as text. Raises: ``NotFound``, ``PermissionDenied``."""
    scope = secretscopes.permitted(call, "READ", asker(call))
    _, document = secretscopes.find(call, scope)
    return {"value": base64.b64decode(document["value"]).decode(errors="replace")}


def secrets(call: Call) -> Document:
    """The scopes and keys of all secrets that the user may read."""
    store, who = call.workspace.store, asker(call)
    readable = [s["name"] for s in store.all("secret_scope") if secretscopes.allowed(store, s, who, "READ")]
    found = [(name, document["key"]) for name in readable for document in secretscopes.secrets_of(store, name)]
    return {"secrets": [{"scope": scope, "key": key} for scope, key in found]}


def statement(call: Call) -> Document:
    """Run a statement of a script, for Spark, which waits. Raises: ``PermissionDenied`` for anybody else."""
    who = principals.caller(call)
    if who.id != principals.USER_ID:
        raise PermissionDenied(f"{who.name} cannot run statements of others.")
    try:
        call.workspace.sql.nest(call.text("id"), call.text("statement"))
    except Py4JJavaError as error:
        raise NotFound(f"There is no such statement: {error.java_exception.getMessage()}") from None
    return {}


routes = [
    Route("/_harness/sql/groups", endpoint(groups), methods=["GET"]),
    Route("/_harness/sql/secret", endpoint(secret), methods=["GET"]),
    Route("/_harness/sql/secrets", endpoint(secrets), methods=["GET"]),
    Route("/_harness/sql/statement", endpoint(statement), methods=["POST"]),
]
