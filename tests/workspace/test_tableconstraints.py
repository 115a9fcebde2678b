"""Primary and foreign keys by the REST API, through databricks-sdk, unmodified, and as SQL shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, ResourceConflict
from databricks.sdk.service.catalog import (
    ForeignKeyConstraint,
    NamedTableConstraint,
    PrimaryKeyConstraint,
    TableConstraint,
)

pytestmark = pytest.mark.slow


def primary(name: str = "pk", *columns: str) -> TableConstraint:
    return TableConstraint(primary_key_constraint=PrimaryKeyConstraint(name, list(columns or ("id",)), rely=True))


def foreign(*columns: str, to: str = "main.default.parent") -> TableConstraint:
    return TableConstraint(foreign_key_constraint=ForeignKeyConstraint("fk", ["parent_id"], to, list(columns)))


@pytest.fixture
def tables(sql: Callable[..., list[Any]]) -> None:
    sql("CREATE TABLE main.default.parent (id INT NOT NULL, name STRING)")
    sql("CREATE TABLE main.default.child (id INT NOT NULL, parent_id INT)")


def test_keys_made_by_the_api_are_those_that_sql_shows(
    workspace: WorkspaceClient, sql: Callable[..., list[Any]], tables: None
) -> None:
    workspace.table_constraints.create("main.default.parent", primary())
    workspace.table_constraints.create("main.default.child", foreign("id"))
    shown = sql(
        "SELECT constraint_name, table_name, constraint_type FROM main.information_schema.table_constraints ORDER BY 1"
    )
    assert [tuple(row) for row in shown] == [("fk", "child", "FOREIGN KEY"), ("pk", "parent", "PRIMARY KEY")]
    assert workspace.tables.get("main.default.parent").table_constraints == [primary()]
    assert "harness" not in str(workspace.tables.get("main.default.parent").properties)
    assert sql("SELECT * FROM main.default.parent") == []
    with pytest.raises(BadRequest, match=r"foreign keys refer to it: main\.default\.child\.fk"):
        workspace.table_constraints.delete("main.default.parent", "pk", cascade=False)
    workspace.table_constraints.delete("main.default.parent", "pk", cascade=True)
    assert sql("SELECT * FROM main.information_schema.table_constraints") == []
    with pytest.raises(NotFound, match="Constraint 'pk' does not exist"):
        workspace.table_constraints.delete("main.default.parent", "pk", cascade=False)


def test_keys_made_by_sql_are_those_that_the_api_shows(
    workspace: WorkspaceClient, sql: Callable[..., list[Any]], tables: None
) -> None:
    sql("ALTER TABLE main.default.parent ADD CONSTRAINT pk PRIMARY KEY (id) RELY")
    sql("ALTER TABLE main.default.child ADD CONSTRAINT fk FOREIGN KEY (parent_id) REFERENCES main.default.parent (id)")
    assert workspace.tables.get("main.default.parent").table_constraints == [primary()]
    (found,) = workspace.tables.get("main.default.child").table_constraints or []
    assert found.foreign_key_constraint is not None
    assert found.foreign_key_constraint.parent_table == "main.default.parent"
    properties = {"team": "lake"}
    workspace.api_client.do(
        "PATCH", "/api/2.1/unity-catalog/tables/main.default.child", body={"properties": properties}
    )
    changed = workspace.tables.get("main.default.child")
    assert (changed.properties, changed.table_constraints) == (properties, [found]), "a key is no property, and stays"
    workspace.table_constraints.delete("main.default.child", "fk", cascade=False)
    assert workspace.tables.get("main.default.child").table_constraints in (None, [])


def test_a_key_that_cannot_be_is_refused(workspace: WorkspaceClient, tables: None) -> None:
    create = workspace.table_constraints.create
    with pytest.raises(InvalidParameterValue, match=r"Column 'no' does not exist in table 'main\.default\.parent'"):
        create("main.default.parent", primary("pk", "no"))
    with pytest.raises(InvalidParameterValue, match="its column 'name' is nullable"):
        create("main.default.parent", primary("pk", "name"))
    with pytest.raises(InvalidParameterValue, match=r"are not the primary key of 'main\.default\.parent'"):
        create("main.default.child", foreign("id"))
    with pytest.raises(NotFound, match=r"main\.default\.nobody"):
        create("main.default.child", foreign("id", to="main.default.nobody"))
    with pytest.raises(InvalidParameterValue, match="primary_key_constraint or foreign_key_constraint"):
        create("main.default.parent", TableConstraint(named_table_constraint=NamedTableConstraint("n")))
    create("main.default.parent", primary())
    with pytest.raises(ResourceConflict, match="'pk' already exists"):
        create("main.default.parent", primary())
    with pytest.raises(BadRequest, match="already has a primary key"):
        create("main.default.parent", primary("other"))
