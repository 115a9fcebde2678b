"""SQL warehouses: ``/api/2.0/sql/warehouses``. All are the one local Spark; a stopped one starts again with a query.

Source: docs.databricks.com/api/workspace/warehouses. Sizes, scaling and automatic stops have no local meaning: they are
checked, kept and read back. A warehouse that shall run is STARTING until Spark is up; should Spark not come up, it is
STOPPED and its health says why.
"""

from __future__ import annotations

import secrets
import urllib.parse
from typing import TYPE_CHECKING

from databricks.sdk.service.sql import GetWarehouseResponse

from harness.workspace import names
from harness.workspace.errors import InvalidParameter, InvalidState, NotFound
from harness.workspace.jobspec import typed
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

PATH = "2.0/sql/warehouses"
WHAT = "SQL warehouse"
SIZES = ("2X-Small", "X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large", "5X-Large")
# Field → the values it may have (docs: api/workspace/warehouses/create).
CHOICES = {
    "cluster_size": SIZES,
    "warehouse_type": ("TYPE_UNSPECIFIED", "CLASSIC", "PRO", "REALTIME"),
    "spot_instance_policy": ("POLICY_UNSPECIFIED", "COST_OPTIMIZED", "RELIABILITY_OPTIMIZED"),
}
# Fields that only the service sets; clients that send back what they have read send them along.
OUTPUTS = frozenset(
    {"id", "state", "size", "num_clusters", "num_active_sessions", "jdbc_url", "odbc_params", "health", "creator_id"}
)
DEFAULTS: Document = {
    "cluster_size": "Small",
    "min_num_clusters": 1,
    "auto_stop_mins": 120,
    "enable_photon": True,
    "enable_serverless_compute": False,
    "warehouse_type": "CLASSIC",
    "spot_instance_policy": "COST_OPTIMIZED",
    "channel": {"name": "CHANNEL_NAME_CURRENT"},
    "tags": {"custom_tags": []},
}
MOST_CLUSTERS = 40
NAME_LENGTH = 100
MOST_TAGS = 45
# These sleep 30 s after each answer that is not the state they wait for.
PATIENT_OPERATORS = ("DatabricksStartWarehouseOperator", "DatabricksStopWarehouseOperator")


def seed(workspace: Workspace) -> None:
    """Make the configured warehouses, which run from the start. Those that were edited since stay as they are."""
    for configured in workspace.config.warehouses:
        name = configured.get("name", configured["id"])
        settings = {**DEFAULTS, "auto_stop_mins": 0, "warehouse_type": "PRO", "name": name}
        if workspace.store.get("warehouse", configured["id"]) is None:
            _add(workspace, configured["id"], settings)


def find(workspace: Workspace, warehouse_id: str) -> Document:
    """A warehouse's record. Raises: ``NotFound``, also for a deleted one (databricks-sdk-go #400)."""
    warehouse = workspace.store.get("warehouse", warehouse_id)
    if warehouse is None:
        raise NotFound(f"{WHAT} {warehouse_id} does not exist.")
    return warehouse


def state_of(workspace: Workspace, warehouse: Document) -> str:
    """Its state now: STOPPED, or what the engine allows."""
    if not warehouse["on"]:
        return "STOPPED"
    engine = workspace.engine.status()["state"]
    return {"ready": "RUNNING", "warm": "RUNNING", "failed": "STOPPED", "stopped": "STOPPED"}.get(engine, "STARTING")


def view(workspace: Workspace, warehouse: Document) -> Document:
    """A warehouse as the API shows it. The provider reads its http_path from ``odbc_params`` (wire.md §1.2 #19)."""
    url, state = urllib.parse.urlsplit(workspace.url), state_of(workspace, warehouse)
    settings, warehouse_id = warehouse["settings"], warehouse["id"]
    path = f"/sql/1.0/warehouses/{warehouse_id}"
    failure = workspace.engine.status().get("error") if warehouse["on"] and state == "STOPPED" else None
    return {
        "id": warehouse_id,
        "creator_name": workspace.config.user,
        **settings,
        "max_num_clusters": settings.get("max_num_clusters", settings["min_num_clusters"]),
        # The name that this size had before warehouses; older clients read it.
        "size": _older_size(settings["cluster_size"]),
        "state": state,
        "num_clusters": settings["min_num_clusters"] if state == "RUNNING" else 0,
        "num_active_sessions": workspace.sql.status().get("warehouses", {}).get(warehouse_id, 0),
        "odbc_params": {"hostname": url.hostname, "path": path, "protocol": url.scheme, "port": url.port},
        "jdbc_url": f"jdbc:spark://{url.netloc}/default;transportMode=http;ssl=0;AuthMech=3;httpPath={path};",
        "health": {"status": "FAILED", "summary": failure, "details": failure} if failure else {"status": "HEALTHY"},
    }


def wake(workspace: Workspace, warehouse_id: str) -> None:
    """Start a stopped warehouse, as a query to it does on Databricks. Raises: ``NotFound``."""
    if not find(workspace, warehouse_id)["on"]:
        _switch(workspace, warehouse_id, True)


def list_warehouses(call: Call) -> Document:
    """Every warehouse, in pages of ``page_size``."""
    workspace = call.workspace
    some, following, _ = page(workspace.store.all("warehouse"), call, size=1000, most=1000, field="page_size")
    return {"warehouses": [view(workspace, warehouse) for warehouse in some], "next_page_token": following}


