"""Privileges: ``/api/2.1/unity-catalog/permissions`` and its effective and paged forms.

Source: docs.databricks.com/api/workspace/grants and "Unity Catalog privileges and securable objects". They are
recorded and read back, inherited ones among them; nothing is refused for want of one, since the token's user owns all.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from harness.workspace import entities
from harness.workspace.entities import Entity
from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

_ALL = frozenset({"ALL_PRIVILEGES", "MANAGE"})
_TABLE = _ALL | {"APPLY_TAG", "MODIFY", "REFRESH", "SELECT"}
_VOLUME = _ALL | {"APPLY_TAG", "READ_VOLUME", "WRITE_VOLUME"}
_SCHEMA = _TABLE | _VOLUME | {"BROWSE", "EXECUTE", "EXTERNAL_USE_SCHEMA", "USE_SCHEMA", "CREATE_TABLE", "CREATE_VOLUME"}
_SCHEMA |= {"CREATE_FUNCTION", "CREATE_MATERIALIZED_VIEW", "CREATE_MODEL", "CREATE_VIEW"}
_METASTORE = {"CREATE_CATALOG", "CREATE_CONNECTION", "CREATE_EXTERNAL_LOCATION", "CREATE_STORAGE_CREDENTIAL"}
_METASTORE |= {"CREATE_SERVICE_CREDENTIAL", "CREATE_PROVIDER", "CREATE_RECIPIENT", "CREATE_SHARE", "USE_PROVIDER"}
_METASTORE |= {"MANAGE_ALLOWLIST", "SET_SHARE_PERMISSION", "USE_CONNECTION", "USE_MARKETPLACE_ASSETS", "USE_RECIPIENT"}
_FILES = {"READ_FILES", "WRITE_FILES", "CREATE_EXTERNAL_TABLE", "CREATE_EXTERNAL_VOLUME", "CREATE_MANAGED_STORAGE"}
PRIVILEGES = {
    "METASTORE": frozenset(_METASTORE) | {"USE_SHARE", "MANAGE"},
    "CATALOG": _SCHEMA | {"USE_CATALOG", "CREATE_SCHEMA"},
    "SCHEMA": _SCHEMA,
    "TABLE": _TABLE,
    "VOLUME": _VOLUME,
    "FUNCTION": _ALL | {"EXECUTE"},
    "EXTERNAL_LOCATION": _ALL | _FILES | {"BROWSE", "EXTERNAL_USE_LOCATION", "CREATE_FOREIGN_SECURABLE"},
    "STORAGE_CREDENTIAL": _ALL | {"READ_FILES", "WRITE_FILES", "CREATE_EXTERNAL_LOCATION", "CREATE_EXTERNAL_TABLE"},
}
LEAST_PAGE = 150


def get(call: Call) -> Document:
    """What is granted on an object itself. Raises: ``NotFound``, ``InvalidParameter``."""
    return {"privilege_assignments": _own(call)}


def get_effective(call: Call) -> Document:
    """What is granted on an object and on what it lies in."""
    return {"privilege_assignments": _effective(call)}


def list_own(call: Call) -> Document:
    return {"privilege_assignments": _own(call, page_field="page_size")}


def list_effective(call: Call) -> Document:
    return {"effective_privilege_assignments": _effective(call, page_field="page_size")}


def update(call: Call) -> Document:
    """Add and remove privileges, all or none. Raises: ``NotFound``, ``InvalidParameter``."""
    entity = _entity(call)
    changes = _changes(call, entity)
    store = call.workspace.store
    with contextlib.suppress(Taken):
        store.insert("grants", entity.key, {})

    def change(granted: Document) -> Document:
        for principal, added, removed in changes:
            # Order is that of granting; removing all takes every single one too.
            kept = [p for p in granted.get(principal, []) if p not in removed and "ALL_PRIVILEGES" not in removed]
            granted[principal] = list(dict.fromkeys([*kept, *added]))
        return {principal: privileges for principal, privileges in granted.items() if privileges}

    store.update("grants", entity.key, change)
    return {} if call.flag("omit_permissions_in_response") else {"privilege_assignments": _own(call)}


# -- requests -----------------------------------------------------------------------------------------


def _entity(call: Call) -> Entity:
    return entities.find(call.workspace, call.path["securable_type"], call.path["full_name"])


def _changes(call: Call, entity: Entity) -> list[tuple[str, list[str], list[str]]]:
    given: Any = call.arguments.get("changes", [])
    if not isinstance(given, list) or not all(isinstance(change, dict) for change in given):
        raise InvalidParameter("Expected changes to be a list of objects.")
    found = []
    for change in given:
        principal = change.get("principal")
        if not isinstance(principal, str) or not principal:
            raise InvalidParameter("Each of changes must have a principal.")
        added, removed = (_privileges(change.get(side, []), side, entity) for side in ("add", "remove"))
        found.append((principal, added, removed))
    return found


def _privileges(given: Any, side: str, entity: Entity) -> list[str]:
    if not isinstance(given, list) or not all(isinstance(privilege, str) for privilege in given):
        raise InvalidParameter(f"Expected {side} to be a list of privileges.")
    privileges = [_current(privilege.upper().replace(" ", "_"), entity) for privilege in given]
    for privilege in privileges:
        if privilege not in PRIVILEGES[entity.type]:
            text = privilege.replace("_", " ")
            raise InvalidParameter(f"Privilege {text} is not applicable to this entity [{entity.name}:{entity.type}].")
    return privileges


def _current(privilege: str, entity: Entity) -> str:
    """Today's name of a privilege: USAGE and CREATE are those of the metastore's version 0."""
    older = {"USAGE": f"USE_{entity.type}", "CREATE": "CREATE_SCHEMA" if entity.type == "CATALOG" else "CREATE_TABLE"}
    return older.get(privilege, privilege)


# -- answers ------------------------------------------------------------------------------------------


def _granted(workspace: Workspace, entity: Entity, principal: str) -> dict[str, list[str]]:
    granted = workspace.store.get("grants", entity.key) or {}
    return {who: what for who, what in granted.items() if not principal or who.lower() == principal.lower()}


def _own(call: Call, page_field: str = "max_results") -> list[Document]:
    _check_page(call, page_field)
    granted = _granted(call.workspace, _entity(call), call.text("principal", ""))
    return [{"principal": who, "privileges": what} for who, what in granted.items()]


def _effective(call: Call, page_field: str = "max_results") -> list[Document]:
    _check_page(call, page_field)
    found = effective(call.workspace, _entity(call), call.text("principal", ""))
    return [{"principal": who, "privileges": what} for who, what in found.items()]


def effective(workspace: Workspace, entity: Entity, principal: str = "") -> dict[str, list[Document]]:
    """What is granted on an object and above it, by principal: ``privilege``, and where it is inherited from."""
    found: dict[str, list[Document]] = {}
    for each in entities.with_parents(workspace, entity):
        inherited = {"inherited_from_name": each.name, "inherited_from_type": each.type}
        for who, what in _granted(workspace, each, principal).items():
            conveyed = [{"privilege": p, **({} if each == entity else inherited)} for p in what if _reaches(p, entity)]
            if conveyed:
                found.setdefault(who, []).extend(conveyed)
    return found


def _reaches(privilege: str, entity: Entity) -> bool:
    """Whether a privilege granted above says anything about an object: SELECT on a catalog does about a table."""
    return privilege in PRIVILEGES[entity.type]


def _check_page(call: Call, field: str) -> None:
    """A page's length: 0 is the server's choice; one answer holds all, which every length from 150 on allows."""
    size = call.integer(field, 0)
    if size < 0 or 0 < size < LEAST_PAGE:
        raise InvalidParameter(f"Invalid {field}: {size}. It must be 0, or at least {LEAST_PAGE}.")


UC = "2.1/unity-catalog"
OBJECT = "{securable_type}/{full_name}"
routes = [
    *api("GET", f"{UC}/permissions/{OBJECT}", get),
    *api("PATCH", f"{UC}/permissions/{OBJECT}", update),
    *api("GET", f"{UC}/effective-permissions/{OBJECT}", get_effective),
    *api("GET", f"{UC}/privilege-assignments/{OBJECT}", list_own),
    *api("GET", f"{UC}/effective-privilege-assignments/{OBJECT}", list_effective),
]
