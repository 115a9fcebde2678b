"""Access control lists of workspace objects: recorded and read back. **None is enforced**: every caller may do all.

Source: docs.databricks.com/api/workspace/permissions; the levels of each type are those of the SDK's
``…PermissionLevel`` enumerations. Principals need not exist: lists of a production workspace are taken as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document, Store

if TYPE_CHECKING:
    from harness.workspace.wire import Call

PRINCIPALS = ("user_name", "group_name", "service_principal_name")
OWNER = "IS_OWNER"
DESCRIPTIONS = {
    "CAN_ATTACH_TO": "Can attach to",
    "CAN_EDIT": "Can edit",
    "CAN_MANAGE": "Can manage, and change permissions",
    "CAN_MANAGE_RUN": "Can start, cancel and see runs",
    "CAN_MONITOR": "Can use, and see all queries",
    "CAN_READ": "Can read",
    "CAN_RESTART": "Can attach to, start, restart and terminate",
    "CAN_RUN": "Can run",
    "CAN_USE": "Can use",
    "CAN_VIEW": "Can view",
    OWNER: "Is owner",
}


@dataclass(frozen=True)
class Type:
    """A type of object: what answers call it, and its levels."""

    label: str
    levels: tuple[str, ...]


FOLDER_LEVELS = ("CAN_READ", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE")
WAREHOUSES = Type("warehouses", ("CAN_USE", "CAN_MONITOR", "CAN_VIEW", OWNER, "CAN_MANAGE"))
QUERIES = Type("query", ("CAN_VIEW", "CAN_RUN", "CAN_EDIT", "CAN_MANAGE"))
# By their names in paths.
TYPES = {
    "clusters": Type("cluster", ("CAN_ATTACH_TO", "CAN_RESTART", "CAN_MANAGE")),
    "cluster-policies": Type("cluster-policy", ("CAN_USE",)),
    "instance-pools": Type("instance-pool", ("CAN_ATTACH_TO", "CAN_MANAGE")),
    "sql/warehouses": WAREHOUSES,
    "warehouses": WAREHOUSES,
    "jobs": Type("job", ("CAN_VIEW", "CAN_MANAGE_RUN", OWNER, "CAN_MANAGE")),
    "notebooks": Type("notebook", FOLDER_LEVELS),
    "directories": Type("directory", FOLDER_LEVELS),
    "files": Type("file", FOLDER_LEVELS),
    "repos": Type("repo", FOLDER_LEVELS),
    "pipelines": Type("pipelines", ("CAN_VIEW", "CAN_RUN", OWNER, "CAN_MANAGE")),
    "sql/queries": QUERIES,
    "queries": QUERIES,
    "authorization": Type("tokens", ("CAN_USE",)),
}


def given(call: Call, type_name: str) -> list[Document]:
    """The request's ``access_control_list``. Raises: ``InvalidParameter``."""
    entries = call.arguments.get("access_control_list", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InvalidParameter("Expected access_control_list to be a list of objects.")
    levels = TYPES[type_name].levels
    for entry in entries:
        if entry.get("permission_level") not in levels:
            raise InvalidParameter(f"Invalid permission_level; {type_name} have {', '.join(levels)}.")
        if sum(name in entry for name in PRINCIPALS) != 1 or not all(
            isinstance(entry[name], str) for name in PRINCIPALS if name in entry
        ):
            raise InvalidParameter(f"An access control entry names exactly one of {', '.join(PRINCIPALS)}.")
    owners = [entry for entry in entries if entry["permission_level"] == OWNER]
    if len(owners) > 1 or any("group_name" in entry for entry in owners):
        raise InvalidParameter(f"Of {type_name}, each has exactly one owner, which is not a group.")
    return entries


def grant(call: Call, type_name: str, id: object, *, replace: bool) -> None:
    """Record the request's ``access_control_list``, beside what is recorded or in place of it.

    A new owner takes the place of the one before. Raises: ``InvalidParameter``.
    """
    store, entries = call.workspace.store, given(call, type_name)
    kept = [] if replace else _recorded(store, type_name, id)
    if any(entry["permission_level"] == OWNER for entry in entries):
        kept = [entry for entry in kept if entry["permission_level"] != OWNER]
    by_principal = {tuple(entry.get(name) for name in PRINCIPALS): entry for entry in [*kept, *entries]}
    store.put("permission", _key(type_name, id), {"access_control_list": list(by_principal.values())})


def forget(store: Store, type_name: str, id: object) -> None:
    """Let go of the list of an object that is no more."""
    store.delete("permission", _key(type_name, id))


def view(store: Store, type_name: str, id: object, creator: str) -> Document:
    """An object's access control list; where no owner is recorded, its creator is that."""
    entries = _recorded(store, type_name, id)
    if OWNER in TYPES[type_name].levels and all(entry["permission_level"] != OWNER for entry in entries):
        entries = [{"user_name": creator, "permission_level": OWNER}, *entries]
    return {
        "object_id": f"/{_path(type_name)}/{id}",
        "object_type": TYPES[type_name].label,
        "access_control_list": [
            {
                **{name: entry[name] for name in PRINCIPALS if name in entry},
                "all_permissions": [{"permission_level": entry["permission_level"], "inherited": False}],
            }
            for entry in entries
        ],
    }


def _recorded(store: Store, type_name: str, id: object) -> list[Document]:
    entries: list[Document] = (store.get("permission", _key(type_name, id)) or {}).get("access_control_list", [])
    return entries


def _path(type_name: str) -> str:
    """The name of a type in object ids; two types have a shorter one in paths too."""
    return f"sql/{type_name}" if type_name in ("warehouses", "queries") else type_name


def _key(type_name: str, id: object) -> str:
    return f"{_path(type_name)}/{id}"
