"""Scripts, EXECUTE IMMEDIATE and session variables, with statements that only Databricks has."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, RunResultState, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks.sql.exc import ServerOperationError

from harness.stack import Stack

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]

SCRIPT = """
BEGIN
  DECLARE edge INT DEFAULT 2;
  CREATE CATALOG IF NOT EXISTS scripted COMMENT 'it''s ; here';
  USE CATALOG scripted;
  CREATE TABLE default.t AS SELECT id, 'a;b' AS v FROM range(6);
  DELETE FROM default.t WHERE id IN (SELECT id FROM range(10) WHERE id > edge + 1);
  INSERT INTO default.t REPLACE USING (id) SELECT edge, 'new';
  IF edge = 2 THEN
    GRANT SELECT ON TABLE default.t TO readers;
  ELSE
    GRANT SELECT ON TABLE default.t TO nobody;
  END IF;
  CREATE FUNCTION default.twice(x INT) RETURNS INT LANGUAGE PYTHON AS $$
    y = 2; return "it's"and x * y
  $$;
  MERGE INTO default.t USING (SELECT 0 AS id) AS s ON t.id = s.id WHEN MATCHED THEN UPDATE SET v = (SELECT 'zero');
  EXECUTE IMMEDIATE 'COMMENT ON CATALOG scripted IS ''by a script''';
  SELECT id, v, default.twice(CAST(id AS INT)) FROM default.t ORDER BY id;
