"""Unity Catalog's external locations: ``/api/2.1/unity-catalog/external-locations``.

Each is a place on the one S3 server, which is looked at when the location is made. Tables and volumes need none here:
every place can be used. Source: docs.databricks.com/api/workspace/externallocations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from databricks.sdk.service.catalog import ExternalLocationInfo

from harness.lake.s3 import S3Endpoint
from harness.workspace import cloudstorage, entities, securables, storagecredentials
from harness.workspace.cloudstorage import Place
from harness.workspace.errors import InvalidParameter, InvalidState
from harness.workspace.jobspec import typed
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

KIND = "external_location"
KEPT = ("comment", "read_only", "fallback", "encryption_details", "enable_file_events", "file_event_queue")
CHANGES = (*KEPT, "owner", "isolation_mode")
# Kinds of objects, and the field that says where each rests.
DEPENDENT = {
    "catalog": "storage_root",
    "schema": "storage_location",
    "table": "storage_location",
    "volume": "storage_location",
}


def create(call: Call) -> Document:
    """Make a location.

    Raises: ``InvalidParameter``, also where it overlaps another or cannot be reached; ``NotFound``; ``Conflict``.
    """
    fields = _fields(call, KEPT)
    read_only, own = bool(fields.get("read_only")), call.text("name").lower()
    place = _place(call, call.text("url"), call.text("credential_name"), read_only=read_only, own=own)
    return securables.add(call, KIND, {**fields, **place})


def list_locations(call: Call) -> Document:
    return securables.listed(call, "external_locations", call.workspace.store.all(KIND))


def read(call: Call) -> Document:
    return entities.find(call.workspace, "EXTERNAL_LOCATION", call.path["name"]).document


def update(call: Call) -> Document:
    """Change a location. Raises: ``NotFound``, ``InvalidParameter``, ``Conflict``, ``InvalidState`` for the URL of one
    in use, but with ``force``."""
    store, old = call.workspace.store, read(call)
    read_only = bool(_fields(call, CHANGES).get("read_only", old["read_only"]))
    url, credential = call.text("url", old["url"]), call.text("credential_name", old["credential_name"])
    if url != old["url"] and not call.flag("force") and any(dependents(call.workspace, old["url"]).values()):
        # The service's words (terraform-provider-databricks #2188).
        raise InvalidState(
            "External Location has dependent catalogs, schemas, managed or external tables/volumes; use force option "
            "to update url anyway"
        )
    moved: Document = {}
    if url != old["url"] or credential != old["credential_name"]:
        moved = _place(call, url, credential, read_only=read_only, own=old["name"])
    name = securables.renamed(call, KIND, old)
    return store.update(KIND, name, lambda d: securables.changed({**d, **moved}, call, CHANGES)) or old


def delete(call: Call) -> Document:
    """Take a location away. Raises: ``NotFound``; ``InvalidState`` while anything rests there, but with ``force``."""
    document = read(call)
    used = dependents(call.workspace, document["url"])
    if any(used.values()) and not call.flag("force"):
        # The service's words (terraform-provider-databricks #4746).
        counts = ", ".join(f"{count} dependent {kind}s" for kind, count in used.items())
        raise InvalidState(
            f"Cannot delete external location (name = {document['name']}) because the location has {counts}. You may "
            "use force option to delete it but the managed storage data under this location cannot be purged by Unity "
            "Catalog anymore."
        )
    call.workspace.store.delete(KIND, document["name"])
    return {}


def dependents(workspace: Workspace, url: str) -> dict[str, int]:
    """How many objects of each kind rest at ``url`` or below."""
    place = Place.of(url)
    return {
        kind: sum(place.holds(str(each.get(field, ""))) for each in workspace.store.all(kind))
        for kind, field in DEPENDENT.items()
    }


def over(workspace: Workspace, url: str) -> Document | None:
    """The location in which ``url`` lies."""
    return next((each for each in workspace.store.all(KIND) if Place.of(each["url"]).holds(url)), None)


def _place(call: Call, url: str, credential_name: str, *, read_only: bool, own: str) -> Document:
    """Where a location is, looked at unless the request says ``skip_validation``. ``own``: its name."""
    workspace, place = call.workspace, Place.of(url)
    credential = storagecredentials.get(workspace, credential_name)
    for other in workspace.store.all(KIND):
        if other["name"] != own and place.overlaps(Place.of(other["url"])):
            raise InvalidParameter(
                f"Input path url '{url}' overlaps with an existing external location within "
                f"'CreateExternalLocation' call. Conflicting location: {other['name']}."
            )
    if not call.flag("skip_validation"):
        for check in cloudstorage.checks(S3Endpoint(**workspace.config.s3), place, read_only=read_only):
            if check["result"] == "FAIL":
                raise InvalidParameter(
                    f"Failed to access cloud storage at {url} ({check['operation']}): {check['message']}"
                )
    return {"url": url, "credential_name": credential["name"], "credential_id": credential["id"]}


def _fields(call: Call, names: tuple[str, ...]) -> Document:
    """The request's fields of these names. Raises: ``InvalidParameter`` for a value of another type."""
    return typed({key: call.arguments[key] for key in names if key in call.arguments}, ExternalLocationInfo)


UC = "2.1/unity-catalog"
routes = [
    *api("GET", f"{UC}/external-locations", list_locations),
    *api("POST", f"{UC}/external-locations", create),
    *api("GET", f"{UC}/external-locations/{{name}}", read),
    *api("PATCH", f"{UC}/external-locations/{{name}}", update),
    *api("DELETE", f"{UC}/external-locations/{{name}}", delete),
]
