"""Unity Catalog's catalogs and schemas: ``/api/2.1/unity-catalog/{catalogs,schemas}``.

This is the one truth for table metadata: Spark's catalog (harness/lake/catalog) is a client of it, as the SDK is.
Names are case-insensitive and kept in lower case. ``hive_metastore`` is a catalog like any other here; in Databricks
it is outside Unity Catalog but has the same three-level names.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from harness.workspace import droppedtables, tables, volumes
from harness.workspace.errors import Conflict, InvalidParameter, InvalidState
from harness.workspace.securables import (
    METASTORE_ID,
    changed,
    get_catalog,
    get_schema,
    identifier,
    listed,
    maker,
    parts,
    stamps,
)
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

CREATED = ("comment", "properties", "storage_root")
CATALOG_CHANGES = ("comment", "properties", "owner", "isolation_mode")
SCHEMA_CHANGES = ("comment", "properties", "owner")


def seed(workspace: Workspace) -> None:
    """Make the configured catalogs, each with its ``default`` schema, where they are not there yet."""
    for name in workspace.config.catalogs:
        if workspace.store.get("catalog", name) is None:
            add_catalog(workspace, name, {})


def warehouse(workspace: Workspace) -> Path:
    """The folder of all managed tables since the last reset."""
    return workspace.config.directory.resolve() / "warehouse" / str(workspace.store.last("generation"))


def renew(workspace: Workspace) -> Path:
    """Start with empty catalogs and new storage roots: what Spark remembers of an old table cannot meet a new one.

    Returns: the folder of the tables that were.
    """
    old = warehouse(workspace)
    workspace.store.next("generation")
    seed(workspace)
    return old


def add_catalog(workspace: Workspace, name: str, fields: Document, user: str = "") -> Document:
    """Make a catalog and its ``default`` schema; ``user`` owns them. Raises: ``Conflict``."""
    document = {
        **fields,
        **stamps(workspace, user),
        "name": name,
        "full_name": name,
        "id": str(uuid.uuid4()),
        "catalog_type": "MANAGED_CATALOG",
        "isolation_mode": "OPEN",
        "securable_type": "CATALOG",
    }
    try:
        workspace.store.insert("catalog", name, document)
    except Taken:
        raise Conflict(f"Catalog '{name}' already exists", error_code="CATALOG_ALREADY_EXISTS") from None
    add_schema(workspace, name, "default", {}, user)
    return document


def add_schema(workspace: Workspace, catalog: str, name: str, fields: Document, user: str = "") -> Document:
    """Make a schema; we choose its ``storage_root`` unless it, or its catalog, brings one. Raises: ``Conflict``."""
    parent = get_catalog(workspace.store, catalog)
    root = str(fields.get("storage_root") or "").rstrip("/")
    if not root and parent.get("storage_root"):
        root = f"{parent['storage_root'].rstrip('/')}/{name}"
    if not root:
        # Not percent-encoded: Hadoop's Path takes a file: URI's path as it stands.
        root = f"file://{warehouse(workspace)}/{catalog}/{name}"
    document = {
        **fields,
        **stamps(workspace, user),
        "name": name,
        "catalog_name": catalog,
        "full_name": f"{catalog}.{name}",
        "schema_id": str(uuid.uuid4()),
        "storage_root": root,
        "storage_location": root,
        "catalog_type": "MANAGED_CATALOG",
        "securable_type": "SCHEMA",
    }
    try:
        workspace.store.insert("schema", document["full_name"], document)
    except Taken:
        raise Conflict(f"Schema '{catalog}.{name}' already exists", error_code="SCHEMA_ALREADY_EXISTS") from None
    return document


def forget(workspace: Workspace, name: str) -> None:
    """Have Spark forget a catalog that was made at run time."""
    if name not in workspace.config.catalogs and workspace.engine.status()["state"] in ("ready", "warm"):
        workspace.engine.remove_catalog(name)


def given(call: Call) -> Document:
    """The fields of a new catalog or schema that are kept as they are."""
    return {key: call.arguments[key] for key in CREATED if key in call.arguments}


def list_catalogs(call: Call) -> Document:
    return listed(call, "catalogs", call.workspace.store.all("catalog"))


def create_catalog(call: Call) -> Document:
    name = identifier(call.text("name"), "catalog")
    for unserved in ("connection_name", "provider_name", "share_name"):
        if unserved in call.arguments:
            raise InvalidParameter(f"A catalog with {unserved} is not served by the local workspace.")
    if name == "system":
        # Spark's own (harness/lake/catalog/SystemCatalog): its information_schema tells of all catalogs.
        raise Conflict("Catalog 'system' already exists", error_code="CATALOG_ALREADY_EXISTS")
    document = add_catalog(call.workspace, name, given(call), maker(call))
    # Spark finds a catalog by its configuration. Waits until Spark is up: the next statement may name the catalog.
    if call.workspace.engine.status()["state"] != "failed":
        call.workspace.engine.add_catalog(name)
    return document


def read_catalog(call: Call) -> Document:
    return get_catalog(call.workspace.store, call.path["name"])


def update_catalog(call: Call) -> Document:
    store, name = call.workspace.store, get_catalog(call.workspace.store, call.path["name"])["name"]
    if call.text("new_name", name).lower() != name:
        raise InvalidParameter("Renaming a catalog is not served by the local workspace.")
    return store.update("catalog", name, lambda d: changed(d, call, CATALOG_CHANGES)) or read_catalog(call)


def delete_catalog(call: Call) -> Document:
    workspace = call.workspace
    catalog = get_catalog(workspace.store, call.path["name"])["name"]
    schemas = [schema["name"] for schema in workspace.store.all("schema", f"{catalog}.")]
    used = schemas != ["default"] or holds(workspace, catalog)
    if schemas and used and not call.flag("force"):
        raise InvalidState(f"Cannot delete catalog '{catalog}' because it is not empty.")
    for schema in schemas:
        drop_schema(call, catalog, schema)
    workspace.store.delete("catalog", catalog)
    forget(workspace, catalog)
    return {}


def list_schemas(call: Call) -> Document:
    catalog = get_catalog(call.workspace.store, call.text("catalog_name"))["name"]
    return listed(call, "schemas", call.workspace.store.all("schema", f"{catalog}."))


def create_schema(call: Call) -> Document:
    catalog = get_catalog(call.workspace.store, call.text("catalog_name"))["name"]
    return add_schema(call.workspace, catalog, identifier(call.text("name"), "schema"), given(call), maker(call))


def read_schema(call: Call) -> Document:
    return get_schema(call.workspace.store, *parts(call.path["full_name"], 2))


def update_schema(call: Call) -> Document:
    document = read_schema(call)
    if call.text("new_name", document["name"]).lower() != document["name"]:
        raise InvalidParameter("Renaming a schema is not served by the local workspace.")
    store = call.workspace.store
    return store.update("schema", document["full_name"], lambda d: changed(d, call, SCHEMA_CHANGES)) or document


def delete_schema(call: Call) -> Document:
    document = read_schema(call)
    if holds(call.workspace, document["full_name"]) and not call.flag("force"):
        raise InvalidState(f"Cannot delete schema '{document['full_name']}' because it is not empty.")
    drop_schema(call, document["catalog_name"], document["name"])
    return {}


def holds(workspace: Workspace, full_name: str) -> bool:
    """Whether a catalog or schema has tables, volumes or functions."""
    return any(workspace.store.all(kind, f"{full_name}.") for kind in ("table", "volume", "function"))


def drop_schema(call: Call, catalog: str, name: str) -> None:
    """Take a schema away with all that is in it, and data unless Spark's catalog, which asks, does that itself."""
    for function in call.workspace.store.all("function", f"{catalog}.{name}."):
        call.workspace.store.delete("function", function["full_name"])
    for volume in call.workspace.store.all("volume", f"{catalog}.{name}."):
        volumes.drop(call.workspace, volume)
    for table in call.workspace.store.all("table", f"{catalog}.{name}."):
        tables.drop(call, table["full_name"], purge=True)
    droppedtables.purge(call.workspace, f"{catalog}.{name}")
    call.workspace.store.delete("schema", f"{catalog}.{name}")


