"""Instance pools: ``/api/2.0/instance-pools``. Kept and read back; there are no instances here to keep ready.

Source: docs.databricks.com/api/workspace/instancepools.
"""

from __future__ import annotations

import secrets
import string
import time
from typing import TYPE_CHECKING

from databricks.sdk.service.compute import GetInstancePool

from harness.workspace import names, permissions
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.jobspec import typed
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

PATH = "2.0/instance-pools"
WHAT = "Instance pool"
# Fields that only the service sets; clients that send back what they have read send them along.
OUTPUTS = frozenset({"instance_pool_id", "state", "stats", "status", "default_tags"})
# What instance-pools/edit may change; the rest stays as it was made.
EDITABLE = frozenset(
    {
        "instance_pool_name", "min_idle_instances", "max_capacity", "idle_instance_autotermination_minutes",
        "custom_tags", "remote_disk_throughput", "total_initial_remote_disk_size", "node_type_flexibility",
    }
)  # fmt: skip
NAME_LENGTH = 100
MOST_TAGS = 45
MOST_MINUTES = 10_000
LETTERS = string.ascii_lowercase + string.digits


def find(workspace: Workspace, pool_id: str) -> Document:
    """A pool. Raises: ``NotFound`` in the service's words (databricks/databricks-cli #250)."""
    pool = workspace.store.get("instance_pool", pool_id)
    if pool is None:
        raise NotFound(f"Can't find an instance pool with id: {pool_id}.")
    return pool


def view(pool: Document) -> Document:
    """A pool as the API shows it: active, without instances."""
    pool_id = pool["instance_pool_id"]
    return {
        **pool,
        "default_tags": {"Vendor": "Databricks", "DatabricksInstancePoolId": pool_id},
        "state": "ACTIVE",
        "stats": {"used_count": 0, "idle_count": 0, "pending_used_count": 0, "pending_idle_count": 0},
        "status": {},
    }


def create(call: Call) -> Document:
    """Make a pool. Raises: ``InvalidParameter``."""
    pool, store = _given(call), call.workspace.store
    word, end = ("".join(secrets.choice(LETTERS) for _ in range(size)) for size in (6, 8))
    pool_id = f"{time.strftime('%m%d-%H%M%S', time.gmtime())}-{word}-pool-{end}"
    names.claim(store, WHAT, pool["instance_pool_name"], pool_id)
    store.put("instance_pool", pool_id, {**pool, "instance_pool_id": pool_id})
    return {"instance_pool_id": pool_id}


def edit(call: Call) -> Document:
    """Replace what of a pool can be changed. Raises: ``NotFound``, ``InvalidParameter``."""
    store, pool_id = call.workspace.store, call.text("instance_pool_id")
    old, new = find(call.workspace, pool_id), _given(call)
    if new["node_type_id"] != old["node_type_id"]:
        raise InvalidParameter(f"The node_type_id of an instance pool cannot be changed; it is {old['node_type_id']}.")
    names.rename(store, WHAT, old, new, "instance_pool_name", pool_id)
    kept = {name: value for name, value in old.items() if name not in EDITABLE}
    changed = {name: value for name, value in new.items() if name in EDITABLE}
    store.update("instance_pool", pool_id, lambda _: {**kept, **changed})
    return {}


def delete(call: Call) -> Document:
    """Delete a pool for good."""
    store, pool = call.workspace.store, find(call.workspace, call.text("instance_pool_id"))
    store.delete("instance_pool", pool["instance_pool_id"])
    names.release(store, WHAT, pool["instance_pool_name"])
    permissions.forget(store, "instance-pools", pool["instance_pool_id"])
    return {}


def get(call: Call) -> Document:
    return view(find(call.workspace, call.text("instance_pool_id")))


def list_pools(call: Call) -> Document:
    return {"instance_pools": [view(pool) for pool in call.workspace.store.all("instance_pool")]}


def _given(call: Call) -> Document:
    """The pool of a request. Raises: ``InvalidParameter``."""
    # The SDK has no class for what is sent; the one for what is read wants an id.
    given = {k: v for k, v in call.arguments.items() if k not in OUTPUTS} | {"instance_pool_id": ""}
    pool = typed(given, GetInstancePool)
    for field in ("instance_pool_name", "node_type_id"):
        if not pool.get(field):
            raise InvalidParameter(f"Missing required field: {field}")
    if len(pool["instance_pool_name"]) > NAME_LENGTH:
        raise InvalidParameter(f"instance_pool_name must have between 1 and {NAME_LENGTH} characters.")
    least: int = pool.get("min_idle_instances", 0)
    most: int = pool.get("max_capacity", least)
    if not 0 <= least <= most:
        raise InvalidParameter(f"min_idle_instances ({least}) must be between 0 and max_capacity ({most}).")
    if not 0 <= pool.get("idle_instance_autotermination_minutes", 0) <= MOST_MINUTES:
        raise InvalidParameter(f"idle_instance_autotermination_minutes must be between 0 and {MOST_MINUTES}.")
    if len(pool.get("custom_tags", {})) > MOST_TAGS:
        raise InvalidParameter(f"custom_tags must not have more than {MOST_TAGS} tags.")
    if len(pool.get("preloaded_spark_versions", [])) > 1:
        raise InvalidParameter("preloaded_spark_versions must hold at most one version.")
    return pool


routes = [
    *api("POST", f"{PATH}/create", create),
    *api("POST", f"{PATH}/edit", edit),
    *api("POST", f"{PATH}/delete", delete),
    *api("GET", f"{PATH}/get", get),
    *api("GET", f"{PATH}/list", list_pools),
]
