"""Privileges on tables, enforced in SQL when asked for."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import AwsIamRoleRequest
from databricks.sdk.service.jobs import JobRunAs, NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks.sql.exc import ServerOperationError

from harness.control import StackFailed
from harness.stack import Stack

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]
DENIED = r"\[INSUFFICIENT_PERMISSIONS\] Insufficient privileges:\nUser does not have {} SQLSTATE: 42501"

NOTEBOOK = """# Databricks notebook source
seen = [spark.sql("SELECT current_user()").first()[0], spark.table("main.default.t").count()]
try:
    spark.sql("DROP TABLE main.default.t")
    seen.append("dropped")
except Exception as error:
    seen.append(str(error).partition(" ")[0])
dbutils.notebook.exit(str(seen))
"""


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


def test_what_makes_alters_and_drops_needs_privileges_once_these_are_enforced(
    sql: Sql, robot: tuple[str, Sql], clean_stack: Stack, workspace: WorkspaceClient, s3: Any
) -> None:
    name, ask = robot
    sql("CREATE TABLE main.default.t AS SELECT 1 AS id")
    sql("CREATE SCHEMA main.other")
    sql("GRANT USE CATALOG, USE SCHEMA ON CATALOG main TO `account users`")
    clean_stack.control("POST", "grants", {"enforce": True})
    managed = "MANAGE on Table 'main.default.t'."
    for statement, missing in (
        ("CREATE CATALOG mine", "CREATE CATALOG on Metastore '.*'."),
        ("CREATE SCHEMA main.mine", "CREATE SCHEMA on Catalog 'main'."),
        ("CREATE TABLE main.default.mine (id INT)", "CREATE TABLE on Schema 'main.default'."),
        ("CREATE TABLE main.default.mine AS SELECT 1 AS id", "CREATE TABLE on Schema 'main.default'."),
        ("CREATE VIEW main.default.mine AS SELECT 1 AS id", "CREATE TABLE on Schema 'main.default'."),
        ("CREATE FUNCTION main.default.mine() RETURNS INT RETURN 1", "CREATE FUNCTION on Schema 'main.default'."),
        ("CREATE VOLUME main.default.mine", "CREATE VOLUME on Schema 'main.default'."),
        ("CREATE OR REPLACE TABLE main.default.t (id INT)", managed),
        ("ALTER TABLE main.default.t ADD COLUMN more INT", "MODIFY on Table 'main.default.t'."),
        ("TRUNCATE TABLE main.default.t", "MODIFY on Table 'main.default.t'."),
        ("ALTER TABLE main.default.t RENAME TO main.default.mine", managed),
        (f"ALTER TABLE main.default.t OWNER TO `{name}`", managed),
        ("ALTER TABLE main.default.t SET TAGS ('a' = 'b')", "APPLY TAG on Table 'main.default.t'."),
        (f"GRANT SELECT ON TABLE main.default.t TO `{name}`", managed),
        ("DROP TABLE main.default.t", managed),
        ("DROP SCHEMA main.other", "MANAGE on Schema 'main.other'."),
    ):
        with pytest.raises(ServerOperationError, match=DENIED.format(missing)):
            ask(statement)
    assert sql("SHOW TABLES IN main.default") == [("default", "t", False)]
    workspace.storage_credentials.create("lake", aws_iam_role=AwsIamRoleRequest("arn:aws:iam::123456789012:role/lake"))
    s3.create_bucket(Bucket="lake")
    locate = "CREATE EXTERNAL LOCATION raw URL 's3://lake/raw' WITH (STORAGE CREDENTIAL lake)"
    for missing, grant in (
        ("CREATE EXTERNAL LOCATION on Storage credential 'lake'.", "STORAGE CREDENTIAL lake"),
        ("CREATE EXTERNAL LOCATION on Metastore '.*'.", "METASTORE"),
    ):
        with pytest.raises(ServerOperationError, match=DENIED.format(missing)):
            ask(locate)
        sql(f"GRANT CREATE EXTERNAL LOCATION ON {grant} TO `{name}`")
    ask(locate)
    assert workspace.external_locations.get("raw").owner == name
    ask("DROP EXTERNAL LOCATION raw")
    with pytest.raises(ServerOperationError, match=DENIED.format("MANAGE on Storage credential 'lake'.")):
        ask("DROP STORAGE CREDENTIAL lake")
    sql("GRANT CREATE TABLE ON SCHEMA main.default TO readers")
    ask("CREATE TABLE main.default.mine (id INT)")
    ask("INSERT INTO main.default.mine VALUES (1)")
    assert ask("SELECT * FROM main.default.mine") == [(1,)], "who makes a table owns it"
    ask("GRANT SELECT ON TABLE main.default.mine TO readers")
    ask("DROP TABLE main.default.mine")
    sql(f"GRANT MANAGE ON SCHEMA main.default TO `{name}`")
    ask("DROP TABLE main.default.t")


def test_a_notebook_may_do_what_its_run_as_may(
    sql: Sql, robot: tuple[str, Sql], clean_stack: Stack, workspace: WorkspaceClient
) -> None:
    name, _ = robot
    sql("CREATE TABLE main.default.t AS SELECT 1 AS id")
    sql("GRANT USE CATALOG, USE SCHEMA ON CATALOG main TO `account users`")
    sql("GRANT SELECT ON TABLE main.default.t TO readers")
    clean_stack.control("POST", "grants", {"enforce": True})
    workspace.workspace.mkdirs("/Workspace/Users/someone")
    path, content = "/Workspace/Users/someone/drops", base64.b64encode(NOTEBOOK.encode()).decode()
    workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path=path))
    run = workspace.jobs.submit(run_name="drops", tasks=[task], run_as=JobRunAs(service_principal_name=name)).result()
    (task_run,) = run.tasks or []
    output = workspace.jobs.get_run_output(int(task_run.run_id or 0)).notebook_output
    assert output is not None
    assert output.result == str([name, 1, "[INSUFFICIENT_PERMISSIONS]"])


def test_enforcement_takes_true_or_false_and_ends_with_a_reset(clean_stack: Stack) -> None:
    with pytest.raises(StackFailed, match="Expected enforce to be true or false"):
        clean_stack.control("POST", "grants", {"enforce": "yes"})
    clean_stack.control("POST", "grants", {"enforce": True})
    assert clean_stack.control("GET", "sql/watched") == {"guarded": False, "enforced": True}
    clean_stack.reset()
    assert clean_stack.control("GET", "sql/watched") == {"guarded": False, "enforced": False}
