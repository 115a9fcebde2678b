"""What Unity Catalog's objects share: names, who made them and when, and where each is found."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from urllib.parse import unquote

from harness.runner.run import now
from harness.workspace import principals
from harness.workspace.errors import Conflict, InvalidParameter, NotFound
from harness.workspace.store import Document, Store, Taken
from harness.workspace.wire import Call, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

LIST_LIMIT = 10_000
METASTORE_ID = str(uuid.uuid5(uuid.NAMESPACE_DNS, "metastore.harness.local"))


def maker(call: Call) -> str:
    """Who makes an object: who asks, or for Spark, which asks with the stack's own token, whose statement it runs."""
    who = principals.caller(call)
    named = unquote(call.request.headers.get("x-harness-user", "")) if who.id == principals.USER_ID else ""
    return named or who.name


def stamps(workspace: Workspace, user: str = "") -> Document:
    """Who made an object, and when: the fields that every securable carries. ``user``: else the workspace's own."""
    user, at = user or workspace.config.user, now()
    return {
        "owner": user,
        "created_by": user,
        "created_at": at,
        "updated_by": user,
        "updated_at": at,
        "metastore_id": METASTORE_ID,
    }


def get_catalog(store: Store, name: str) -> Document:
    """A catalog. Raises: ``NotFound``."""
    document = store.get("catalog", name.lower())
    if document is None:
        raise NotFound(f"Catalog '{name}' does not exist.", error_code="CATALOG_DOES_NOT_EXIST")
    return document


def get_schema(store: Store, catalog: str, name: str) -> Document:
    """A schema. Raises: ``NotFound`` for the catalog or the schema."""
    get_catalog(store, catalog)
    document = store.get("schema", f"{catalog}.{name}".lower())
    if document is None:
        raise NotFound(f"Schema '{catalog}.{name}' does not exist.", error_code="SCHEMA_DOES_NOT_EXIST")
    return document


def listed(call: Call, field: str, found: list[Document]) -> Document:
    """A list of objects under ``field``, in pages of at most ``max_results`` (0, or none: as many as may be).

    Raises: ``InvalidParameter``. Source: docs.databricks.com/api/workspace/tables/list, and those of the other kinds.
    """
    most = call.integer("max_results", 0)
    if most < 0:
        raise InvalidParameter(f"Invalid max_results: {most}. It must not be negative.")
    call.arguments["max_results"] = min(most or LIST_LIMIT, LIST_LIMIT)
    shown, following, _ = page(found, call, size=LIST_LIMIT, most=LIST_LIMIT, field="max_results")
    return {field: shown, "next_page_token": following}


def identifier(name: str, what: str) -> str:
    """A name as it is kept. Raises: ``InvalidParameter`` for one that Unity Catalog does not take.

    Source: docs.databricks.com, "Names" (no period, space, slash or control character; at most 255 characters).
    """
    if not name or len(name) > 255 or any(c in "./ \x7f" or ord(c) < 32 for c in name):
        raise InvalidParameter(
            f"'{name}' is not a valid {what} name: names have 1 to 255 characters and no period, space, forward slash "
            "or control character."
        )
    return name.lower()


def parts(full_name: str, count: int) -> list[str]:
    """The parts of a dotted name, in lower case. Raises: ``InvalidParameter`` when there are not ``count``."""
    found = full_name.lower().split(".")
    if len(found) != count or not all(found):
        raise InvalidParameter(f"'{full_name}' is not a valid name: expected {count} parts joined by periods.")
    return found


def add(call: Call, kind: str, fields: Document) -> Document:
    """Keep a new object of the metastore: an external location, a storage credential. ``fields``: what is its own.

    Returns: it, as the API shows it. Raises: ``InvalidParameter`` for its name, ``Conflict``.
    """
    name = identifier(call.text("name"), kind.replace("_", " "))
    document = {
        "read_only": False,
        **fields,
        **stamps(call.workspace, maker(call)),
        "id": str(uuid.uuid4()),
        "name": name,
        "full_name": name,
        "isolation_mode": "ISOLATION_MODE_OPEN",
        "securable_type": kind.upper(),
    }
    try:
        call.workspace.store.insert(kind, name, document)
    except Taken:
        raise _taken(kind, name) from None
    return document


def renamed(call: Call, kind: str, old: Document) -> str:
    """Give an object of the metastore the request's ``new_name``, if there is one. Returns: its name now.

    Raises: ``InvalidParameter``, ``Conflict``.
    """
    name = identifier(call.text("new_name", old["name"]), kind.replace("_", " "))
    if name != old["name"]:
        try:
            call.workspace.store.rename(kind, old["name"], name, lambda d: {**d, "name": name, "full_name": name})
        except Taken:
            raise _taken(kind, name) from None
    return name


def _taken(kind: str, name: str) -> Conflict:
    text = f"{kind.replace('_', ' ').capitalize()} '{name}' already exists"
    return Conflict(text, error_code=f"{kind.upper()}_ALREADY_EXISTS")


def changed(document: Document, call: Call, names: tuple[str, ...]) -> Document:
    """A document with the request's fields of these names put in their place."""
    given = {name: call.arguments[name] for name in names if name in call.arguments}
    return {**document, **given, "updated_at": now(), "updated_by": call.workspace.config.user}
