"""The Permissions API: ``/api/2.0/permissions/{type}/{id}`` for each type of object that is served here."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.routing import Route

from harness.workspace import (
    clusterpolicies,
    clusters,
    files,
    instancepools,
    jobs,
    permissions,
    pipelinerecords,
    queries,
    repos,
    warehouses,
)
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, whole

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

ROOT = "2.0/permissions"
# Folders below which nothing is looked for: a link may lead back to where it lies.
DEEPEST = 30


def _number(id: str, what: str) -> int:
    """An id that is a number, written as such. Raises: ``InvalidParameter``."""
    number = whole(id)
    if number is None or str(number) != id:
        raise InvalidParameter(f"'{id}' is not a {what} id.")
    return number


def _cluster(workspace: Workspace, id: str) -> str:
    creator: str = clusters.find(workspace, id)["creator"]
    return creator


def _job(workspace: Workspace, id: str) -> str:
    creator: str = jobs.find(workspace, _number(id, "job"))["creator_user_name"]
    return creator


def _warehouse(workspace: Workspace, id: str) -> str:
    warehouses.find(workspace, id)
    return workspace.config.user


def _policy(workspace: Workspace, id: str) -> str:
    creator: str = clusterpolicies.find(workspace, id)["creator_user_name"]
    return creator


def _pool(workspace: Workspace, id: str) -> str:
    instancepools.find(workspace, id)
    return workspace.config.user


def _query(workspace: Workspace, id: str) -> str:
    queries.find(workspace, id)
    return workspace.config.user


def _repo(workspace: Workspace, id: str) -> str:
    repos.get(workspace, _number(id, "repo"))
    return workspace.config.user


def _pipeline(workspace: Workspace, id: str) -> str:
    creator: str = pipelinerecords.find(workspace, id)["creator_user_name"]
    return creator


def _authorization(workspace: Workspace, id: str) -> str:
    if id != "tokens":
        raise NotFound(f"authorization/{id} is not served by the local workspace; authorization/tokens is.")
    return workspace.config.user


def _object(kind: str) -> Callable[[Workspace, str], str]:
    def find(workspace: Workspace, id: str) -> str:
        number = _number(id, kind.lower())
        waiting = ["/Workspace"]
        if number == files.object_id("/Workspace") and kind == "DIRECTORY":
            return workspace.config.user
        while waiting:
            path = waiting.pop()
            folder, _ = files.lookup(workspace.paths, path)
            for child in files.children(workspace.paths, path, folder):
                if child["object_id"] == number and child["object_type"] == kind:
                    return workspace.config.user
                if child["object_type"] == "DIRECTORY" and path.count("/") < DEEPEST:
                    waiting.append(child["path"])
        raise NotFound(f"{kind.capitalize()} with id {id} does not exist.")

    return find


# Type → what finds an object and tells who made it, or raises the group's own error.
FIND: dict[str, Callable[[Workspace, str], str]] = {
    "clusters": _cluster,
    "cluster-policies": _policy,
    "instance-pools": _pool,
    "sql/warehouses": _warehouse,
    "warehouses": _warehouse,
    "jobs": _job,
    "notebooks": _object("NOTEBOOK"),
    "directories": _object("DIRECTORY"),
    "files": _object("FILE"),
    "repos": _repo,
    "pipelines": _pipeline,
    "sql/queries": _query,
    "queries": _query,
    "authorization": _authorization,
}


def _shown(call: Call, replace: bool | None) -> Document:
    type_name, id = _type(call), call.path["id"]
    creator = FIND[type_name](call.workspace, id)
    if replace is not None:
        permissions.grant(call, type_name, id, replace=replace)
    return permissions.view(call.workspace.store, type_name, id, creator)


def _type(call: Call) -> str:
    """The type in the path. Not a parameter of it: one type has two parts."""
    path: str = call.request.scope["path"].removeprefix(f"/api/{ROOT}/")
    return path.removesuffix("/permissionLevels").removesuffix(f"/{call.path['id']}")


def get(call: Call) -> Document:
    """Who may do what with an object."""
    return _shown(call, None)


def update(call: Call) -> Document:
    """Add entries; one of a principal that is listed takes the place of the one before."""
    return _shown(call, False)


def replace(call: Call) -> Document:
    """Replace all entries; without any, none is left."""
    return _shown(call, True)


def levels(call: Call) -> Document:
    """The levels that the type of an object has."""
    type_name = _type(call)
    FIND[type_name](call.workspace, call.path["id"])
    known = permissions.TYPES[type_name].levels
    return {
        "permission_levels": [
            {"permission_level": level, "description": permissions.DESCRIPTIONS[level]} for level in known
        ]
    }


def _routes(type_name: str) -> list[Route]:
    path = f"{ROOT}/{type_name}/{{id}}"
    return [
        *api("GET", path, get),
        *api("PATCH", path, update),
        *api("PUT", path, replace),
        *api("GET", f"{path}/permissionLevels", levels),
    ]


routes = [route for type_name in FIND for route in _routes(type_name)]
