"""What ``information_schema`` shows and no API of Databricks' lists for a whole catalog: ``/_harness/sql/…``.

Spark's catalog (harness/lake/catalog/InformationSchema) asks when a query reads it. Fields are named as the columns
in docs.databricks.com/sql/language-manual/sql-ref-information-schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from starlette.routing import Route

from harness.lake.sql.keys import Key, keys
from harness.workspace import grants
from harness.workspace.entities import KINDS, find
from harness.workspace.errors import NotFound
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

# The kind that is asked for, the type of its objects, the names of the parts of theirs.
TAGGED = {
    "catalog": ("CATALOG", ("catalog_name",)),
    "schema": ("SCHEMA", ("catalog_name", "schema_name")),
    "table": ("TABLE", ("catalog_name", "schema_name", "table_name")),
    "column": ("TABLE", ("catalog_name", "schema_name", "table_name")),
    "volume": ("VOLUME", ("catalog_name", "schema_name", "volume_name")),
}


def tags(call: Call) -> Document:
    """The tags of a catalog's objects of a ``kind``: catalog, schema, table, column or volume."""
    kind, catalog = call.text("kind"), call.text("catalog")
    return {"tags": list(_tags(call, kind, catalog))}


def _tags(call: Call, kind: str, catalog: str) -> Iterator[Document]:
    store = call.workspace.store
    type_name, names = TAGGED[kind]
    about = KINDS[type_name]
    for document in store.all(about.document):
        full_name = str(document.get("full_name", document["name"]))
        parts = full_name.split(".", len(names) - 1)
        if parts[0] != catalog:
            continue
        key = f"{type_name}:{document.get(about.id_field, full_name)}"
        places = {c["name"]: f"{key}/{c['name'].lower()}" for c in document.get("columns", [])}
        for column, place in places.items() if kind == "column" else [("", key)]:
            for tag, value in (store.get("tags", place) or {}).items():
                said = {"tag_name": tag, "tag_value": value["tag_value"]}
                yield {**dict(zip(names, parts, strict=True)), **({"column_name": column} if column else {}), **said}


def privileges(call: Call) -> Document:
    """Who may do what with a catalog's objects of a ``kind``: catalog, schema, table, volume or routine."""
    kind, catalog = call.text("kind"), call.text("catalog")
    return {"privileges": list(_privileges(call, kind, catalog))}


def _privileges(call: Call, kind: str, catalog: str) -> Iterator[Document]:
    type_name = "FUNCTION" if kind == "routine" else kind.upper()
    columns: list[tuple[str, ...]]
    if kind in ("catalog", "schema"):
        columns = [("catalog_name", "schema_name")]
    else:
        prefixes = ("specific", "routine") if kind == "routine" else (kind,)
        columns = [(f"{prefix}_catalog", f"{prefix}_schema", f"{prefix}_name") for prefix in prefixes]
    for document in call.workspace.store.all(KINDS[type_name].document):
        full_name = str(document.get("full_name", document["name"]))
        if full_name.split(".")[0] != catalog:
            continue
        try:
            granted_on = grants.effective(call.workspace, find(call.workspace, type_name, full_name))
        except NotFound:  # it was dropped meanwhile
            continue
        named = {name: part for names in columns for name, part in zip(names, full_name.split(".", 2), strict=False)}
        for who, granted in granted_on.items():
            for each in granted:
                above = each.get("inherited_from_type", "NONE")
                said = {"privilege_type": each["privilege"], "inherited_from": above}
                yield {**named, **said, "grantor": call.workspace.config.user, "grantee": who}


def constraints(call: Call) -> Document:
    """The primary and foreign keys of a catalog's tables, one object a key and column."""
    catalog, found = call.text("catalog"), []
    tables = {table["full_name"]: table for table in call.workspace.store.all("table", f"{catalog}.")}
    for table in tables.values():
        for key in keys(table):
            found += [_usage(call, table, key, at) for at in range(len(key.columns))]
    return {"constraints": found}


def _usage(call: Call, table: Document, key: Key, at: int) -> Document:
    """A column of a key, and what it refers to."""
    said: Document = {
        **{f"constraint_{part}": table[f"{part}_name"] for part in ("catalog", "schema")},
        **{f"table_{part}": table[f"{part}_name"] for part in ("catalog", "schema")},
        "table_name": table["name"],
        "constraint_name": key.name,
        "constraint_type": key.kind,
        "column_name": key.columns[at],
        "ordinal_position": at + 1,
        "first": at == 0,
    }
    if not key.target:
        return said
    said["unique_constraint_catalog"], said["unique_constraint_schema"] = key.target[:2]
    target = call.workspace.store.get("table", ".".join(key.target).lower())
    primary = next((k for k in keys(target) if not k.target), None) if target else None
    if primary is not None:
        said["unique_constraint_name"] = primary.name
        if key.target_columns and key.target_columns[at] in primary.columns:
            said["position_in_unique_constraint"] = primary.columns.index(key.target_columns[at]) + 1
    return said


routes = [
    Route("/_harness/sql/tags", endpoint(tags), methods=["GET"]),
    Route("/_harness/sql/privileges", endpoint(privileges), methods=["GET"]),
    Route("/_harness/sql/constraints", endpoint(constraints), methods=["GET"]),
]
