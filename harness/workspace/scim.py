"""SCIM: ``/api/2.0/preview/scim/v2/{Users,Groups,ServicePrincipals}``, records that others refer to by name or id.

Nobody signs in as a user made here but by a token made for it. Group membership is kept with the group; who is made
belongs to ``users``, as on the service.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any

from starlette.responses import Response

from harness.workspace import principals
from harness.workspace.errors import ApiError, Conflict, InvalidParameter, NotFound
from harness.workspace.principals import GROUP, KINDS, SERVICE_PRINCIPAL, USER, Kind
from harness.workspace.scimfilter import InvalidFilter, parse, values
from harness.workspace.scimpatch import LISTS, InvalidPatch, patched
from harness.workspace.store import Document, Store
from harness.workspace.wire import Call, api, respond

MESSAGES = "urn:ietf:params:scim:api:messages:2.0:"
PAGE_LIMIT = 10_000
# What a request cannot set; `userName` and `emails` can be given when a user is made, and are not changed afterwards
# (docs: api/workspace/users/patch: "any supplied changes to them are ignored").
COMPUTED = ("id", "schemas", "groups", "meta")
FIXED = ("id", "applicationId", "userName", "emails")
SCIM_TYPES = ((InvalidFilter, "invalidFilter"), (InvalidPatch, "invalidPath"), (Conflict, "uniqueness"))


class ScimError(ApiError):
    """An error in SCIM's form (RFC 7644, 3.12), which the SDK reads."""

    def __init__(self, error: ApiError) -> None:
        super().__init__(error.message, error_code=error.error_code)
        self.status = error.status
        kinds = [name for kind, name in SCIM_TYPES if isinstance(error, kind)]
        self.scim_type = kinds[0] if kinds else "invalidValue" if error.status == 400 else None

    def document(self) -> dict[str, object]:
        kind = {"scimType": self.scim_type} if self.scim_type else {}
        return {"schemas": [f"{MESSAGES}Error"], "status": str(self.status), "detail": self.message, **kind}


def ordered(store: Store, kind: Kind) -> list[Document]:
    """Every record of a kind, oldest first."""
    return sorted(store.all(kind.record), key=lambda document: int(document["id"]))


def view(store: Store, kind: Kind, document: Document) -> Document:
    """A record as SCIM shows it: with its schemas, and the groups it belongs to."""
    groups = [
        {"display": group["displayName"], "value": group["id"], "$ref": f"Groups/{group['id']}", "type": "direct"}
        for group in ordered(store, GROUP)
        if any(member["value"] == document["id"] for member in group["members"])
    ]
    shown = {"schemas": [kind.schema], **document, "groups": groups}
    if kind is GROUP:
        members = [principals.by_id(store, member["value"]) for member in document.get("members", ())]
        shown |= {
            "members": [principals.member(*found) for found in members if found is not None],
            "meta": {"resourceType": "WorkspaceGroup"},
        }
    return {name: value for name, value in shown.items() if value != []}


def checked(store: Store, kind: Kind, document: Document) -> Document:
    """A record with attributes of the right types and members that exist. Raises: ``InvalidParameter``."""
    for name in ("userName", "displayName", "applicationId", "externalId"):
        if not isinstance(document.get(name, ""), str):
            raise InvalidParameter(f"Expected {name} to be a string.")
    if not isinstance(document.get("active", True), bool):
        raise InvalidParameter("Expected active to be a boolean.")
    for name in LISTS:
        items = document.get(name, [])
        if not isinstance(items, list) or not all(
            isinstance(i, dict) and isinstance(i.get("value"), str) for i in items
        ):
            raise InvalidParameter(f"Expected {name} to be a list of objects, each with a value.")
    if not document.get(kind.name):
        raise InvalidParameter(f"{kind.noun} needs {kind.name}.")
    if kind is GROUP:
        members = list(dict.fromkeys(item["value"] for item in document.get("members", [])))
        for member in members:
            if principals.by_id(store, member) is None:
                raise InvalidParameter(f"Member with id {member} does not exist.")
        document = {**document, "members": [{"value": member} for member in members]}
    return document


def _unique(store: Store, kind: Kind, document: Document) -> None:
    held = principals.by_name(store, kind, document[kind.name])
    if held is not None and held["id"] != document["id"]:
        named = {USER: "username", GROUP: "name", SERVICE_PRINCIPAL: "application ID"}[kind]
        raise Conflict(f"{kind.noun} with {named} {document[kind.name]} already exists.")


def _given(call: Call) -> Document:
    return {name: value for name, value in call.arguments.items() if name not in COMPUTED}


def _found(call: Call, kind: Kind) -> Document:
    document = call.workspace.store.get(kind.record, call.path["id"])
    if document is None:
        raise NotFound(f"{kind.noun} with id {call.path['id']} not found.")
    return document


def _shaped(call: Call, document: Document) -> Document:
    """A view with the attributes that a request asks for."""
    asked = _names(call, "attributes")
    left_out = _names(call, "excludedAttributes")
    return {
        name: value
        for name, value in document.items()
        if name in ("id", "schemas") or ((not asked or name.lower() in asked) and name.lower() not in left_out)
    }


