"""Whether privileges are enforced when SQL reads, changes and makes things, and who may: off unless asked for.

By the setting ``enforce_grants``, or for a while by ``POST /_harness/grants {"enforce": true}``, until the next reset.
Source: docs.databricks.com/data-governance/unity-catalog/manage-privileges/privileges. The workspace's own user, an
admin, and the owner of a table may do anything with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.routing import Route

from harness.workspace import control, entities, principals, sqlfunctions, tables
from harness.workspace.entities import Entity
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.securables import METASTORE_ID
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

EVERYBODY = "account users"
PRIVILEGES = ("SELECT", "MODIFY", "MANAGE", "APPLY_TAG")
CREATING = (
    *("CREATE_CATALOG", "CREATE_EXTERNAL_LOCATION", "CREATE_SCHEMA"),
    *("CREATE_TABLE", "CREATE_FUNCTION", "CREATE_VOLUME"),
)
# What reaching anything in these takes.
USE = {"CATALOG": "USE_CATALOG", "SCHEMA": "USE_SCHEMA"}


def enforced(workspace: Workspace) -> bool:
    """Whether statements are refused to those who lack privileges."""
    document = workspace.store.get("enforcement", "grants")
    return bool(document["enforce"]) if document else workspace.config.enforce_grants


def set_enforced(call: Call) -> Document:
    """Enforce privileges, or no longer. Raises: ``InvalidParameter``."""
    enforce = call.arguments.get("enforce")
    if not isinstance(enforce, bool):
        raise InvalidParameter("Expected enforce to be true or false.")
    workspace = call.workspace
    workspace.store.put("enforcement", "grants", {"enforce": enforce})
    if control.engine_status(workspace)["state"] == "ready":
        workspace.engine.clear_caches()
    return {"enforce": enforce}


def watched(call: Call) -> Document:
    """What Spark has to look at before it reads a table: guards, privileges."""
    return {"guarded": tables.any_guarded(call.workspace.store), "enforced": enforced(call.workspace)}


def permitted(call: Call) -> Document:
    """Why a user may not do something with an object: ``denied``, absent when nothing is against it.

    ``kind`` and ``name``: the object; for what is to be created, where. ``MANAGE`` is what owners have too.
    """
    who, wanted, kind = sqlfunctions.asker(call), call.text("privilege"), call.text("kind")
    if wanted not in (*PRIVILEGES, *CREATING):
        raise InvalidParameter(f"Expected privilege to be one of {', '.join((*PRIVILEGES, *CREATING))}.")
    if who.id == principals.USER_ID:
        return {}
    groups = {group["displayName"].lower() for group in principals.groups_of(call.workspace.store, who.id)}
    names = {who.name.lower(), EVERYBODY, *groups}
    try:
        name = METASTORE_ID if kind == "METASTORE" else call.text("name")
        entity = entities.find(call.workspace, kind, name)
    except NotFound:
        return {}  # Spark says that there is none
    missing = next(_missing(call.workspace, entity, wanted, names), "")
    return {"denied": f"User does not have {missing}."} if missing else {}


def _missing(workspace: Workspace, entity: Entity, wanted: str, names: set[str]) -> Iterator[str]:
    needed = [(entity, wanted)]
    for above in entities.with_parents(workspace, entity):
        # Who manages a catalog or schema need not use it.
        if above.type in USE and not (above is entity and wanted in ("MANAGE", "APPLY_TAG")):
            needed.insert(0, (above, USE[above.type]))
    for one, privilege in needed:
        if not _holds(workspace, one, privilege, names):
            yield f"{privilege.replace('_', ' ')} on {one.type.replace('_', ' ').capitalize()} '{one.name}'"


def _holds(workspace: Workspace, entity: Entity, privilege: str, names: set[str]) -> bool:
    # ALL PRIVILEGES are not to manage; who owns a catalog or schema manages what is in it.
    enough = {privilege} if privilege == "MANAGE" else {privilege, "ALL_PRIVILEGES"}
    for each in entities.with_parents(workspace, entity):
        if (each is entity or privilege == "MANAGE") and str(each.document.get("owner", "")).lower() in names:
            return True
        for who, what in (workspace.store.get("grants", each.key) or {}).items():
            if who.lower() in names and not enough.isdisjoint(what):
                return True
    return False


routes = [
    Route("/_harness/grants", endpoint(set_enforced), methods=["POST"]),
    Route("/_harness/sql/watched", endpoint(watched), methods=["GET"]),
    Route("/_harness/sql/permitted", endpoint(permitted), methods=["GET"]),
]
