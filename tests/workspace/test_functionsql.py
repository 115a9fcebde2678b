"""SQL and Python functions by their names of three parts: made by statements and the SDK, called through every door."""

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
from tests.workspace.test_functions import info

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]


def test_a_sql_function_is_made_called_described_and_dropped(sql: Sql, workspace: WorkspaceClient) -> None:
    sql("CREATE SCHEMA main.tools")
    sql("CREATE TABLE main.tools.t AS SELECT id, id % 3 AS k FROM range(10)")
    sql(
        "CREATE FUNCTION main.tools.plus(x INT COMMENT 'one', y INT DEFAULT 10) RETURNS INT COMMENT 'adds' RETURN x + y"
    )
    assert sql("SELECT main.tools.plus(1), main.tools.plus(y => 2, x => 1)") == [(11, 3)]
    assert sql("SELECT main.tools.plus(?, ?)", [3, 4]) == [(7,)]
    found = workspace.functions.get("main.tools.plus")
    assert (found.routine_definition, found.full_data_type, found.comment) == ("x + y", "INT", "adds")
    with pytest.raises(ServerOperationError, match=r"\[ROUTINE_ALREADY_EXISTS\].*42723"):
        sql("CREATE FUNCTION main.tools.plus(x INT) RETURNS INT RETURN x")
    sql("CREATE FUNCTION IF NOT EXISTS main.tools.plus(x INT) RETURNS INT RETURN x")
    assert sql("SELECT main.tools.plus(1)") == [(11,)]
    # Its names mean what was current when it was made, wherever it is called from.
    sql("USE SCHEMA tools")
    sql("CREATE OR REPLACE FUNCTION plus(x BIGINT) RETURN x + (SELECT count(*) FROM t WHERE t.k = plus.x)")
    sql(
        "CREATE FUNCTION rows(m BIGINT) RETURNS TABLE (id BIGINT, k BIGINT) RETURN WITH c AS (SELECT * FROM t) "
        "SELECT c.id, c.k FROM c WHERE c.k = m"
    )
    sql("CREATE VIEW v AS SELECT plus(id) AS n FROM rows(1)")
    sql("USE hive_metastore.default")
    assert sql("SELECT main.tools.plus(1L), main.tools.plus(7L)") == [(4, 7)]
    assert sql("SELECT id FROM main.tools.rows(m => 1 + 1) ORDER BY id") == [(2,), (5,), (8,)]
    assert sql("SELECT t.id, r.id FROM main.tools.t, LATERAL main.tools.rows(t.id) r ORDER BY 1, 2 LIMIT 2") == [
        (0, 0),
        (0, 3),
    ]
    assert sql("SELECT n FROM main.tools.v ORDER BY n") == [(4,), (4,), (7,)]
    assert sql("BEGIN DECLARE v BIGINT DEFAULT 7; SELECT main.tools.plus(v); END") == [(7,)]
    assert [row[0] for row in sql("DESCRIBE FUNCTION main.tools.plus")] == [
        "Function:      main.tools.plus",
        "Type:          SCALAR",
        "Input:         x BIGINT",
        "Returns:       BIGINT",
    ]
    assert sql("SHOW USER FUNCTIONS IN main.tools") == [("main.tools.plus",), ("main.tools.rows",)]
    routines = "SELECT routine_name, data_type, routine_body FROM main.information_schema.routines ORDER BY 1"
    assert sql(routines) == [("plus", "LONG", "SQL"), ("rows", "TABLE_TYPE", "SQL")]
    parameters = (
        "SELECT specific_name, parameter_name, full_data_type FROM main.information_schema.parameters ORDER BY 1"
    )
    assert sql(parameters) == [("plus", "x", "bigint"), ("rows", "m", "bigint")]
    with pytest.raises(ServerOperationError, match="SCHEMA_NOT_EMPTY"):
        sql("DROP SCHEMA main.tools")
    sql("DROP FUNCTION main.tools.plus")
    sql("DROP FUNCTION IF EXISTS main.tools.plus")
    with pytest.raises(ServerOperationError, match=r"\[ROUTINE_NOT_FOUND\].*42883"):
        sql("DROP FUNCTION main.tools.plus")
    with pytest.raises(ServerOperationError, match=r"\[UNRESOLVED_ROUTINE\].*42883"):
        sql("SELECT main.tools.plus(1L)")


