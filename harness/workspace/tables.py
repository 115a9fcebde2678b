"""Unity Catalog's tables and views: ``/api/2.1/unity-catalog/tables``.

Databricks' own REST makes external Delta tables only; Spark's catalog (harness/lake/catalog), which is a client of this
API, also registers managed tables, views and changed columns through it.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from harness.lake.sql.keys import PREFIX, Key, keys
from harness.workspace import droppedtables, securables
from harness.workspace.errors import Conflict, InvalidParameter, NotFound
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace
    from harness.workspace.store import Store

TYPES = ("MANAGED", "EXTERNAL", "VIEW")
CREATED = ("view_definition", "view_dependencies", "properties", "comment")
GUARDS = ("row_filter", "column_masks")
CHANGES = ("owner", "comment", "columns", "properties", "view_definition", "view_dependencies")


def get(workspace: Workspace, full_name: str) -> Document:
    """A table or view. Raises: ``NotFound`` for the catalog, the schema or the table."""
    catalog, schema, name = securables.parts(full_name, 3)
    securables.get_schema(workspace.store, catalog, schema)
    document = workspace.store.get("table", f"{catalog}.{schema}.{name}")
    if document is None:
        raise NotFound(f"Table '{catalog}.{schema}.{name}' does not exist.", error_code="TABLE_DOES_NOT_EXIST")
    return document


def add(workspace: Workspace, schema: Document, name: str, fields: Document, user: str = "") -> Document:
    """Register a table or view in a schema; ``user`` owns it. Raises: ``Conflict``, ``InvalidParameter``."""
    kind = fields["table_type"]
    if kind not in TYPES:
        raise InvalidParameter(
            f"table_type {kind} is not served by the local workspace; served are {', '.join(TYPES)}."
        )
    document: dict[str, Any] = {
        **{key: fields[key] for key in CREATED if key in fields},
        **securables.stamps(workspace, user),
        "name": name,
        "catalog_name": schema["catalog_name"],
        "schema_name": schema["name"],
        "full_name": f"{schema['full_name']}.{name}",
        "table_id": str(uuid.uuid4()),
        "table_type": kind,
        "securable_type": "TABLE",
        "columns": columns(fields.get("columns", [])),
    }
    if kind == "VIEW":
        if "view_definition" not in fields:
            raise InvalidParameter("Missing required field: view_definition")
    else:
        document["data_source_format"] = str(fields.get("data_source_format", "DELTA")).upper()
        document["storage_location"] = location(schema, name, fields)
    try:
        workspace.store.insert("table", document["full_name"], document)
    except Taken:
        message = f"Table '{document['full_name']}' already exists"
        raise Conflict(message, error_code="TABLE_ALREADY_EXISTS") from None
    return document


def columns(given: object) -> list[Document]:
    """A table's columns, each with its position. Raises: ``InvalidParameter`` for what is no list of named columns."""
    if not isinstance(given, list) or not all(isinstance(c, dict) and isinstance(c.get("name"), str) for c in given):
        raise InvalidParameter("Expected columns to be a list of objects, each with a name.")
    return [{"nullable": True, **column, "position": column.get("position", at)} for at, column in enumerate(given)]


def location(schema: Document, name: str, fields: Document) -> str:
    """Where a table's data rests. Raises: ``InvalidParameter`` for an external table without one."""
    given = fields.get("storage_location")
    if given:
        return str(given).rstrip("/")
    if fields["table_type"] == "EXTERNAL":
        raise InvalidParameter("Missing required field: storage_location")
    return f"{schema['storage_root']}/{name}"


def drop(call: Call, full_name: str, *, purge: bool = False) -> bool:
    """Take a table away, to be brought back by ``UNDROP TABLE``; a view, or with ``purge``, for good.

    A managed table's local data goes then, unless Spark's catalog asks: it deletes data itself.
    Returns: whether the table, and so its data, is kept.
    """
    document = call.workspace.store.delete("table", full_name)
    if document is None or (not purge and droppedtables.keep(call.workspace, document)):
        return document is not None
    if "x-harness-shim" not in call.request.headers:
        droppedtables.remove_data(call.workspace, document)
    return False


def rename(call: Call, document: Document) -> Document:
    """Give a table the request's ``new_name`` and ``new_schema_name``. Raises: ``Conflict``, ``NotFound``."""
    store = call.workspace.store
    name = securables.identifier(call.text("new_name", document["name"]), "table")
    schema_name = call.text("new_schema_name", document["schema_name"])
    schema = securables.get_schema(store, document["catalog_name"], schema_name)
    full_name = f"{schema['full_name']}.{name}"
    if full_name == document["full_name"]:
        return document
    names = {"name": name, "schema_name": schema["name"], "full_name": full_name}
    try:
        renamed = store.rename("table", document["full_name"], full_name, lambda d: {**d, **names})
    except Taken:
        raise Conflict(f"Table '{full_name}' already exists", error_code="TABLE_ALREADY_EXISTS") from None
    return renamed or get(call.workspace, document["full_name"])


