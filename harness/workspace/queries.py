"""Saved queries: ``/api/2.0/sql/queries``, and what older clients read of them under ``/api/2.0/preview/sql``.

Source: docs.databricks.com/api/workspace/queries. They are kept, not run; a job's ``sql_task`` may name one.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from harness.workspace.errors import AlreadyExists, InvalidParameter, NotFound
from harness.workspace.store import Document
from harness.workspace.warehouses import list_warehouses
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from starlette.responses import Response

    from harness.workspace.state import Workspace

TEXTS = ("display_name", "query_text", "description", "warehouse_id", "catalog", "schema", "parent_path")
FIELDS = {name: str for name in TEXTS} | {"parameters": list, "tags": list, "apply_auto_limit": bool}
FIELDS |= {"run_as_mode": str}
CHANGES = {**FIELDS, "owner_user_name": str}
del CHANGES["parent_path"]
RUN_AS = ("OWNER", "VIEWER")


def find(workspace: Workspace, query_id: str) -> Document:
    """A saved query, also one in the trash. Raises: ``NotFound``."""
    document = workspace.store.get("query", query_id)
    if document is None:
        raise NotFound(f"Query {query_id} does not exist.")
    return document


def data_source_id(warehouse_id: str) -> str:
    """The id by which the older API knows a warehouse."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"warehouse:{warehouse_id}"))


def create(call: Call) -> Document:
    """Save a query. Raises: ``InvalidParameter``; ``AlreadyExists`` for a name taken in its folder."""
    workspace = call.workspace
    fields = _fields(call, FIELDS)
    user, now = workspace.config.user, _now()
    fields.setdefault("display_name", "New Query")
    fields.setdefault("parent_path", f"/Workspace/Users/{user}")
    document = {
        "query_text": "",
        "run_as_mode": "OWNER",
        **fields,
        "display_name": _name(call, fields["display_name"], fields["parent_path"]),
        "id": str(uuid.uuid4()),
        "lifecycle_state": "ACTIVE",
        "owner_user_name": user,
        "last_modifier_user_name": user,
        "create_time": now,
        "update_time": now,
    }
    workspace.store.put("query", document["id"], {**document, "order": workspace.store.next("query")})
    return document


def get(call: Call) -> Document:
    return _shown(find(call.workspace, call.path["id"]))


def list_queries(call: Call) -> Document:
    """The queries that are not in the trash, oldest first."""
    shown, following, _ = page(_active(call.workspace), call, size=20, most=100, field="page_size")
    document: Document = {"results": [_shown(query) for query in shown]}
    return {**document, "next_page_token": following} if following else document


def update(call: Call) -> Document:
    """Change the fields that ``update_mask`` names. Raises: ``InvalidParameter``, ``NotFound``, ``AlreadyExists``."""
    workspace, query = call.workspace, find(call.workspace, call.path["id"])
    if query["lifecycle_state"] != "ACTIVE":
        raise InvalidParameter(f"Query {query['id']} is in the trash.")
    fields, mask = _fields(call, CHANGES), call.text("update_mask")
    names = list(CHANGES) if mask == "*" else mask.split(",")
    if unknown := [name for name in names if name not in CHANGES]:
        raise InvalidParameter(f"update_mask names {unknown[0]}, which is not a field that can be changed.")
    if "display_name" in names and "display_name" in fields:
        fields["display_name"] = _name(call, fields["display_name"], query["parent_path"], query["id"])
    stamps = {"update_time": _now(), "last_modifier_user_name": workspace.config.user}

    def change(old: Document) -> Document:
        kept = {key: value for key, value in old.items() if key not in names or key in ("display_name", "query_text")}
        return {**kept, **{name: fields[name] for name in names if name in fields}, **stamps}

    return _shown(workspace.store.update("query", query["id"], change) or query)


def delete(call: Call) -> Document:
    """Move a query to the trash. Raises: ``NotFound``."""
    query = find(call.workspace, call.path["id"])
    call.workspace.store.update("query", query["id"], lambda old: {**old, "lifecycle_state": "TRASHED"})
    return {}


def get_legacy(call: Call) -> Document:
    """``LegacyQuery``."""
    query = find(call.workspace, call.path["id"])
    document: Document = {
        "id": query["id"],
        "name": query["display_name"],
        "query": query["query_text"],
        "description": query.get("description"),
        "parent": query["parent_path"],
        "tags": query.get("tags", []),
        "options": {"parameters": query.get("parameters", [])},
        "is_archived": query["lifecycle_state"] != "ACTIVE",
        "is_draft": False,
        "can_edit": True,
        "run_as_role": query["run_as_mode"].lower(),
        "user": {"id": 1, "name": query["owner_user_name"], "email": query["owner_user_name"]},
        "user_id": 1,
        "created_at": query["create_time"],
        "updated_at": query["update_time"],
    }
    if "warehouse_id" in query:
        document["data_source_id"] = data_source_id(query["warehouse_id"])
    return {key: value for key, value in document.items() if value is not None}


def data_sources(call: Call) -> Response:
    """Every warehouse, as a bare list."""
    return JSONResponse(
        [
            {
                "id": data_source_id(warehouse["id"]),
                "warehouse_id": warehouse["id"],
                "name": warehouse["name"],
                "type": "databricks_internal",
                "syntax": "sql",
                "paused": 0,
                "supports_auto_limit": True,
                "view_only": False,
            }
            for warehouse in list_warehouses(call)["warehouses"]
        ]
    )


def _fields(call: Call, known: dict[str, type]) -> Document:
    """The request's ``query``. Raises: ``InvalidParameter`` for a field that is unknown or of another type."""
    fields: dict[str, Any] = call.mapping("query", {})
    for name, value in fields.items():
        if name not in known:
            raise InvalidParameter(f"query.{name} is not a field that can be set.")
        if not isinstance(value, known[name]):
            raise InvalidParameter(f"Expected query.{name} to be of type {known[name].__name__}.")
    if fields.get("run_as_mode", "OWNER") not in RUN_AS:
        raise InvalidParameter(f"query.run_as_mode must be one of {', '.join(RUN_AS)}.")
    return fields


def _name(call: Call, name: str, folder: str, but: str = "") -> str:
    """A display name that is free in its folder. Raises: ``AlreadyExists`` unless it may be changed."""
    taken = {q["display_name"] for q in _active(call.workspace) if q["parent_path"] == folder and q["id"] != but}
    if name not in taken:
        return name
    if not call.flag("auto_resolve_display_name"):
        raise AlreadyExists(f"A query named '{name}' exists already in {folder}.")
    return next(free for n in range(1, len(taken) + 2) if (free := f"{name} ({n})") not in taken)


def _active(workspace: Workspace) -> list[Document]:
    queries = [query for query in workspace.store.all("query") if query["lifecycle_state"] == "ACTIVE"]
    return sorted(queries, key=lambda query: int(query["order"]))


def _shown(query: Document) -> Document:
    return {key: value for key, value in query.items() if key != "order"}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


routes = [
    *api("POST", "2.0/sql/queries", create),
    *api("GET", "2.0/sql/queries", list_queries),
    *api("GET", "2.0/sql/queries/{id}", get),
    *api("PATCH", "2.0/sql/queries/{id}", update),
    *api("DELETE", "2.0/sql/queries/{id}", delete),
    *api("GET", "2.0/preview/sql/queries/{id}", get_legacy),
    *api("GET", "2.0/preview/sql/data_sources", data_sources),
]
