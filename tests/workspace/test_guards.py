"""Row filters and column masks, whoever reads the table by whatever door."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks.sql.exc import ServerOperationError

from harness.stack import Stack

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]
REFUSED = r"\[UNSUPPORTED_FEATURE.TABLE_WITH_ROW_FILTER_OR_COLUMN_MASK\].*0A000"
SET_UP = (
    "CREATE FUNCTION main.default.here(region STRING, wanted STRING) RETURNS BOOLEAN RETURN region = wanted",
    "CREATE FUNCTION main.default.hidden(name STRING, id INT) RETURNS STRING RETURN left(name, 1) || repeat('*', id)",
    "CREATE TABLE main.default.people (id INT, name STRING MASK main.default.hidden USING COLUMNS (id), region STRING) "
    "WITH ROW FILTER main.default.here ON (region, 'EU')",
    "INSERT INTO main.default.people VALUES (1, 'Ann', 'EU'), (2, 'Bob', 'US'), (3, 'Eve', 'EU')",
)
SEEN = [(1, "A*", "EU"), (3, "E***", "EU")]

NOTEBOOK = """# Databricks notebook source
people = spark.table("main.default.people")
rows = people.collect() + spark.sql("SELECT * FROM main.default.people").collect()
dbutils.notebook.exit(str(sorted({tuple(row) for row in rows})))
"""


@pytest.fixture
def people(sql: Sql) -> Sql:
    """A table with a row filter and a column mask."""
    for statement in SET_UP:
        sql(statement)
    return sql


def test_rows_are_filtered_and_values_masked_in_every_query(people: Sql) -> None:
    assert people("SELECT * FROM main.default.people ORDER BY id") == SEEN
    people("USE main.default")
    assert people("SELECT people.name FROM people WHERE main.default.people.id = 3") == [("E***",)]
    assert people("SELECT count(*) FROM range(1) WHERE EXISTS (SELECT 1 FROM people WHERE region = 'US')") == [(0,)]
    people("CREATE VIEW main.default.seen AS SELECT name FROM main.default.people")
    assert sorted(people("SELECT * FROM main.default.seen")) == [("A*",), ("E***",)]
    people("CREATE TABLE main.default.copy AS SELECT * FROM people")
    assert sorted(people("SELECT * FROM copy")) == SEEN
    assert people("BEGIN SELECT max(name) FROM people; END") == [("E***",)]


def test_information_schema_tells_of_filters_and_masks(people: Sql) -> None:
    filters = "SELECT table_name, filter_schema, filter_name, target_columns FROM main.information_schema.row_filters"
    assert people(filters) == [("people", "default", "here", "region")]
    masks = "SELECT table_name, column_name, mask_catalog, mask_name, using_columns FROM "
    said = ("people", "name", "main", "hidden", "id")
    assert people(masks + "main.information_schema.column_masks") == [said]
    assert said in people(masks + "system.information_schema.column_masks")
    people("ALTER TABLE main.default.people DROP ROW FILTER")
    assert people(filters) == []


def test_statement_execution_and_notebooks_see_no_more(
    people: Sql, clean_stack: Stack, workspace: WorkspaceClient
) -> None:
    answer = workspace.statement_execution.execute_statement(
        "SELECT * FROM main.default.people ORDER BY id", clean_stack.warehouse_id, wait_timeout="50s"
    )
    assert answer.result is not None
    assert answer.result.data_array == [[str(id_), name, region] for id_, name, region in SEEN]
    workspace.workspace.mkdirs("/Workspace/Users/someone")
    path, content = "/Workspace/Users/someone/reads", base64.b64encode(NOTEBOOK.encode()).decode()
    workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path=path))
    run = workspace.jobs.submit(run_name="reads", tasks=[task]).result()
    (task_run,) = run.tasks or []
    output = workspace.jobs.get_run_output(int(task_run.run_id or 0))
    assert output.notebook_output is not None
    assert output.notebook_output.result == str(SEEN)


def test_the_api_tells_them_and_they_can_be_taken_off(people: Sql, workspace: WorkspaceClient) -> None:
    table = workspace.tables.get("main.default.people")
    assert table.row_filter is not None
    assert (table.row_filter.function_name, table.row_filter.input_column_names) == ("main.default.here", ["region"])
    masks = {column.name: column.mask for column in table.columns or []}
    assert masks["id"] is None
    assert masks["name"] is not None
    assert (masks["name"].function_name, masks["name"].using_column_names) == ("main.default.hidden", ["id"])
    people("ALTER TABLE main.default.people DROP ROW FILTER")
    assert people("SELECT count(*) FROM main.default.people") == [(3,)]
    people("ALTER TABLE main.default.people ALTER COLUMN name DROP MASK")
    assert people("SELECT name FROM main.default.people WHERE id = 2") == [("Bob",)]
    people("ALTER TABLE main.default.people SET ROW FILTER main.default.here ON (region, 'US')")
    people("ALTER TABLE main.default.people ALTER COLUMN name SET MASK main.default.hidden USING COLUMNS (id)")
    assert people("SELECT * FROM main.default.people") == [(2, "B**", "US")]
    people("DROP TABLE main.default.people")
    people("UNDROP TABLE main.default.people")
    assert people("SELECT * FROM main.default.people") == [(2, "B**", "US")]


def test_what_would_show_or_change_hidden_rows_is_refused(people: Sql) -> None:
    for statement in (
        "SELECT * FROM main.default.people VERSION AS OF 1",
        "SELECT * FROM main.default.people@v1",
        "SELECT * FROM table_changes('main.default.people', 0)",
        "UPDATE main.default.people SET name = 'x'",
        "DELETE FROM main.default.people WHERE id = 1",
        "DELETE FROM main.default.people WHERE id IN (SELECT 1)",
        "MERGE INTO main.default.people AS t USING (SELECT 1 AS id) AS s ON s.id = t.id WHEN MATCHED THEN DELETE",
        "CREATE TABLE main.default.clone CLONE main.default.people",
        "CREATE TABLE main.default.clone SHALLOW CLONE main.default.people",
    ):
        with pytest.raises(ServerOperationError, match=REFUSED):
            people(statement)


def test_bad_functions_and_columns_are_refused_and_nothing_is_made(sql: Sql) -> None:
    sql(SET_UP[0])
    with pytest.raises(ServerOperationError, match=r"\[ROUTINE_NOT_FOUND\].*42883"):
        sql("CREATE TABLE main.default.t (id INT MASK main.default.absent)")
    sql("CREATE TABLE main.default.t (mask STRING, row INT, s STRUCT<mask: INT>)")
    with pytest.raises(ServerOperationError, match=r"\[COLUMN_NOT_FOUND_IN_TABLE\]"):
        sql("ALTER TABLE main.default.t SET ROW FILTER main.default.here ON (absent, 'EU')")
    with pytest.raises(ServerOperationError, match="is not supported by the local harness"):
        sql("CREATE TABLE main.default.u WITH ROW FILTER main.default.here ON (a, 'EU') AS SELECT 'EU' AS a")
    assert sql("SELECT count(*) FROM main.default.t") == [(0,)]
