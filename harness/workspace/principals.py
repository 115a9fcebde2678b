"""Who there is: users, groups and service principals as records, and which of them a request comes from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.workspace.auth import Principal
from harness.workspace.errors import PermissionDenied
from harness.workspace.store import Document, Store

if TYPE_CHECKING:
    from harness.workspace.state import Workspace
    from harness.workspace.wire import Call

SCHEMAS = "urn:ietf:params:scim:schemas:core:2.0:"
# What every workspace has keeps its id over resets; others get higher ones, each once (sequence "principal").
USER_ID, USERS_ID, ADMINS_ID, CLIENT_ID = "1", "2", "3", "4"
SEEDED = (USER_ID, USERS_ID, ADMINS_ID, CLIENT_ID)
FIRST_ID = 1000
SYSTEM_GROUPS = {USERS_ID: "users", ADMINS_ID: "admins"}


@dataclass(frozen=True)
class Kind:
    """One of SCIM's resource types. ``name``: the attribute that no two may share, by which the rest knows them."""

    record: str
    path: str
    noun: str
    name: str
    schema: str


USER = Kind("user", "Users", "User", "userName", f"{SCHEMAS}User")
GROUP = Kind("group", "Groups", "Group", "displayName", f"{SCHEMAS}Group")
SERVICE_PRINCIPAL = Kind(
    "service_principal", "ServicePrincipals", "Service principal", "applicationId", f"{SCHEMAS}ServicePrincipal"
)
KINDS = (USER, GROUP, SERVICE_PRINCIPAL)


def seed(workspace: Workspace) -> None:
    """Make the configured user, the configured OAuth client, and the groups ``users`` and ``admins``."""
    config, store = workspace.config, workspace.store
    email = {"type": "work", "value": config.user, "primary": True}
    user = {"id": USER_ID, "userName": config.user, "displayName": config.user, "active": True, "emails": [email]}
    made = [(USER, user)]
    if config.client_id:
        client = {"id": CLIENT_ID, "applicationId": config.client_id, "displayName": "harness", "active": True}
        made.append((SERVICE_PRINCIPAL, client))
    for group_id, name in SYSTEM_GROUPS.items():
        members = [{"value": document["id"]} for kind, document in made if kind is not GROUP]
        made.append((GROUP, {"id": group_id, "displayName": name, "members": members}))
    for kind, document in made:
        if store.get(kind.record, document["id"]) is None:
            store.put(kind.record, document["id"], document)


def member(kind: Kind, document: Document) -> Document:
    """A principal as a group lists it."""
    display = document.get("displayName") or document[kind.name]
    return {"value": document["id"], "display": display, "$ref": f"{kind.path}/{document['id']}"}


def by_id(store: Store, principal_id: str) -> tuple[Kind, Document] | None:
    """A principal of any kind."""
    for kind in KINDS:
        document = store.get(kind.record, principal_id)
        if document is not None:
            return kind, document
    return None


def by_name(store: Store, kind: Kind, name: str) -> Document | None:
    """A principal by its unique name, whose case does not matter."""
    return next((d for d in store.all(kind.record) if d[kind.name].lower() == name.lower()), None)


def exists(store: Store, name: str) -> bool:
    """Whether a user, group or service principal has this name."""
    return any(by_name(store, kind, name) for kind in KINDS)


def active(store: Store, principal_id: str) -> Principal | None:
    """The user or service principal of an id, unless it is gone or deactivated."""
    found = by_id(store, principal_id)
    if found is None or found[0] is GROUP or not found[1].get("active", True):
        return None
    kind, document = found
    return Principal(principal_id, document[kind.name])


def groups_of(store: Store, principal_id: str) -> Iterator[Document]:
    """The groups that a principal is a member of, itself or through other groups."""
    groups = store.all(GROUP.record)
    asked, found = [principal_id], set[str]()
    while asked:
        wanted = asked.pop()
        for group in groups:
            if group["id"] not in found and any(m["value"] == wanted for m in group["members"]):
                found.add(group["id"])
                asked.append(group["id"])
                yield group


def caller(call: Call) -> Principal:
    """Who sent a request."""
    principal: Principal = call.request.scope["harness.principal"]
    return principal


def is_admin(store: Store, principal: Principal) -> bool:
    """Whether a principal belongs to ``admins``."""
    return any(group["id"] == ADMINS_ID for group in groups_of(store, principal.id))


def require_admin(call: Call) -> None:
    """Refuse who is no administrator. Raises: ``PermissionDenied``."""
    principal = caller(call)
    if not is_admin(call.workspace.store, principal):
        raise PermissionDenied(f"{principal.name} is not an admin of this workspace.")
