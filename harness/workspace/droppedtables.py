"""Tables that were dropped and can be brought back: ``UNDROP TABLE`` and ``SHOW TABLES DROPPED``.

Databricks keeps them for seven days (docs: sql/language-manual, "UNDROP"); here they stay until the next reset, and so
does the data of managed ones. What goes with its schema is gone for good; so is what is dropped in ``hive_metastore``.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import Route

from harness.runner.run import now
from harness.workspace import securables
from harness.workspace.errors import Conflict, NotFound
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

LEGACY = "hive_metastore"
# What a table is, as opposed to a view: only these can be brought back.
TYPES = ("MANAGED", "EXTERNAL")


def keep(workspace: Workspace, document: Document) -> bool:
    """Keep a table that was dropped just now. Returns: False for one that cannot be brought back."""
    if document["table_type"] not in TYPES or document["catalog_name"] == LEGACY:
        return False
    workspace.store.put("dropped_table", document["table_id"], {**document, "deleted_at": now()})
    return True


def purge(workspace: Workspace, schema: str) -> None:
    """Let go of what was dropped in a schema."""
    for document in found(workspace, schema):
        workspace.store.delete("dropped_table", document["table_id"])
        remove_data(workspace, document)


def remove_data(workspace: Workspace, document: Document) -> None:
    """Remove a managed table's files, if they lie in the local warehouse."""
    location: str = document.get("storage_location", "")
    folder = Path("/" + location.removeprefix("file:").lstrip("/"))
    warehouse = workspace.config.directory.resolve() / "warehouse"
    local = document["table_type"] not in ("EXTERNAL", "VIEW") and location.startswith("file:")
    if local and folder.resolve().is_relative_to(warehouse):
        shutil.rmtree(folder, ignore_errors=True)


def found(workspace: Workspace, schema: str) -> list[Document]:
    """What was dropped in a schema (``catalog.schema``), the latest first."""
    dropped = [d for d in workspace.store.all("dropped_table") if f"{d['catalog_name']}.{d['schema_name']}" == schema]
    # Of those of one millisecond the one that was made later was dropped later, if they have a name in common.
    return sorted(dropped, key=lambda d: (d["deleted_at"], d["created_at"]), reverse=True)


def list_dropped(call: Call) -> Document:
    schema = securables.get_schema(call.workspace.store, call.text("catalog_name"), call.text("schema_name"))
    return {"tables": found(call.workspace, schema["full_name"])}


def undrop(call: Call) -> Document:
    """Bring back the table of a ``table_id``, or the last one dropped of a ``full_name``.

    Raises: ``Conflict`` when there is a table of its name, ``NotFound``.
    """
    workspace, table_id = call.workspace, call.text("table_id", "")
    if table_id:
        document, name = workspace.store.get("dropped_table", table_id), table_id
    else:
        catalog, schema, own = securables.parts(call.text("full_name"), 3)
        securables.get_schema(workspace.store, catalog, schema)
        name = f"{catalog}.{schema}.{own}"
        document = next((d for d in found(workspace, f"{catalog}.{schema}") if d["name"] == own), None)
    if document is None:
        raise NotFound(f"No table '{name}' was dropped that could be undropped.", error_code="TABLE_DOES_NOT_EXIST")
    restored = {key: value for key, value in document.items() if key != "deleted_at"}
    try:
        workspace.store.insert("table", document["full_name"], restored)
    except Taken:
        message = f"Table '{document['full_name']}' already exists"
        raise Conflict(message, error_code="TABLE_ALREADY_EXISTS") from None
    workspace.store.delete("dropped_table", document["table_id"])
    return restored


routes = [
    Route("/_harness/sql/dropped", endpoint(list_dropped), methods=["GET"]),
    Route("/_harness/sql/undrop", endpoint(undrop), methods=["POST"]),
]