def test_a_function_made_by_the_sdk_is_called_and_changed_by_sql(sql: Sql, workspace: WorkspaceClient) -> None:
    workspace.functions.create(info("add_one"))
    assert sql("SELECT main.default.add_one(41)") == [(42,)]
    sql("GRANT EXECUTE ON FUNCTION main.default.add_one TO readers")
    kept = workspace.functions.get("main.default.add_one").function_id
    sql("CREATE OR REPLACE FUNCTION main.default.add_one(x INT) RETURNS INT RETURN x + 100")
    assert sql("SELECT add_one(1)") == [(101,)]
    assert workspace.functions.get("main.default.add_one").function_id == kept
    assert sql("SHOW GRANTS ON FUNCTION main.default.add_one") == [
        ("readers", "EXECUTE", "FUNCTION", "main.default.add_one")
    ]


def test_a_python_function_is_called(sql: Sql, workspace: WorkspaceClient) -> None:
    sql("""CREATE FUNCTION main.default.masked(who STRING, n DECIMAL(5, 2) DEFAULT 1.5) RETURNS STRING
        LANGUAGE PYTHON COMMENT 'hides' AS $$
          import json
          def inner(text):
            return json.dumps({"who": text[:1] + "…"})
          return None if who is None else inner(who) + str(n)
        $$""")
    called = "SELECT main.default.masked(name), masked(n => 3, who => name) FROM VALUES ('ann'), (NULL) AS v(name)"
    assert sql(called) == [('{"who": "a\\u2026"}1.50', '{"who": "a\\u2026"}3.00'), (None, None)]
    found = workspace.functions.get("main.default.masked")
    assert (found.external_language, found.comment) == ("Python", "hides")
    assert "Language:      PYTHON" in [row[0] for row in sql("DESC FUNCTION EXTENDED main.default.masked")]
    sql("CREATE FUNCTION main.default.broken(x INT) RETURNS INT LANGUAGE PYTHON AS $$\n  return 1 / x\n$$")
    with pytest.raises(ServerOperationError, match="ZeroDivisionError"):
        sql("SELECT broken(0)")
    with pytest.raises(ServerOperationError, match=r"\[WRONG_NUM_ARGS.*42605"):
        sql("SELECT masked()")


def test_functions_that_cannot_be_made_or_called_say_why(sql: Sql) -> None:
    sql("CREATE TEMPORARY VIEW passing AS SELECT 1 AS x")
    sql("CREATE FUNCTION main.default.one() RETURNS INT RETURN 1")
    sql("CREATE FUNCTION main.default.ones() RETURNS TABLE (x INT) RETURN SELECT 1")
    for statement, says in (
        ("CREATE FUNCTION f(x INT) RETURNS INT RETURN nowhere", r"\[UNRESOLVED_COLUMN.*42703"),
        ("CREATE FUNCTION f(x INT) RETURNS", r"\[PARSE_SYNTAX_ERROR\]"),
        ("CREATE FUNCTION f() RETURNS INT RETURN (SELECT max(x) FROM passing)", r"\[INVALID_TEMP_OBJ_REFERENCE\]"),
        ("CREATE FUNCTION main.nowhere.f() RETURNS INT RETURN 1", r"\[SCHEMA_NOT_FOUND\]"),
        ("CREATE FUNCTION f AS 'org.example.F'", "AS 'class' is not supported by the local harness"),
        ("CREATE FUNCTION f() RETURNS INT LANGUAGE SCALA AS $$1$$", "LANGUAGE SCALA is not supported"),
        ("CREATE FUNCTION f() RETURNS TABLE (x INT) LANGUAGE PYTHON AS $$1$$", "RETURNS TABLE LANGUAGE PYTHON"),
        ("CREATE FUNCTION f() RETURNS INT LANGUAGE PYTHON HANDLER 'h' AS $$1$$", "HANDLER is not supported"),
        ("SELECT * FROM one()", r"\[NOT_A_TABLE_FUNCTION\]"),
        ("SELECT ones()", r"\[NOT_A_SCALAR_FUNCTION\]"),
        ("SELECT * FROM none_such(1)", r"\[UNRESOLVABLE_TABLE_VALUED_FUNCTION\]"),
        ("DESCRIBE FUNCTION main.default.none_such", r"\[ROUTINE_NOT_FOUND\]"),
    ):
        with pytest.raises(ServerOperationError, match=says):
            sql(statement)
    assert sql("SHOW USER FUNCTIONS IN main.default") == [("main.default.one",), ("main.default.ones",)]
    sql("CREATE TEMPORARY FUNCTION passing_by(x INT) RETURNS INT RETURN x + 1")
    assert sql("SELECT passing_by(1)") == [(2,)]
    assert sql("DESCRIBE FUNCTION abs")[0][0].startswith("Function: abs")


