"""Privileges on tables, enforced in SQL when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sql.exc import ServerOperationError

from harness.control import StackFailed
from harness.stack import Stack

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]
DENIED = r"\[INSUFFICIENT_PERMISSIONS\] Insufficient privileges:\nUser does not have {} SQLSTATE: 42501"


def test_tables_are_refused_without_privileges_once_these_are_enforced(
    sql: Sql, robot: tuple[str, Sql], clean_stack: Stack
) -> None:
    name, ask = robot
    sql("CREATE TABLE main.default.t AS SELECT 1 AS id")
    sql("CREATE VIEW main.default.v AS SELECT id FROM main.default.t")
    assert ask("SELECT * FROM main.default.t") == [(1,)], "nothing is enforced unless it is asked for"
    clean_stack.control("POST", "grants", {"enforce": True})
    for missing, grant in (
        ("USE CATALOG on Catalog 'main'.", f"GRANT USE CATALOG ON CATALOG main TO `{name}`"),
        ("USE SCHEMA on Schema 'main.default'.", "GRANT USE SCHEMA ON SCHEMA main.default TO `account users`"),
        ("SELECT on Table 'main.default.t'.", "GRANT SELECT ON TABLE main.default.t TO readers"),
    ):
        with pytest.raises(ServerOperationError, match=DENIED.format(missing)):
            ask("SELECT * FROM main.default.t")
        sql(grant)
    assert ask("SELECT * FROM main.default.t") == [(1,)]
    for statement in (
        "INSERT INTO main.default.t VALUES (2)",
        "UPDATE main.default.t SET id = 3",
        "DELETE FROM main.default.t",
        "MERGE INTO main.default.t AS t USING (SELECT 1 AS id) AS s ON s.id = t.id WHEN MATCHED THEN DELETE",
    ):
        with pytest.raises(ServerOperationError, match=DENIED.format("MODIFY on Table 'main.default.t'.")):
            ask(statement)
    sql("REVOKE SELECT ON TABLE main.default.t FROM readers")
    with pytest.raises(ServerOperationError, match=DENIED.format("SELECT on Table 'main.default.v'.")):
        ask("SELECT * FROM main.default.v")
    sql("GRANT SELECT ON TABLE main.default.v TO readers")
    assert ask("SELECT * FROM main.default.v") == [(1,)], "what a view reads, its owner may read"
    with pytest.raises(ServerOperationError, match=DENIED.format("SELECT on Table 'main.default.t'.")):
        ask("SELECT * FROM main.default.t VERSION AS OF 0")
    sql(f"ALTER TABLE main.default.t OWNER TO `{name}`")
    ask("INSERT INTO main.default.t VALUES (2)")
    assert sql("SELECT count(*) FROM main.default.t") == [(2,)], "the workspace's own user may do anything"
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        ask("SELECT * FROM main.default.absent")


def test_enforcement_takes_true_or_false_and_ends_with_a_reset(clean_stack: Stack) -> None:
    with pytest.raises(StackFailed, match="Expected enforce to be true or false"):
        clean_stack.control("POST", "grants", {"enforce": "yes"})
    clean_stack.control("POST", "grants", {"enforce": True})
    assert clean_stack.control("GET", "sql/watched") == {"guarded": False, "enforced": True}
    clean_stack.reset()
    assert clean_stack.control("GET", "sql/watched") == {"guarded": False, "enforced": False}
