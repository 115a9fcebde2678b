"""Unity Catalog's functions: ``/api/2.1/unity-catalog/functions``.

The one truth of user-defined functions: ``CREATE FUNCTION`` (harness/lake/sql/functions.py) writes here, and Spark's
catalog (harness/lake/catalog) reads here what a statement calls. A body made over REST is checked when it is called.
Source: docs.databricks.com/api/workspace/functions.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from harness.workspace import securables
from harness.workspace.errors import Conflict, InvalidParameter, NotFound
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

TYPES = frozenset(
    {
        *(
            "BOOLEAN",
            "BYTE",
            "SHORT",
            "INT",
            "LONG",
            "FLOAT",
            "DOUBLE",
            "DECIMAL",
            "DATE",
            "TIMESTAMP",
            "TIMESTAMP_NTZ",
        ),
        *("STRING", "CHAR", "VARCHAR", "BINARY", "INTERVAL", "ARRAY", "STRUCT", "MAP", "NULL", "VARIANT"),
        *("GEOGRAPHY", "GEOMETRY", "USER_DEFINED_TYPE", "TABLE_TYPE"),
    }
)
BODIES = ("SQL", "EXTERNAL")
TEXTS = (
    *("comment", "external_language", "external_name", "properties", "parameter_style", "sql_data_access"),
    *("security_type", "specific_name"),
)
FLAGS = ("is_deterministic", "is_null_call")


def get(workspace: Workspace, full_name: str) -> Document:
    """A function. Raises: ``NotFound`` for the catalog, the schema or the function."""
    catalog, schema, name = securables.parts(full_name, 3)
    securables.get_schema(workspace.store, catalog, schema)
    document = workspace.store.get("function", f"{catalog}.{schema}.{name}")
    if document is None:
        raise NotFound(f"Function '{catalog}.{schema}.{name}' does not exist.", error_code="FUNCTION_DOES_NOT_EXIST")
    return document


def create(call: Call) -> Document:
    """Make the function that ``function_info`` describes.

    With ``or_replace``, which only our own ``CREATE OR REPLACE FUNCTION`` sends, in place of one of its name.
    Raises: ``Conflict``, ``InvalidParameter``, ``NotFound``.
    """
    info = call.arguments.get("function_info")
    if not isinstance(info, dict):
        raise InvalidParameter("Missing required field: function_info")
    given = Call(call.request, info, by_body=True)
    workspace = call.workspace
    schema = securables.get_schema(workspace.store, given.text("catalog_name"), given.text("schema_name"))
    name = securables.identifier(given.text("name"), "function")
    document: Document = {
        **securables.stamps(workspace, securables.maker(call)),
        **described(given),
        "name": name,
        "catalog_name": schema["catalog_name"],
        "schema_name": schema["name"],
        "full_name": f"{schema['full_name']}.{name}",
        "function_id": str(uuid.uuid4()),
        "securable_type": "FUNCTION",
    }
    document.setdefault("specific_name", name)
    key = document["full_name"]
    try:
        workspace.store.insert("function", key, document)
    except Taken:
        if not call.flag("or_replace"):
            raise Conflict(f"Function '{key}' already exists", error_code="FUNCTION_ALREADY_EXISTS") from None
        # What is granted on a function stays with it.
        kept = ("function_id", "created_at", "created_by", "owner")
        workspace.store.update("function", key, lambda old: {**document, **{k: old[k] for k in kept}})
    return get(workspace, key)


def described(given: Call) -> Document:
    """What a function takes, gives and does. Raises: ``InvalidParameter``."""
    kind, body = given.text("data_type"), given.text("routine_body")
    if kind not in TYPES:
        raise InvalidParameter(f"data_type {kind} must be one of {', '.join(sorted(TYPES))}.")
    if body not in BODIES:
        raise InvalidParameter(f"routine_body {body} must be one of {', '.join(BODIES)}.")
    document: Document = {
        "data_type": kind,
        "full_data_type": given.text("full_data_type"),
        "routine_body": body,
        "routine_definition": given.text("routine_definition"),
        "input_params": parameters(given, "input_params"),
    }
    if "return_params" in given.arguments:
        document["return_params"] = parameters(given, "return_params")
    document |= {field: given.text(field) for field in TEXTS if field in given.arguments}
    document |= {field: given.flag(field) for field in FLAGS if field in given.arguments}
    language = document.get("external_language", "")
    if body == "EXTERNAL" and language.upper() != "PYTHON":
        raise InvalidParameter(
            f"external_language {language or '(none)'} is not served by the local workspace: Python is."
        )
    return document


def parameters(given: Call, field: str) -> Document:
    """A list of parameters, each with its position. Raises: ``InvalidParameter``."""
    value: Any = given.arguments.get(field, {})
    found = value.get("parameters", []) if isinstance(value, dict) else None
    if not isinstance(found, list) or not all(_is_parameter(parameter) for parameter in found):
        raise InvalidParameter(
            f"Expected {field}.parameters to be a list of objects, each with a name and a type_text."
        )
    return {"parameters": [{**parameter, "position": at} for at, parameter in enumerate(found)]}


def _is_parameter(value: object) -> bool:
    return isinstance(value, dict) and all(
        isinstance(value.get(field, default), str)
        for field, default in (("name", None), ("type_text", None), ("comment", ""), ("parameter_default", ""))
    )


def list_functions(call: Call) -> Document:
    schema = securables.get_schema(call.workspace.store, call.text("catalog_name"), call.text("schema_name"))
    return securables.listed(call, "functions", call.workspace.store.all("function", f"{schema['full_name']}."))


def read(call: Call) -> Document:
    return get(call.workspace, call.path["full_name"])


def update(call: Call) -> Document:
    """Change the owner, which is all that Databricks lets change."""
    document = read(call)
    call.text("owner", "")
    store = call.workspace.store
    return (
        store.update("function", document["full_name"], lambda d: securables.changed(d, call, ("owner",))) or document
    )


def delete(call: Call) -> Document:
    call.workspace.store.delete("function", read(call)["full_name"])
    return {}


UC = "2.1/unity-catalog"
routes = [
    *api("GET", f"{UC}/functions", list_functions),
    *api("POST", f"{UC}/functions", create),
    *api("GET", f"{UC}/functions/{{full_name}}", read),
    *api("PATCH", f"{UC}/functions/{{full_name}}", update),
    *api("DELETE", f"{UC}/functions/{{full_name}}", delete),
]