def metastore(call: Call) -> Document:
    return {"metastore_id": METASTORE_ID, "name": "harness", "cloud": "aws", "region": "us-east-1"}


def assignment(call: Call) -> Document:
    return {
        "metastore_id": METASTORE_ID,
        "workspace_id": call.workspace.config.org_id,
        "default_catalog_name": call.workspace.config.default_catalog,
    }


UC = "2.1/unity-catalog"
routes = [
    *api("GET", f"{UC}/catalogs", list_catalogs),
    *api("POST", f"{UC}/catalogs", create_catalog),
    *api("GET", f"{UC}/catalogs/{{name}}", read_catalog),
    *api("PATCH", f"{UC}/catalogs/{{name}}", update_catalog),
    *api("DELETE", f"{UC}/catalogs/{{name}}", delete_catalog),
    *api("GET", f"{UC}/schemas", list_schemas),
    *api("POST", f"{UC}/schemas", create_schema),
    *api("GET", f"{UC}/schemas/{{full_name}}", read_schema),
    *api("PATCH", f"{UC}/schemas/{{full_name}}", update_schema),
    *api("DELETE", f"{UC}/schemas/{{full_name}}", delete_schema),
    *api("GET", f"{UC}/metastore_summary", metastore),
    *api("GET", f"{UC}/current-metastore-assignment", assignment),
]
