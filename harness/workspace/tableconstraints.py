"""Primary and foreign keys of tables: ``/api/2.1/unity-catalog/constraints``; kept where SQL keeps its own.

Source: docs.databricks.com/api/workspace/tableconstraints. Databricks enforces neither kind, nor do we; a CHECK is
Delta's, and made by ``ALTER TABLE … ADD CONSTRAINT``.
"""

from __future__ import annotations

from databricks.sdk.service.catalog import TableConstraint

from harness.lake.sql.keys import PREFIX, Key, keys
from harness.workspace import securables, tables
from harness.workspace.errors import Conflict, InvalidParameter, InvalidState, NotFound
from harness.workspace.jobspec import typed
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

KINDS = ("primary_key_constraint", "foreign_key_constraint")


def create(call: Call) -> Document:
    """Add a key to a table. Raises: ``NotFound``, ``InvalidParameter``, ``Conflict``."""
    table = tables.get(call.workspace, call.text("full_name_arg"))
    given = typed(call.mapping("constraint"), TableConstraint)
    if "named_table_constraint" in given or len(given) != 1:
        raise InvalidParameter(f"Expected constraint to have one of {' or '.join(KINDS)}.")
    ((kind, fields),) = given.items()
    if fields.get("timeseries_columns"):
        raise InvalidParameter("timeseries_columns is not served by the local workspace.")
    name, columns = str(fields["name"]), _columns(table, fields["child_columns"])
    if any(key.name.lower() == name.lower() for key in keys(table)):
        text = f"Constraint '{name}' already exists in table '{table['full_name']}'"
        raise Conflict(text, error_code="CONSTRAINT_ALREADY_EXISTS")
    if kind == KINDS[0]:
        if primary(table) is not None:
            raise InvalidState(f"Table '{table['full_name']}' already has a primary key.")
        if nullable := next(
            (c["name"] for c in table["columns"] if c["name"] in columns and c.get("nullable", True)), ""
        ):
            text = f"Cannot create the primary key '{name}' because its column '{nullable}' is nullable."
            raise InvalidParameter(text)
        text = f"PRIMARY KEY ({', '.join(columns)})"
    else:
        parent = tables.get(call.workspace, ".".join(securables.parts(str(fields["parent_table"]), 3)))
        targets, key = _columns(parent, fields["parent_columns"]), primary(parent)
        if key is None or sorted(key.columns) != sorted(targets):
            raise InvalidParameter(
                f"The columns {', '.join(targets)} are not the primary key of '{parent['full_name']}'."
            )
        if len(targets) != len(columns):
            raise InvalidParameter(f"The key '{name}' has {len(columns)} columns and refers to {len(targets)}.")
        text = f"FOREIGN KEY ({', '.join(columns)}) REFERENCES {parent['full_name']} ({', '.join(targets)})"
    said = f"CONSTRAINT {name} {text} NOT ENFORCED {'RELY' if fields.get('rely') else 'NORELY'}"
    _put(call, table["full_name"], name, said)
    return {kind: fields}


def delete(call: Call) -> Document:
    """Take a key away, with ``cascade`` also the foreign keys that refer to a primary one.

    Raises: ``NotFound``; ``InvalidState`` for a primary key that is referred to, without ``cascade``.
    """
    table = tables.get(call.workspace, call.path["full_name"])
    name, cascade = call.text("constraint_name"), call.flag("cascade")
    key = next((key for key in keys(table) if key.name.lower() == name.lower()), None)
    if key is None:
        text = f"Constraint '{name}' does not exist in table '{table['full_name']}'."
        raise NotFound(text, error_code="CONSTRAINT_DOES_NOT_EXIST")
    followers = _referring(call, table) if not key.target else []
    if followers and not cascade:
        others = ", ".join(f"{full_name}.{follower.name}" for full_name, follower in followers)
        raise InvalidState(f"Cannot drop the primary key '{key.name}': foreign keys refer to it: {others}.")
    for full_name, gone in [(table["full_name"], key), *followers]:
        _put(call, full_name, gone.name, None)
    return {}


def primary(table: Document) -> Key | None:
    """A table's primary key."""
    return next((key for key in keys(table) if not key.target), None)


def _referring(call: Call, table: Document) -> list[tuple[str, Key]]:
    found = []
    for other in call.workspace.store.all("table"):
        found += [
            (other["full_name"], key) for key in keys(other) if ".".join(key.target).lower() == table["full_name"]
        ]
    return found


def _columns(table: Document, names: list[str]) -> list[str]:
    """Columns of a table as the table spells them. Raises: ``InvalidParameter``."""
    known = {column["name"].lower(): column["name"] for column in table["columns"]}
    for name in names:
        if name.lower() not in known:
            raise InvalidParameter(f"Column '{name}' does not exist in table '{table['full_name']}'.")
    if not names:
        raise InvalidParameter("A key needs at least one column.")
    return [known[name.lower()] for name in names]


def _put(call: Call, full_name: str, name: str, text: str | None) -> None:
    """Write a key's text among a table's properties; none takes the key away."""

    def change(table: Document) -> Document:
        properties = {key: value for key, value in table.get("properties", {}).items() if key != PREFIX + name}
        return {**table, "properties": properties if text is None else {**properties, PREFIX + name: text}}

    call.workspace.store.update("table", full_name, change)


UC = "2.1/unity-catalog"
routes = [
    *api("POST", f"{UC}/constraints", create),
    *api("DELETE", f"{UC}/constraints/{{full_name}}", delete),
]