def list_tables(call: Call) -> Document:
    schema = securables.get_schema(call.workspace.store, call.text("catalog_name"), call.text("schema_name"))
    omitted = [name for name in ("columns", "properties") if call.flag(f"omit_{name}")]
    found = call.workspace.store.all("table", f"{schema['full_name']}.")
    answer = securables.listed(call, "tables", found)
    return {
        **answer,
        "tables": [{k: v for k, v in shown(call, t).items() if k not in omitted} for t in answer["tables"]],
    }


def create_table(call: Call) -> Document:
    schema = securables.get_schema(call.workspace.store, call.text("catalog_name"), call.text("schema_name"))
    call.text("table_type")
    name = securables.identifier(call.text("name"), "table")
    return add(call.workspace, schema, name, call.arguments, securables.maker(call))


def read_table(call: Call) -> Document:
    return shown(call, get(call.workspace, call.path["full_name"]))


def shown(call: Call, document: Document) -> Document:
    """A table as the API shows it: each mask is its column's, and to all but Spark, keys are ``table_constraints``."""
    if _outside(call):
        document = _with_constraints(document)
    masks = document.get("column_masks", {})
    guards = {key: value for key, value in document.items() if key == "row_filter" and value}
    told = {key: value for key, value in document.items() if key not in GUARDS}
    columns = [{**c, "mask": masks[c["name"].lower()]} if c["name"].lower() in masks else c for c in told["columns"]]
    return {**told, **guards, "columns": columns} if masks else {**told, **guards}


def _outside(call: Call) -> bool:
    """Whether neither Spark's catalog nor the front end of SQL asks."""
    return not any(f"x-harness-{ours}" in call.request.headers for ours in ("shim", "sql"))


def _with_constraints(document: Document) -> Document:
    """A table whose keys are constraints, not properties (harness/lake/sql/keys.py)."""
    found = keys(document)
    if not found:
        return document
    properties = {name: text for name, text in document["properties"].items() if not name.startswith(PREFIX)}
    return {**document, "properties": properties, "table_constraints": [constraint(key) for key in found]}


def constraint(key: Key) -> Document:
    """A key as the API shows it."""
    said: Document = {"name": key.name, "child_columns": key.columns, "rely": key.rely}
    if not key.target:
        return {"primary_key_constraint": said}
    parent = {"parent_table": ".".join(key.target), "parent_columns": key.target_columns}
    return {"foreign_key_constraint": {**said, **parent}}


def any_guarded(store: Store) -> bool:
    """Whether any table has a row filter or masks."""
    return any(table.get(key) for table in store.all("table") for key in GUARDS)


def table_exists(call: Call) -> Document:
    catalog, schema, name = securables.parts(call.path["full_name"], 3)
    return {"table_exists": call.workspace.store.get("table", f"{catalog}.{schema}.{name}") is not None}


def update_table(call: Call) -> Document:
    document = get(call.workspace, call.path["full_name"])
    if "columns" in call.arguments:
        call.arguments["columns"] = columns(call.arguments["columns"])
    if "properties" in call.arguments and _outside(call):
        # Whoever is shown no key among the properties takes none away.
        kept = {name: text for name, text in document.get("properties", {}).items() if name.startswith(PREFIX)}
        call.arguments["properties"] = {**call.mapping("properties"), **kept}
    document = rename(call, document)
    store = call.workspace.store
    # What only the front end of SQL says: that a table is a materialized view or a streaming table, and its guards.
    changes = (*CHANGES, "table_type", *GUARDS) if "x-harness-sql" in call.request.headers else CHANGES
    changed = store.update("table", document["full_name"], lambda d: securables.changed(d, call, changes))
    return shown(call, changed or document)


def delete_table(call: Call) -> Document:
    kept = drop(call, get(call.workspace, call.path["full_name"])["full_name"], purge=call.flag("purge"))
    return {"kept": kept} if "x-harness-shim" in call.request.headers else {}


UC = "2.1/unity-catalog"
routes = [
    *api("GET", f"{UC}/tables", list_tables),
    *api("POST", f"{UC}/tables", create_table),
    *api("GET", f"{UC}/tables/{{full_name}}/exists", table_exists),
    *api("GET", f"{UC}/tables/{{full_name}}", read_table),
    *api("PATCH", f"{UC}/tables/{{full_name}}", update_table),
    *api("DELETE", f"{UC}/tables/{{full_name}}", delete_table),
]
