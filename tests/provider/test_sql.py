"""DatabricksSqlOperator, DatabricksCopyIntoOperator and its asset variant, the SQL and the partition sensor."""

from __future__ import annotations

import csv
import json
import re

import pyarrow.parquet as pq
import pytest
from databricks.sdk.service.sql import QueryFilter

SALES = [(1, "north", 1.5), (2, "south", 2.5), (3, "north", None)]


@pytest.fixture
def landing(s3):
    s3.create_bucket(Bucket="landing")
    files = {"sales/a.csv": "1,north", "sales/b.csv": "2,south", "sales/c.csv": "3,west", "words/a.csv": "one,north"}
    for name, row in files.items():
        s3.put_object(Bucket="landing", Key=name, Body=f"id,region\n{row}\n".encode())


def query_ids(result, task_id):
    """The statements of a task, as its log names them."""
    return re.findall(r"Databricks query id: ([0-9a-f-]+)", result.task(task_id).log_text())


def errors(result):
    return {task.task_id: str(task.errors[-1]) for task in result.tasks if task.state == "failed"}


def test_statements_are_run_in_every_way(run, workspace, tmp_path):
    result = run("sql", "sql", conf={"folder": str(tmp_path)})
    assert result.success, result

    def rows(task_id):
        descriptions, found = result.task(task_id).xcom
        return [column[0] for column in descriptions], found

    assert rows("split") == (["b"], [(";",)])
    assert [found for _, found in result.task("every_result").xcom] == [[(1,)], [(2,)]]
    assert rows("parameters") == (["id"], [(2,), (3,)])
    assert rows("by_position") == (["a", "b"], [(1, "x")])
    assert rows("of_a_file") == (["n"], [(2,)])
    assert rows("by_name") == (["n", "zone"], (3, "Asia/Tokyo"))

    with (tmp_path / "sales.csv").open() as file:
        assert [tuple(row.values()) for row in csv.DictReader(file)] == [
            ("1", "north", "1.5"),
            ("2", "south", "2.5"),
            ("3", "north", ""),
        ]
    names = ("id", "region", "amount")
    expected = [dict(zip(names, row, strict=True)) for row in SALES]
    assert json.loads((tmp_path / "sales.json").read_text()) == expected
    assert [json.loads(line) for line in (tmp_path / "sales.jsonl").read_text().splitlines()] == expected
    assert pq.read_table(tmp_path / "sales.parquet").to_pylist() == expected

    # The tags by which Airflow marks its statements, and the operator's own.
    history = workspace.query_history.list(filter_by=QueryFilter(statement_ids=query_ids(result, "by_name"))).res
    tags = {tag.key: tag.value for tag in history[0].query_tags}
    assert (tags["airflow_dag_id"], tags["airflow_task_id"], tags["team"]) == ("sql", "by_name", "energy")


def test_a_statement_that_fails_says_why_in_the_log_of_its_task(run):
    result = run("sql", "sql_that_fails")
    said = errors(result)
    for task_id, *words in (
        ("no_table", "[TABLE_OR_VIEW_NOT_FOUND]", "`main`.`shop`.`nowhere`"),
        ("no_sense", "Error running SQL statement: SELEC 2.", "[PARSE_SYNTAX_ERROR]"),
        ("no_warehouse", "Can't find Databricks SQL warehouse with name 'nobody's'"),
        ("no_parameter", "[UNBOUND_SQL_PARAMETER]", "missing"),
        ("no_rows", "[USER_RAISED_EXCEPTION] no rows today"),
    ):
        for word in words:
            assert word in said[task_id]
            assert word in result.task(task_id).log_text()


def test_files_are_copied_into_tables_in_every_way(run, sql, landing):
    result = run("sql", "copies")
    assert result.success, result
    # Checked, copied, not copied twice, one of them copied by force.
    assert sorted(sql("SELECT * FROM main.shop.files")) == [(1, "north"), (1, "north"), (2, "south")]
    assert sorted(sql("SELECT * FROM main.shop.chosen")) == [(10, "NORTH"), (20, "SOUTH"), (30, "WEST")]
    assert sorted(sql("SELECT * FROM main.shop.asset")) == [(1, "north"), (2, "south"), (3, "west")]

    result = run("sql", "copies_that_fail")
    said = errors(result)
    assert "[DELTA_MISSING_DELTA_TABLE_COPY_INTO]" in said["no_table"]
    assert "nobodys" in said["no_bucket"]
    assert "The value 'one' cannot be cast" in said["not_numbers"]
    assert "s3://landing/words/a.csv" in said["not_numbers"]
    assert "does not match unity_table" in said["other_table"]
    assert len(said) == 4
    assert len(sql("SELECT * FROM main.shop.files")) == 3


def test_sensors_wait_for_rows_and_partitions(run):
    result = run("sql", "sensors")
    assert result.success, result

    result = run("sql", "sensors_that_fail")
    said = errors(result)
    assert "Sensor has timed out" in said["no_rows"]
    assert result.task("skipped").state == "skipped"
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in said["no_table"]
    # The connection's own http_path is not enough for it (sensors/databricks_sql.py of 7.23.0).
    assert "Please specify either http_path or sql_warehouse_name" in said["no_warehouse"]
    assert "Specified partition(s): {'region': 'west'} were not found." in said["no_partition"]
    assert "Column id not part of table partitions: ['region']" in said["no_such_column"]
    assert "Table main.shop.whole does not have partitions" in said["not_partitioned"]
