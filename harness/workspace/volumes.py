"""Unity Catalog's volumes: ``/api/2.1/unity-catalog/volumes``.

A volume with a local folder is linked at ``<catalog>/<schema>/<volume>`` below the folder of ``/Volumes``
(harness/lake/paths.py), where notebooks and Spark find it without asking anybody.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from harness.lake.paths import storage_folders
from harness.workspace import securables
from harness.workspace.errors import Conflict, InvalidParameter, NotFound
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

TYPES = ("MANAGED", "EXTERNAL")
# Kept and read back; of these, only the first two have a folder of this machine.
SCHEMES = ("file:/", "dbfs:/", "s3://", "s3a://", "abfss://", "gs://", "r2://")
CHANGES = ("owner", "comment")


def seed(workspace: Workspace) -> None:
    """Link every volume that there is: the links may have been made elsewhere, or not at all."""
    for document in workspace.store.all("volume"):
        link(workspace, document)


def forget(workspace: Workspace) -> None:
    """Take every link away, and managed files that do not go with the warehouse. The records must still be there."""
    warehouse = workspace.config.directory.resolve() / "warehouse"
    for document in workspace.store.all("volume"):
        files = managed(workspace, document)
        if files is not None and not files.resolve().is_relative_to(warehouse):
            shutil.rmtree(files, ignore_errors=True)
    shutil.rmtree(storage_folders(workspace.config.directory)["/Volumes"], ignore_errors=True)


def get(workspace: Workspace, full_name: str) -> Document:
    """A volume. Raises: ``NotFound`` for the catalog, the schema or the volume."""
    catalog, schema, name = securables.parts(full_name, 3)
    securables.get_schema(workspace.store, catalog, schema)
    document = workspace.store.get("volume", f"{catalog}.{schema}.{name}")
    if document is None:
        raise NotFound(f"Volume '{catalog}.{schema}.{name}' does not exist.", error_code="VOLUME_DOES_NOT_EXIST")
    return document


def folder(workspace: Workspace, document: Document) -> Path | None:
    """The local folder of a volume; ``None`` when it rests elsewhere, such as in S3."""
    location: str = document["storage_location"]
    if location.startswith("file:/"):
        return Path("/" + location.removeprefix("file:").lstrip("/"))
    if location.startswith("dbfs:/"):
        return workspace.paths.local(location)
    return None


def managed(workspace: Workspace, document: Document) -> Path | None:
    """The local folder of a volume's files when they are its own: one that bears its id, made by us."""
    own = document["volume_type"] == "MANAGED" and document["storage_location"].endswith(f"/{document['volume_id']}")
    return folder(workspace, document) if own else None


def link(workspace: Workspace, document: Document) -> None:
    """Make a volume's folder, and the link to it; nothing for a volume without one."""
    target = folder(workspace, document)
    if target is None:
        return
    target.mkdir(parents=True, exist_ok=True)
    place = link_of(workspace, document)
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f".{uuid.uuid4().hex}")
    fresh.symlink_to(target, target_is_directory=True)
    os.replace(fresh, place)


def link_of(workspace: Workspace, document: Document) -> Path:
    """Where the link to a volume's folder is."""
    return workspace.paths.local(f"/Volumes/{document['full_name'].replace('.', '/')}")


def location(schema: Document, kind: str, volume_id: str, call: Call) -> str:
    """Where a volume's files rest. Raises: ``InvalidParameter`` for a location that its type must (not) have."""
    given = call.text("storage_location", "").rstrip("/")
    if kind == "MANAGED":
        if given:
            raise InvalidParameter("storage_location must not be given for a MANAGED volume.")
        return f"{schema['storage_root']}/__unitystorage/volumes/{volume_id}"
    if not given:
        raise InvalidParameter("Missing required field: storage_location")
    if not given.startswith(SCHEMES) or ".." in given.split("/"):
        raise InvalidParameter(f"storage_location {given} must be an absolute location that begins with {SCHEMES}.")
    return given


def create(call: Call) -> Document:
    workspace = call.workspace
    schema = securables.get_schema(workspace.store, call.text("catalog_name"), call.text("schema_name"))
    name = securables.identifier(call.text("name"), "volume")
    kind, volume_id = call.text("volume_type"), str(uuid.uuid4())
    if kind not in TYPES:
        raise InvalidParameter(f"volume_type {kind} must be one of {', '.join(TYPES)}.")
    document: Document = {
        **securables.stamps(workspace, securables.maker(call)),
        "name": name,
        "catalog_name": schema["catalog_name"],
        "schema_name": schema["name"],
        "full_name": f"{schema['full_name']}.{name}",
        "volume_id": volume_id,
        "volume_type": kind,
        "securable_type": "VOLUME",
        "storage_location": location(schema, kind, volume_id, call),
    }
    if "comment" in call.arguments:
        document["comment"] = call.text("comment")
    try:
        workspace.store.insert("volume", document["full_name"], document)
    except Taken:
        raise taken(document["full_name"]) from None
    try:
        link(workspace, document)
    except OSError as error:
        workspace.store.delete("volume", document["full_name"])
        raise InvalidParameter(f"{document['storage_location']} cannot be a volume's folder: {error}") from None
    return document


def taken(full_name: str) -> Conflict:
    """The refusal of a name that another volume has."""
    return Conflict(f"Volume '{full_name}' already exists", error_code="VOLUME_ALREADY_EXISTS")


def list_volumes(call: Call) -> Document:
    schema = securables.get_schema(call.workspace.store, call.text("catalog_name"), call.text("schema_name"))
    return securables.listed(call, "volumes", call.workspace.store.all("volume", f"{schema['full_name']}."))


def read(call: Call) -> Document:
    return get(call.workspace, call.path["full_name"])


def update(call: Call) -> Document:
    workspace, document = call.workspace, read(call)
    for field in CHANGES:
        call.text(field, "")
    old = document["full_name"]
    name = securables.identifier(call.text("new_name", document["name"]), "volume")
    new = f"{document['catalog_name']}.{document['schema_name']}.{name}"
    if new != old:
        try:
            renamed = workspace.store.rename("volume", old, new, lambda d: {**d, "name": name, "full_name": new})
        except Taken:
            raise taken(new) from None
        link_of(workspace, document).unlink(missing_ok=True)
        link(workspace, renamed or document)
    changed = workspace.store.update("volume", new, lambda d: securables.changed(d, call, CHANGES))
    return changed or get(workspace, new)


def delete(call: Call) -> Document:
    drop(call.workspace, read(call))
    return {}


def drop(workspace: Workspace, document: Document) -> None:
    """Take a volume away, and a managed one's files with it."""
    workspace.store.delete("volume", document["full_name"])
    link_of(workspace, document).unlink(missing_ok=True)
    if (files := managed(workspace, document)) is not None:
        shutil.rmtree(files, ignore_errors=True)


UC = "2.1/unity-catalog"
routes = [
    *api("GET", f"{UC}/volumes", list_volumes),
    *api("POST", f"{UC}/volumes", create),
    *api("GET", f"{UC}/volumes/{{full_name}}", read),
    *api("PATCH", f"{UC}/volumes/{{full_name}}", update),
    *api("DELETE", f"{UC}/volumes/{{full_name}}", delete),
]