def list_endpoints(call: Call) -> Document:
    """Every warehouse under its name of old, by which Airflow's provider asked up to 7.7 (its source)."""
    return {"endpoints": [view(call.workspace, each) for each in call.workspace.store.all("warehouse")]}


async def get(call: Call) -> Document:
    """A warehouse. Airflow's operators, which wait for another state, are answered when it is not starting."""
    workspace, warehouse_id = call.workspace, call.path["id"]
    find(workspace, warehouse_id)
    if call.operator in PATIENT_OPERATORS:
        await workspace.signal.wait("engine", lambda: not _starting(workspace, warehouse_id), workspace.hold_seconds)
    return view(workspace, find(workspace, warehouse_id))


def create(call: Call) -> Document:
    """Make a warehouse, which starts at once. Raises: ``InvalidParameter``."""
    settings = _checked({**DEFAULTS, **_given(call)})
    warehouse_id = secrets.token_hex(8)
    _add(call.workspace, warehouse_id, settings)
    return {"id": warehouse_id}


def edit(call: Call) -> Document:
    """Change what is given and leave the rest (terraform-provider-databricks #498). Raises: ``InvalidParameter``."""
    store, warehouse_id = call.workspace.store, call.path["id"]
    old = find(call.workspace, warehouse_id)["settings"]
    settings = _checked({**old, **_given(call)})
    names.rename(store, WHAT, old, settings, "name", warehouse_id)
    store.update("warehouse", warehouse_id, lambda warehouse: {**warehouse, "settings": settings})
    return {}


def start(call: Call) -> Document:
    """Start a warehouse; nothing happens to one that runs. Raises: ``InvalidState`` when Spark will not come up."""
    workspace, warehouse_id = call.workspace, call.path["id"]
    wake(workspace, warehouse_id)
    if state_of(workspace, find(workspace, warehouse_id)) == "STOPPED":
        why = workspace.engine.status().get("error") or "it was stopped"
        raise InvalidState(f"{WHAT} {warehouse_id} cannot start: the local Spark is not up ({why}).")
    return {}


def stop(call: Call) -> Document:
    find(call.workspace, call.path["id"])
    _switch(call.workspace, call.path["id"], False)
    return {}


def delete(call: Call) -> Document:
    """Delete a warehouse; a configured one is back after a reset."""
    warehouse = find(call.workspace, call.path["id"])
    call.workspace.store.delete("warehouse", warehouse["id"])
    names.release(call.workspace.store, WHAT, warehouse["settings"]["name"])
    return {}


# -- records ------------------------------------------------------------------------------------------


def _add(workspace: Workspace, warehouse_id: str, settings: Document) -> None:
    """Write a new warehouse, on. Raises: ``InvalidParameter`` when its name is another's."""
    names.claim(workspace.store, WHAT, settings["name"], warehouse_id)
    workspace.store.put("warehouse", warehouse_id, {"id": warehouse_id, "on": True, "settings": settings})


def _switch(workspace: Workspace, warehouse_id: str, on: bool) -> None:
    workspace.store.update("warehouse", warehouse_id, lambda warehouse: {**warehouse, "on": on})


def _starting(workspace: Workspace, warehouse_id: str) -> bool:
    warehouse = workspace.store.get("warehouse", warehouse_id)
    return warehouse is not None and state_of(workspace, warehouse) == "STARTING"


def _older_size(size: str) -> str:
    """``2X-Small`` → ``XXSMALL``."""
    repeated, _, name = size.rpartition("-")
    times = int(repeated[:-1] or 1) if repeated else 0
    return "X" * times + name.upper()


def _given(call: Call) -> Document:
    return typed({k: v for k, v in call.arguments.items() if k not in OUTPUTS}, GetWarehouseResponse)


def _checked(settings: Document) -> Document:
    """The settings, if they are within the documented limits. Raises: ``InvalidParameter``."""
    name = settings.get("name", "")
    if not name.strip():
        raise InvalidParameter("Missing required field: name")
    if len(name) >= NAME_LENGTH:
        raise InvalidParameter(f"name must be less than {NAME_LENGTH} characters long.")
    for field, values in CHOICES.items():
        if settings[field] not in values:
            raise InvalidParameter(f"Invalid {field} {settings[field]}. It must be one of {', '.join(values)}.")
    least: int = settings["min_num_clusters"]
    most: int = settings.get("max_num_clusters", least)
    if not 0 < least <= min(most, 30) or most > MOST_CLUSTERS:
        raise InvalidParameter(
            f"min_num_clusters ({least}) must be between 1 and 30 and at most max_num_clusters ({most}), which must be "
            f"at most {MOST_CLUSTERS}."
        )
    minutes = settings["auto_stop_mins"]
    # Serverless ones may stop earlier by API (docs: "Create a SQL warehouse", auto stop).
    if minutes and minutes < (1 if settings["enable_serverless_compute"] else 10):
        raise InvalidParameter(f"auto_stop_mins must be 0 or at least 10, got {minutes}.")
    if len(settings["tags"].get("custom_tags", [])) >= MOST_TAGS:
        raise InvalidParameter(f"A warehouse must have less than {MOST_TAGS} tags.")
    return settings


routes = [
    *api("GET", PATH, list_warehouses),
    *api("GET", "2.0/sql/endpoints", list_endpoints),
    *api("POST", PATH, create),
    *api("GET", PATH + "/{id}", get),
    *api("DELETE", PATH + "/{id}", delete),
    *api("POST", PATH + "/{id}/edit", edit),
    *api("POST", PATH + "/{id}/start", start),
    *api("POST", PATH + "/{id}/stop", stop),
]
