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
TIME_TRAVEL = r"\[ROW_LEVEL_SECURITY_COLUMN_MASK_FEATURE_NOT_SUPPORTED.TIME_TRAVEL\].*0A000"
CLONE = r"\[ROW_LEVEL_SECURITY_TABLE_CLONE_SOURCE_NOT_SUPPORTED\].*0A000"
SET_UP = (
    "CREATE FUNCTION main.default.here(region STRING, wanted STRING) RETURNS BOOLEAN RETURN region = wanted",
    "CREATE FUNCTION main.default.hidden(name STRING, id INT) RETURNS STRING RETURN left(name, 1) || repeat('*', id)",
    "CREATE TABLE main.default.people (id INT, name STRING MASK main.default.hidden USING COLUMNS (id), region STRING) "
    "WITH ROW FILTER main.default.here ON (region, 'EU')",
    "INSERT INTO main.default.people VALUES (1, 'Ann', 'EU'), (2, 'Bob', 'US'), (3, 'Eve', 'EU')",
)
SEEN = [(1, "A*", "EU"), (3, "E***", "EU")]

NOTEBOOK = """# Databricks notebook source
from delta.tables import DeltaTable
people = spark.table("main.default.people")
rows = people.collect() + spark.sql("SELECT * FROM main.default.people").collect()
table = DeltaTable.forName(spark, "main.default.people")
said = []
for change in (lambda: table.delete("id = 1"), lambda: table.update("id = 1", {"region": "name"})):
    try:
        change()
    except Exception as error:
        said.append(str(error).partition(" ")[0])
dbutils.notebook.exit(str([sorted({tuple(row) for row in rows}), said]))
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
    refused = "[UNSUPPORTED_FEATURE.TABLE_WITH_ROW_FILTER_OR_COLUMN_MASK]"
    assert output.notebook_output.result == str([SEEN, [refused, refused]]), "Delta's API changes no guarded table"


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


def unguarded(people: Sql) -> list[Any]:
    """The rows as they are kept. The table has no guards after this."""
    people("ALTER TABLE main.default.people DROP ROW FILTER")
    people("ALTER TABLE main.default.people ALTER COLUMN name DROP MASK")
    return people("SELECT * FROM main.default.people ORDER BY id")


def test_update_and_delete_reach_only_rows_that_are_seen_and_read_masked_values(people: Sql) -> None:
    assert people("DELETE FROM main.default.people WHERE name = 'Ann' OR id = 2") == [(0,)]
    assert people("UPDATE main.default.people SET id = id + 10 WHERE name = 'A*'") == [(1,)]
    assert people("UPDATE main.default.people AS p SET region = p.name WHERE p.id IN (SELECT 11)") == [(1,)]
    people("CREATE TABLE main.default.others AS SELECT * FROM VALUES (3), (11) AS t(id)")
    assert people("DELETE FROM main.default.people WHERE id NOT IN (SELECT id FROM main.default.others)") == [(0,)]
    assert people("DELETE FROM main.default.people") == [(1,)]
    assert unguarded(people) == [(2, "Bob", "US"), (11, "Ann", "A***********")]


def test_merge_reaches_only_rows_that_are_seen_and_reads_masked_values(people: Sql) -> None:
    merged = people(
        "MERGE INTO main.default.people AS t USING (SELECT * FROM VALUES (1, 'A*'), (2, 'Bob') AS v(id, name)) AS s "
        "ON s.id = t.id AND s.name = t.name WHEN MATCHED AND t.name LIKE '%*' THEN UPDATE SET region = t.name "
        "WHEN NOT MATCHED THEN INSERT (id, name, region) VALUES (s.id, s.name, 'new') "
        "WHEN NOT MATCHED BY SOURCE AND t.name = 'E***' THEN UPDATE SET id = 33 WHEN NOT MATCHED BY SOURCE THEN DELETE"
    )
    assert merged == [(3, 2, 0, 1)], "affected, updated, deleted, inserted"
    assert unguarded(people) == [(1, "Ann", "A*"), (2, "Bob", "US"), (2, "Bob", "new"), (33, "Eve", "EU")]


def test_policies_that_are_more_than_an_expression_are_for_reading_only(people: Sql) -> None:
    people("CREATE TABLE main.default.allowed AS SELECT 'EU' AS region")
    people(
        "CREATE FUNCTION main.default.listed(wanted STRING) RETURNS BOOLEAN "
        "RETURN EXISTS (SELECT 1 FROM main.default.allowed WHERE region = wanted)"
    )
    people("ALTER TABLE main.default.people SET ROW FILTER main.default.listed ON (region)")
    assert people("SELECT * FROM main.default.people ORDER BY id") == SEEN
    for statement, refused in (
        ("DELETE FROM main.default.people WHERE id = 1", REFUSED),
        ("UPDATE main.default.people SET id = 0", REFUSED),
        (
            "MERGE INTO main.default.people AS t USING (SELECT 1 AS id) AS s ON s.id = t.id WHEN MATCHED THEN DELETE",
            r"\[ROW_LEVEL_SECURITY_MERGE_UNSUPPORTED_TARGET\].*0A000",
        ),
    ):
        with pytest.raises(ServerOperationError, match=refused):
            people(statement)


def test_what_would_show_or_change_hidden_rows_is_refused(people: Sql) -> None:
    people("CREATE TABLE main.default.other (id INT, name STRING, region STRING)")
    for statement, refused in (
        ("SELECT * FROM main.default.people VERSION AS OF 1", TIME_TRAVEL),
        ("SELECT * FROM main.default.people@v1", TIME_TRAVEL),
        ("SELECT * FROM table_changes('main.default.people', 0)", REFUSED),
        ("INSERT INTO main.default.people REPLACE WHERE id = 2 SELECT 2, 'x', 'EU'", REFUSED),
        ("CREATE TABLE main.default.clone CLONE main.default.people", CLONE),
        ("CREATE TABLE main.default.clone SHALLOW CLONE main.default.people", CLONE),
        (
            "CREATE OR REPLACE TABLE main.default.people CLONE main.default.other",
            r"\[ROW_LEVEL_SECURITY_TABLE_CLONE_TARGET_NOT_SUPPORTED\].*0A000",
        ),
    ):
        with pytest.raises(ServerOperationError, match=refused):
            people(statement)
    assert len(unguarded(people)) == 3
    people("ALTER TABLE main.default.people ALTER COLUMN name SET MASK main.default.hidden USING COLUMNS (id)")
    with pytest.raises(ServerOperationError, match=r"\[COLUMN_MASKS_FEATURE_NOT_SUPPORTED.TIME_TRAVEL\].*0A000"):
        people("SELECT * FROM main.default.people VERSION AS OF 1")


def test_a_table_that_is_replaced_keeps_its_guards(people: Sql) -> None:
    people("CREATE OR REPLACE TABLE main.default.people AS SELECT 1 AS id, 'Ann' AS name, 'US' AS region")
    assert people("SELECT * FROM main.default.people") == []


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