def _names(call: Call, argument: str) -> set[str]:
    return {name.strip().partition(".")[0].lower() for name in call.text(argument, "").split(",") if name.strip()}


def list_records(call: Call, kind: Kind) -> Document:
    store = call.workspace.store
    records = [view(store, kind, document) for document in ordered(store, kind)]
    if text := call.text("filter", ""):
        records = list(filter(parse(text), records))
    if sort := call.text("sortBy", ""):
        path = sort.lower().split(".")
        backwards = call.text("sortOrder", "ascending") == "descending"
        records.sort(key=lambda document: next(values(document, path), ""), reverse=backwards)
    start, count = max(1, call.integer("startIndex", 1)), call.integer("count", PAGE_LIMIT)
    if count < 0:
        raise InvalidParameter(f"count must not be negative: {count}.")
    page = records[start - 1 : start - 1 + min(count, PAGE_LIMIT)]
    return {
        "schemas": [f"{MESSAGES}ListResponse"],
        "totalResults": len(records),
        "startIndex": start,
        "itemsPerPage": len(page),
        "Resources": [_shaped(call, document) for document in page],
    }


def create(call: Call, kind: Kind) -> Response:
    principals.require_admin(call)
    store, given = call.workspace.store, _given(call)
    if kind is SERVICE_PRINCIPAL:
        given.setdefault("applicationId", str(uuid.uuid4()))
        given.setdefault("displayName", given["applicationId"])
    if kind is USER:
        given.setdefault("displayName", given.get("userName", ""))
        given.setdefault("emails", [{"type": "work", "value": given.get("userName", ""), "primary": True}])
    if kind is not GROUP:
        given.setdefault("active", True)
    document = {"id": str(principals.FIRST_ID + store.next("principal")), **checked(store, kind, given)}
    _unique(store, kind, document)
    store.put(kind.record, document["id"], document)
    if kind is not GROUP:
        joins = {"value": document["id"]}
        store.update(GROUP.record, principals.USERS_ID, lambda g: {**g, "members": [*g["members"], joins]})
    return respond(view(store, kind, document), 201)


def get(call: Call, kind: Kind) -> Document:
    return _shaped(call, view(call.workspace.store, kind, _found(call, kind)))


def _replaced(call: Call, kind: Kind, old: Document, new: Document) -> Document:
    """Write a record anew. Raises: ``InvalidParameter``, ``Conflict``."""
    store = call.workspace.store
    kept = {name: old[name] for name in FIXED if name in old}
    document = checked(store, kind, {**{k: v for k, v in new.items() if k not in (*COMPUTED, *FIXED)}, **kept})
    if document["id"] in principals.SYSTEM_GROUPS and document["displayName"] != old["displayName"]:
        raise InvalidParameter(f"The group {old['displayName']} cannot be renamed.")
    _unique(store, kind, document)
    store.put(kind.record, document["id"], document)
    return view(store, kind, document)


def replace(call: Call, kind: Kind) -> Document:
    principals.require_admin(call)
    old = _found(call, kind)
    return _replaced(call, kind, old, {"active": True, **_given(call)} if kind is not GROUP else _given(call))


def patch(call: Call, kind: Kind) -> Document:
    principals.require_admin(call)
    old = _found(call, kind)
    return _replaced(call, kind, old, patched(old, call.arguments.get("Operations")))


def delete(call: Call, kind: Kind) -> Response:
    principals.require_admin(call)
    store, gone = call.workspace.store, _found(call, kind)["id"]
    if gone in principals.SEEDED:
        raise InvalidParameter(f"{kind.noun} {gone} belongs to every workspace and cannot be deleted.")
    store.delete(kind.record, gone)
    for group in store.all(GROUP.record):
        store.update(
            GROUP.record, group["id"], lambda g: {**g, "members": [m for m in g["members"] if m["value"] != gone]}
        )
    for token in store.all("token"):
        if token["owner_id"] == gone:
            store.delete("token", token["token_id"])
    for secret in store.all("client_secret", f"{gone}/"):
        store.delete("client_secret", f"{gone}/{secret['id']}")
    return Response(status_code=204)


def _handler(act: Callable[[Call, Kind], Any], kind: Kind) -> Callable[[Call], Any]:
    """An operation on one kind, its errors in SCIM's form."""

    @functools.wraps(act)
    def handle(call: Call) -> Any:
        try:
            return act(call, kind)
        except ApiError as error:
            raise ScimError(error) from None

    return handle


routes = [
    route
    for kind in KINDS
    for method, path, act in (
        ("GET", kind.path, list_records),
        ("POST", kind.path, create),
        ("GET", f"{kind.path}/{{id}}", get),
        ("PUT", f"{kind.path}/{{id}}", replace),
        ("PATCH", f"{kind.path}/{{id}}", patch),
        ("DELETE", f"{kind.path}/{{id}}", delete),
    )
    for route in api(method, f"2.0/preview/scim/v2/{path}", _handler(act, kind))
]
