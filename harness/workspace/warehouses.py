"""SQL warehouses: ``/api/2.0/sql/warehouses``. All are the one local Spark; a stopped one starts again with a query."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from harness.workspace.errors import NotFound
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace


def find(workspace: Workspace, warehouse_id: str) -> Document:
    """A warehouse of the configuration, with the state it was last given. Raises: ``NotFound``."""
    for warehouse in workspace.config.warehouses:
        if warehouse["id"] == warehouse_id:
            kept = workspace.store.get("warehouse", warehouse_id) or {"state": "RUNNING"}
            return view(workspace, warehouse, kept["state"])
    raise NotFound(f"SQL warehouse {warehouse_id} does not exist.")


def view(workspace: Workspace, warehouse: dict[str, str], state: str) -> Document:
    """A warehouse as the API shows it. The provider reads its http_path from ``odbc_params`` (wire.md §1.2 #19)."""
    url = urllib.parse.urlsplit(workspace.url)
    path = f"/sql/1.0/warehouses/{warehouse['id']}"
    return {
        "id": warehouse["id"],
        "name": warehouse.get("name", warehouse["id"]),
        "state": state,
        "size": "SMALL",
        "cluster_size": "Small",
        "min_num_clusters": 1,
        "max_num_clusters": 1,
        "num_clusters": 1 if state == "RUNNING" else 0,
        "num_active_sessions": workspace.sql.status().get("warehouses", {}).get(warehouse["id"], 0),
        "auto_stop_mins": 0,
        "warehouse_type": "PRO",
        "enable_serverless_compute": False,
        "creator_name": workspace.config.user,
        "odbc_params": {"hostname": url.hostname, "path": path, "protocol": url.scheme, "port": url.port},
        "jdbc_url": f"jdbc:spark://{url.netloc}/default;transportMode=http;ssl=0;AuthMech=3;httpPath={path};",
        "health": {"status": "HEALTHY"},
    }


def wake(workspace: Workspace, warehouse_id: str) -> None:
    """Start a stopped warehouse, as a query to it does on Databricks. Raises: ``NotFound``."""
    if find(workspace, warehouse_id)["state"] != "RUNNING":
        workspace.store.put("warehouse", warehouse_id, {"state": "RUNNING"})


def list_warehouses(call: Call) -> Document:
    workspace = call.workspace
    return {"warehouses": [find(workspace, warehouse["id"]) for warehouse in workspace.config.warehouses]}


def get(call: Call) -> Document:
    return find(call.workspace, call.path["id"])


def start(call: Call) -> Document:
    wake(call.workspace, call.path["id"])
    return {}


def stop(call: Call) -> Document:
    warehouse = find(call.workspace, call.path["id"])
    call.workspace.store.put("warehouse", warehouse["id"], {"state": "STOPPED"})
    return {}


routes = [
    *api("GET", "2.0/sql/warehouses", list_warehouses),
    *api("GET", "2.0/sql/warehouses/{id}", get),
    *api("POST", "2.0/sql/warehouses/{id}/start", start),
    *api("POST", "2.0/sql/warehouses/{id}/stop", stop),
]
