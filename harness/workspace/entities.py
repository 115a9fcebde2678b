"""Any of Unity Catalog's objects by type and full name, for what is recorded about all of them: privileges and tags."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.securables import METASTORE_ID, get_catalog, get_schema, parts
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace


@dataclass(frozen=True)
class Kind:
    """A type of object: its documents' kind, how many parts its name has, which field is its lasting id."""

    document: str
    parts: int
    id_field: str


KINDS = {
    "METASTORE": Kind("metastore", 1, "metastore_id"),
    "CATALOG": Kind("catalog", 1, "id"),
    "SCHEMA": Kind("schema", 2, "schema_id"),
    "TABLE": Kind("table", 3, "table_id"),
    "VOLUME": Kind("volume", 3, "volume_id"),
    "FUNCTION": Kind("function", 3, "function_id"),
    "EXTERNAL_LOCATION": Kind("external_location", 1, "id"),
    "STORAGE_CREDENTIAL": Kind("storage_credential", 1, "id"),
}


@dataclass(frozen=True)
class Entity:
    """One object. ``key``: lasts while the object does, through renames, and is never another's."""

    type: str
    name: str
    key: str
    document: Document


def find(workspace: Workspace, type_name: str, full_name: str) -> Entity:
    """An object. Raises: ``InvalidParameter`` for a type that is not served, ``NotFound``."""
    kind = KINDS.get(type_name.upper())
    if kind is None:
        raise InvalidParameter(
            f"The securable type {type_name} is not served by the local workspace; served are {', '.join(KINDS)}."
        )
    if type_name.upper() == "METASTORE":
        if full_name != METASTORE_ID:
            raise NotFound(f"Metastore '{full_name}' does not exist.", error_code="METASTORE_DOES_NOT_EXIST")
        return Entity("METASTORE", full_name, f"METASTORE:{full_name}", {})
    found = parts(full_name, kind.parts)
    name = ".".join(found)
    if kind.parts > 1:
        get_catalog(workspace.store, found[0])
    if kind.parts > 2:
        get_schema(workspace.store, *found[:2])
    document = workspace.store.get(kind.document, name)
    if document is None:
        label = type_name.upper()
        text = label.replace("_", " ").capitalize()
        raise NotFound(f"{text} '{name}' does not exist.", error_code=f"{label}_DOES_NOT_EXIST")
    return Entity(type_name.upper(), name, f"{type_name.upper()}:{document.get(kind.id_field, name)}", document)


def with_parents(workspace: Workspace, entity: Entity) -> Iterator[Entity]:
    """An object, then what it lies in: schema, catalog, metastore."""
    yield entity
    above = entity.name.split(".")[:-1] if KINDS[entity.type].parts > 1 else []
    while above:
        yield find(workspace, "SCHEMA" if len(above) == 2 else "CATALOG", ".".join(above))
        above.pop()
    if entity.type != "METASTORE":
        yield find(workspace, "METASTORE", METASTORE_ID)
