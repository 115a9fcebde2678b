"""Tags on catalogs, schemas, tables, columns and volumes: ``/api/2.1/unity-catalog/entity-tag-assignments``.

Source: docs.databricks.com/api/workspace/entitytagassignments. They are recorded; nothing is governed by them.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from harness.workspace import entities
from harness.workspace.errors import AlreadyExists, InvalidParameter, NotFound
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

TYPES = {"catalogs": "CATALOG", "schemas": "SCHEMA", "tables": "TABLE", "volumes": "VOLUME", "columns": "TABLE"}
# docs: "Apply tags to Unity Catalog securable objects", constraints.
MOST = 50
KEY_LENGTH = 255
VALUE_LENGTH = 1000


def create(call: Call) -> Document:
    """Tag an object. Raises: ``AlreadyExists``, ``InvalidParameter``, ``NotFound``."""
    place = _place(call, call.text("entity_type"), call.text("entity_name"))
    key, value = call.text("tag_key"), call.text("tag_value", "")
    _check(key, value)
    if key in _tags(call, place):
        raise AlreadyExists(f"The tag '{key}' is assigned already.")
    return _put(call, place, key, value)


def read(call: Call) -> Document:
    place, key = _addressed(call)
    return _view(place, key, _existing(call, place, key))


def list_tags(call: Call) -> Document:
    place = _place(call, call.path["entity_type"], call.path["entity_name"])
    return {"tag_assignments": [_view(place, key, tag) for key, tag in _tags(call, place).items()]}


def update(call: Call) -> Document:
    """Change a tag's value. Raises: ``InvalidParameter``, ``NotFound``."""
    place, key = _addressed(call)
    _existing(call, place, key)
    if (mask := call.text("update_mask", "*")) not in ("*", "tag_value"):
        raise InvalidParameter(f"update_mask must be tag_value, got {mask}.")
    value = call.text("tag_value", "")
    _check(key, value)
    return _put(call, place, key, value)


def delete(call: Call) -> Document:
    place, key = _addressed(call)
    _existing(call, place, key)
    _change(call, place, key, None)
    return {}


# -- where a tag is -----------------------------------------------------------------------------------

# The entity's type and name as asked, and the id of the document with its tags.
Place = tuple[str, str, str]


def _addressed(call: Call) -> tuple[Place, str]:
    return _place(call, call.path["entity_type"], call.path["entity_name"]), call.path["tag_key"]


def _place(call: Call, kind: str, name: str) -> Place:
    if kind not in TYPES:
        raise InvalidParameter(f"entity_type must be one of {', '.join(TYPES)}, got {kind}.")
    if kind != "columns":
        return kind, name, entities.find(call.workspace, TYPES[kind], name).key
    table, _, column = name.rpartition(".")
    entity = entities.find(call.workspace, "TABLE", table)
    if column.lower() not in (c["name"].lower() for c in entity.document.get("columns", [])):
        raise NotFound(f"Column '{name}' does not exist.", error_code="COLUMN_DOES_NOT_EXIST")
    return kind, name, f"{entity.key}/{column.lower()}"


def _check(key: str, value: str) -> None:
    if not key or len(key) > KEY_LENGTH or len(value) > VALUE_LENGTH:
        raise InvalidParameter(f"A tag has a key of 1 to {KEY_LENGTH} and a value of up to {VALUE_LENGTH} characters.")


def _tags(call: Call, place: Place) -> Document:
    return call.workspace.store.get("tags", place[2]) or {}


def _existing(call: Call, place: Place, key: str) -> Document:
    tag: Document | None = _tags(call, place).get(key)
    if tag is None:
        raise NotFound(f"The tag '{key}' is not assigned to {place[1]}.")
    return tag


def _put(call: Call, place: Place, key: str, value: str) -> Document:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    tag: Document = {"tag_value": value, "update_time": stamp, "updated_by": call.workspace.config.user}
    _change(call, place, key, tag)
    return _view(place, key, tag)


def _change(call: Call, place: Place, key: str, tag: Any) -> None:
    store = call.workspace.store
    with contextlib.suppress(Taken):
        store.insert("tags", place[2], {})

    def change(tags: Document) -> Document:
        changed = {**{k: v for k, v in tags.items() if k != key}, **({key: tag} if tag is not None else {})}
        if len(changed) > MOST:
            raise InvalidParameter(f"An object has at most {MOST} tags.")
        return changed

    store.update("tags", place[2], change)


def _view(place: Place, key: str, tag: Document) -> Document:
    return {"entity_type": place[0], "entity_name": place[1], "tag_key": key, **tag}


PATH = "2.1/unity-catalog/entity-tag-assignments"
ENTITY = f"{PATH}/{{entity_type}}/{{entity_name}}/tags"
routes = [
    *api("POST", PATH, create),
    *api("GET", ENTITY, list_tags),
    *api("GET", f"{ENTITY}/{{tag_key}}", read),
    *api("PATCH", f"{ENTITY}/{{tag_key}}", update),
    *api("DELETE", f"{ENTITY}/{{tag_key}}", delete),
]