NOTEBOOK = """# Databricks notebook source
# MAGIC %sql
# MAGIC CREATE FUNCTION main.default.twice(x BIGINT) RETURNS BIGINT RETURN x * 2;

# COMMAND ----------
from pyspark.sql import functions as F
spark.sql("CREATE FUNCTION main.default.shout(s STRING) RETURNS STRING LANGUAGE PYTHON AS $$ return s.upper() $$")
frame = spark.range(3).select(F.call_function("main.default.twice", F.col("id")).alias("n"))
assert [row.n for row in frame.collect()] == [0, 2, 4]
assert spark.catalog.functionExists("main.default.twice")
dbutils.notebook.exit(spark.range(1).selectExpr("main.default.shout('done')").first()[0])
"""


def test_a_notebook_makes_and_calls_functions(clean_stack: Stack, workspace: WorkspaceClient) -> None:
    path = "/Workspace/Users/someone/functions"
    workspace.workspace.mkdirs("/Workspace/Users/someone")
    content = base64.b64encode(NOTEBOOK.encode()).decode()
    workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path=path))
    run = workspace.jobs.submit(run_name="functions", tasks=[task]).result()
    (task_run,) = run.tasks or []
    output = workspace.jobs.get_run_output(int(task_run.run_id or 0))
    assert run.state is not None
    assert run.state.result_state is RunResultState.SUCCESS, output.error_trace
    assert output.notebook_output is not None
    assert output.notebook_output.result == "DONE"


def test_functions_call_functions_of_the_catalog(sql: Sql) -> None:
    sql("CREATE SCHEMA main.tools")
    sql("CREATE FUNCTION main.tools.clean(s STRING) RETURNS STRING RETURN lower(trim(s))")
    python = "LANGUAGE PYTHON AS $$return len(s)$$"
    sql(f"CREATE FUNCTION main.tools.size(s STRING, least INT DEFAULT 0) RETURNS INT {python}")
    sql("CREATE FUNCTION main.tools.letters(s STRING) RETURNS TABLE (c STRING) RETURN SELECT explode(split(s, ''))")
    body = "main.tools.clean(s) || `main`.tools.`clean`( 'X' ) || main.tools.size(s) || decimal(1)"
    sql(f"CREATE FUNCTION main.tools.both(s STRING) RETURNS STRING RETURN {body}")
    assert sql("SELECT main.tools.both(' A ')") == [("ax31",)]
    assert sql("DESCRIBE FUNCTION EXTENDED main.tools.both")[-1][0].endswith(body)
    sql("USE main.tools")
    # By what is current when it is made, in expressions, queries and as a table.
    sql("CREATE FUNCTION twice(s STRING) RETURNS STRING RETURN clean(s) || tools.clean(s)")
    sql("CREATE FUNCTION most(s STRING) RETURNS STRING RETURN SELECT max(clean(c)) FROM letters(s)")
    sql("CREATE FUNCTION others(s STRING) RETURNS TABLE (c STRING) RETURN SELECT DISTINCT c FROM main.tools.letters(s)")
    sql("USE hive_metastore.default")
    assert sql("SELECT main.tools.twice('A '), main.tools.most('ABCa ')") == [("aa", "c")]
    assert sorted(sql("SELECT * FROM main.tools.others('aab')")) == [("a",), ("b",)]
    query = "SELECT c FROM main.tools.letters(main.tools.clean(s))"
    with pytest.raises(ServerOperationError, match=r"UNSUPPORTED_SQL_UDF_USAGE.*function `main\.tools\.clean`"):
        sql(f"CREATE FUNCTION main.tools.no(s STRING) RETURNS STRING RETURN {query}")
    with pytest.raises(ServerOperationError, match=r"UNRESOLVED_ROUTINE.*`main`\.`tools`\.`nothing`"):
        sql("CREATE FUNCTION main.tools.lost(s STRING) RETURNS STRING RETURN main.tools.nothing(s)")
