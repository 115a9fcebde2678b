"""What is wrong with a pipeline is said, with its place, and nothing half done is called a success."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from databricks.sdk.errors import NotFound

from tests.pipelines.conftest import Make, Pipelines

CHECKED = """
from pyspark import pipelines as dp

@dp.materialized_view
@dp.expect_or_fail("few", "id < 3")
def checked():
    return spark.table("main.sales.source")

@dp.materialized_view
def after():
    return spark.table("checked")

@dp.materialized_view
def beside():
    return spark.table("main.sales.source")
"""


def test_a_failed_expectation_changes_no_table_and_skips_what_reads_it(pipelines: Pipelines, sql: Any) -> None:
    sql("CREATE SCHEMA main.sales")
    sql("CREATE TABLE main.sales.source AS SELECT id FROM range(3)")
    id = pipelines.make({"checked.py": CHECKED})
    assert pipelines.update(id).state.value == "COMPLETED", pipelines.errors(id)
    sql("INSERT INTO main.sales.source VALUES (7)")
    assert pipelines.update(id).state.value == "FAILED"
    tables = [len(pipelines.rows(f"main.sales.{name}")) for name in ("checked", "after", "beside")]
    assert tables == [3, 3, 4]
    (failed,) = pipelines.flows(id, "FAILED").values()
    (error,) = failed["error"]["exceptions"]
    assert error["message"] == (
        "[EXPECTATION_VIOLATION.VERBOSITY_ALL] Flow 'main.sales.checked' failed to meet the expectation. "
        "Violated expectations: 'few'. Input data: '{\"id\":7}'."
    )
    place = {"file_name": "/Workspace/Users/harness@localhost/pipelines/1/checked.py", "line_number": 4}
    assert error["stack"] == [place]
    assert list(pipelines.flows(id, "SKIPPED")) == ["main.sales.after"]
    read = pipelines.w.pipelines.get(id)
    assert (read.state.value, read.health.value) == ("IDLE", "UNHEALTHY")
    assert [each.state.value for each in read.latest_updates] == ["FAILED", "COMPLETED"]


HEAD = "from pyspark import pipelines as dp\n"
GOOD = '@dp.materialized_view\ndef good():\n    return spark.sql("SELECT 1 AS one")\n'
BROKEN = {
    "syntax": (f"{HEAD}def broken(:\n", "invalid syntax", 2),
    "cycle": (
        f'{HEAD}@dp.materialized_view\ndef a():\n    return spark.table("b")\n'
        '@dp.materialized_view\ndef b():\n    return spark.table("main.sales.a")\n',
        "[PIPELINE_GRAPH_NOT_TOPOLOGICALLY_SORTED] There is a cycle between main.sales.b and main.sales.a: "
        "main.sales.a reads main.sales.b reads main.sales.a.",
        5,
    ),
    "column": (
        f'{HEAD}{GOOD}@dp.materialized_view\ndef bad():\n    return spark.table("good").select("two")\n',
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION]",
        7,
    ),
    "table": (f'{HEAD}@dp.table\ndef t():\n    return spark.table("nowhere")\n', "[TABLE_OR_VIEW_NOT_FOUND]", 4),
    "expectation": (
        f'{HEAD}@dp.materialized_view\n@dp.expect("odd", "nosuch > 1")\ndef t():\n    return spark.range(1)\n',
        "[UNRESOLVED_COLUMN.WITH_SUGGESTION]",
        2,
    ),
    "nothing": (f"{HEAD}@dp.table\ndef t():\n    pass\n", "[INVALID_QUERY_RESULT]", 2),
    "batch": (
        f'{HEAD}dp.create_streaming_table("t")\n@dp.append_flow(target="t")\ndef f():\n    return spark.range(1)\n',
        "[INVALID_FLOW_QUERY_TYPE.BATCH_RELATION_FOR_STREAMING_TABLE]",
        3,
    ),
    "snapshots": (
        f'{HEAD}\ndp.create_auto_cdc_from_snapshot_flow(target="t")\n',
        "pipelines.create_auto_cdc_from_snapshot_flow is not supported",
        3,
    ),
    "changes": (
        f'{HEAD}dp.create_streaming_table("t")\n'
        'dp.create_auto_cdc_flow(target="t", source="main.sales.feed", keys=["id"], sequence_by="at",\n'
        '    stored_as_scd_type=2, apply_as_truncates="true")\n',
        "APPLY AS TRUNCATE is for SCD type 1 only",
        3,
    ),
    "option": (f"{HEAD}@dp.table(nosuch=1)\ndef t():\n    pass\n", "unexpected keyword argument 'nosuch'", 2),
    "filter": (f'{HEAD}\n\n@dp.table(row_filter="f")\ndef t():\n    pass\n', "pipelines.table(row_filter=…) is not", 4),
    "write": (
        f'{HEAD}@dp.table\ndef t():\n    return spark.sql("DROP TABLE main.sales.x")\n',
        "[UNSUPPORTED_PIPELINE_SPARK_SQL_COMMAND] 'DROP'",
        4,
    ),
    "twice": (f"{HEAD}{GOOD}{GOOD}", "[PIPELINE_DUPLICATE_IDENTIFIERS.OUTPUT]", 5),
    "empty": (HEAD, "[RUN_EMPTY_PIPELINE]", 0),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_pipeline_that_cannot_be_run_says_where(pipelines: Pipelines, name: str) -> None:
    source, message, line = BROKEN[name]
    id = pipelines.make({"source.py": source})
    assert pipelines.update(id).state.value == "FAILED"
    error = pipelines.errors(id)[-1]
    assert message in error["message"]
    assert [frame["line_number"] for frame in error["stack"][:1]] == ([line] if line else [])
    with pytest.raises(NotFound):
        pipelines.w.tables.get("main.sales.good")


def test_an_update_that_only_validates_makes_no_table(pipelines: Pipelines) -> None:
    id = pipelines.make({"source.py": HEAD + GOOD})
    update = pipelines.update(id, validate_only=True)
    assert (update.state.value, update.validate_only) == ("COMPLETED", True), pipelines.errors(id)
    assert [schema.name for schema in pipelines.w.schemas.list("main")] == ["default"]
    kinds = {event["event_type"] for event in pipelines.events(id)}
    assert kinds == {"create_update", "update_progress", "dataset_definition", "flow_definition"}


def test_a_table_of_another_pipeline_is_left_alone(pipelines: Pipelines, sql: Any) -> None:
    first, second = (pipelines.make({"source.py": HEAD + GOOD}) for _ in range(2))
    assert pipelines.update(first).state.value == "COMPLETED", pipelines.errors(first)
    assert pipelines.update(second).state.value == "FAILED"
    assert pipelines.errors(second)[-1]["message"].startswith("[TABLE_ALREADY_MANAGED_BY_OTHER_PIPELINE]")
    sql("CREATE TABLE main.sales.mine (one INT)")
    third = pipelines.make({"source.py": (HEAD + GOOD).replace("good", "mine")})
    assert pipelines.update(third).state.value == "FAILED"
    assert pipelines.errors(third)[-1]["message"].startswith("[TABLE_OR_VIEW_ALREADY_EXISTS]")
    # A pipeline that is deleted takes its tables along, and no other one.
    pipelines.w.pipelines.delete(first)
    assert [table.name for table in pipelines.w.tables.list("main", "sales")] == ["mine"]


WAITING = """
import dlt, os
@dlt.table
def waits():
    open("{fifo}").read()
    return spark.range(1)
"""


def test_a_stopped_update_is_canceled(pipelines: Pipelines, tmp_path: Any) -> None:
    import os

    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    id = pipelines.make({"source.py": WAITING.replace("{fifo}", str(fifo))})
    ended: list[Any] = []
    thread = threading.Thread(target=lambda: ended.append(pipelines.update(id)))
    thread.start()
    with fifo.open("w"):  # opens when the query is being asked
        assert pipelines.w.pipelines.get(id).state.value in ("STARTING", "RUNNING")
        pipelines.w.pipelines.stop_and_wait(id)
    thread.join()
    assert [update.state.value for update in ended] == ["CANCELED"]
    assert pipelines.events(id)[-1]["message"] == "Update is CANCELED."


def test_a_source_that_does_not_exist_fails_the_update(pipelines: Pipelines, make_notebook: Make) -> None:
    id = pipelines.make({}, libraries=[{"notebook": {"path": "/Users/me/nowhere"}}])
    assert pipelines.update(id).state.value == "FAILED"
    assert "Unable to access the notebook '/Users/me/nowhere'" in pipelines.errors(id)[-1]["message"]