END
"""


def test_a_script_runs_statements_that_only_databricks_has(sql: Sql, workspace: WorkspaceClient) -> None:
    assert sql(SCRIPT) == [
        (0, "zero", 0),
        (1, "a;b", 2),
        (2, "new", 4),
        (3, "a;b", 6),
    ]
    assert workspace.catalogs.get("scripted").comment == "by a script"
    assert sql("SHOW GRANTS ON TABLE scripted.default.t") == [("readers", "SELECT", "TABLE", "scripted.default.t")]


def test_a_statement_that_fails_in_a_script_ends_it_or_is_handled(sql: Sql) -> None:
    sql("CREATE TABLE main.default.t AS SELECT 1 AS id")
    with pytest.raises(ServerOperationError, match=r"\[TABLE_OR_VIEW_NOT_FOUND\].*42P01"):
        sql("BEGIN GRANT SELECT ON TABLE main.default.absent TO a; DELETE FROM main.default.t; END")
    assert sql("SELECT count(*) FROM main.default.t") == [(1,)]
    handled = """BEGIN
        DECLARE EXIT HANDLER FOR SQLSTATE '42P01' BEGIN SELECT 'handled'; END;
        UNDROP TABLE main.default.absent;
    END"""
    assert sql(handled) == [("handled",)]
    with pytest.raises(ServerOperationError, match="DENY is not supported by the local harness"):
        sql("BEGIN DENY SELECT ON TABLE main.default.t TO a; END")
    with pytest.raises(ServerOperationError, match=r"\[UNRESOLVED_COLUMN"):
        sql("BEGIN DELETE FROM main.default.t WHERE id IN (SELECT undeclared); END")


def test_execute_immediate_takes_what_only_databricks_has(sql: Sql, workspace: WorkspaceClient) -> None:
    sql("CREATE TABLE main.default.t AS SELECT id FROM range(3)")
    sql("DECLARE OR REPLACE VARIABLE said STRING DEFAULT 'GRANT SELECT ON TABLE main.default.t TO readers'")
    sql("EXECUTE IMMEDIATE said")
    shown = [("readers", "SELECT", "TABLE", "main.default.t")]
    assert sql("EXECUTE IMMEDIATE 'SHOW GRANTS ON TABLE main.default.t'") == shown
    sql("EXECUTE IMMEDIATE 'DELETE FROM main.default.t WHERE id IN (SELECT 1)'")
    sql("EXECUTE IMMEDIATE 'CREATE FUNCTION main.default.f() RETURNS INT RETURN 7'")
    assert sql("EXECUTE IMMEDIATE 'SELECT count(*), main.default.f() FROM main.default.t WHERE id < ?' USING 5") == [
        (2, 7)
    ]
    assert sql("EXECUTE IMMEDIATE 'SELECT :a + :b' USING 1 AS a, 2 AS b") == [(3,)]
    assert workspace.functions.get("main.default.f").routine_definition == "7"
    # Nothing of it shows.
    assert not any("harness" in str(row) for row in sql("SHOW SCHEMAS IN main") + sql("SHOW CATALOGS"))
    with pytest.raises(ServerOperationError, match=r"\[ROUTINE_NOT_FOUND\]"):
        sql("CALL main.default.nothing()")


def test_session_variables_are_set_and_read(sql: Sql) -> None:
    sql("CREATE TABLE main.default.t AS SELECT id FROM range(5)")
    sql("DECLARE OR REPLACE VARIABLE edge BIGINT DEFAULT 2")
    sql("SET VAR edge = 3")
    assert sql("SELECT count(*) FROM main.default.t WHERE id < edge") == [(3,)]


def test_parameters_are_taken_anywhere_in_a_script(sql: Sql) -> None:
    sql("CREATE TABLE main.default.t AS SELECT id FROM range(5)")
    counted = """BEGIN
      DECLARE n BIGINT DEFAULT :n;
      DELETE FROM main.default.t WHERE id IN (SELECT :gone);
      SELECT count(*), ':n' FROM IDENTIFIER(:t) WHERE id < n;
    END"""
    assert sql(counted, {"t": "main.default.t", "n": 3, "gone": 1}) == [(2, ":n")]
    kept = "BEGIN SELECT 'it''s', ?, parse_json('{\"a\": 1}'):a::INT; END"
    assert sql(kept, ["a'b\\\\c"]) == [("it's", "a'b\\\\c", 1)]
    assert sql("BEGIN SELECT ?, ?, ?, ?, ?, ?; END", [None, 2, "c", 4.5, True, "f"]) == [(None, 2, "c", 4.5, True, "f")]
    with pytest.raises(ServerOperationError, match="UNBOUND_SQL_PARAMETER"):
        sql("BEGIN SELECT :absent; END", {"given": 1})


def test_parameters_are_taken_by_execute_immediate(sql: Sql) -> None:
    assert sql("EXECUTE IMMEDIATE 'SELECT ? + ?' USING :a, :b", {"a": 1, "b": 2}) == [(3,)]
    assert sql("EXECUTE IMMEDIATE :said USING 4", {"said": "SELECT id FROM range(9) WHERE id = ?"}) == [(4,)]
    script = "BEGIN EXECUTE IMMEDIATE :said USING :v AS v; END"
    assert sql(script, {"said": "SELECT upper(:v)", "v": "a"}) == [("A",)]


NOTEBOOK = """# Databricks notebook source
spark.sql("CREATE TABLE main.default.t AS SELECT id FROM range(4)")
spark.sql('''BEGIN
  DECLARE edge BIGINT DEFAULT 1;
  DELETE FROM main.default.t WHERE id IN (SELECT id FROM range(9) WHERE id > edge);
  ALTER TABLE main.default.t SET TAGS ('by' = 'script');
END''')
dbutils.notebook.exit(str(spark.table("main.default.t").count()))
"""


def test_a_notebook_runs_such_a_script(clean_stack: Stack, workspace: WorkspaceClient) -> None:
    path = "/Workspace/Users/someone/script"
    workspace.workspace.mkdirs("/Workspace/Users/someone")
    content = base64.b64encode(NOTEBOOK.encode()).decode()
    workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path=path))
    run = workspace.jobs.submit(run_name="script", tasks=[task]).result()
    (task_run,) = run.tasks or []
    output = workspace.jobs.get_run_output(int(task_run.run_id or 0))
    assert run.state is not None
    assert run.state.result_state is RunResultState.SUCCESS, output.error_trace
    assert output.notebook_output is not None
    assert output.notebook_output.result == "2"
    (tag,) = workspace.entity_tag_assignments.list("tables", "main.default.t")
    assert (tag.tag_key, tag.tag_value) == ("by", "script")
