"""Volumes in SQL: their statements, and their files through databricks-sql-connector, unmodified, and `%sql`."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from databricks import sql as connector
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs as sdk
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks.sql.exc import ServerOperationError

from harness.stack import Stack

pytestmark = pytest.mark.slow

HOME = "/Users/harness@localhost"
CELL = "\n# COMMAND ----------\n"
Connect = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def w(clean_stack: Stack) -> WorkspaceClient:
    return WorkspaceClient(host=clean_stack.workspace_url, token=clean_stack.token)


@pytest.fixture
def connect(clean_stack: Stack) -> Connect:
    """Makes a connection to the warehouse."""

    def connect(**options: Any) -> Any:
        path = f"/sql/1.0/warehouses/{clean_stack.warehouse_id}"
        options = {"_connection_uri": clean_stack.workspace_url + path, "enable_telemetry": False, **options}
        return connector.connect(server_hostname="127.0.0.1", http_path=path, access_token=clean_stack.token, **options)

    return connect


@pytest.fixture
def cursor(connect: Connect) -> Iterator[Any]:
    with connect() as connection, connection.cursor() as cursor:
        yield cursor


def run(cursor: Any, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    cursor.execute(statement, parameters)
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def test_volumes_are_made_shown_changed_and_dropped(cursor: Any, w: WorkspaceClient, tmp_path: Path) -> None:
    run(cursor, "CREATE VOLUME IF NOT EXISTS main.default.Raw COMMENT 'in'")
    run(cursor, "CREATE VOLUME IF NOT EXISTS raw")  # of the current schema, and there already
    with pytest.raises(ServerOperationError, match="VOLUME_ALREADY_EXISTS"):
        run(cursor, "CREATE VOLUME raw")
    run(cursor, f"CREATE EXTERNAL VOLUME main.default.theirs LOCATION 'file:{tmp_path}'")
    assert w.volumes.read("main.default.theirs").volume_type is VolumeType.EXTERNAL
    for wrong in (
        "CREATE VOLUME v LOCATION 's3://b/x'",
        "CREATE EXTERNAL VOLUME v",
        "ALTER VOLUME raw SET LOCATION 'x'",
    ):
        with pytest.raises(ServerOperationError, match="PARSE_SYNTAX_ERROR"):
            run(cursor, wrong)
    assert run(cursor, "SHOW VOLUMES IN main.default") == [("default", "raw"), ("default", "theirs")]
    assert run(cursor, "SHOW VOLUMES LIKE 'r*|x'") == [("default", "raw")]
    cursor.execute("DESCRIBE VOLUME main.default.raw")
    described = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    assert (described["name"], described["volumeType"], described["comment"]) == ("raw", "MANAGED", "in")
    assert described["storageLocation"] == w.volumes.read("main.default.raw").storage_location
    with pytest.raises(ServerOperationError, match="another schema"):
        run(cursor, "ALTER VOLUME raw RENAME TO main.elsewhere.cooked")
    run(cursor, "ALTER VOLUME raw RENAME TO main.default.cooked")
    run(cursor, "COMMENT ON VOLUME cooked IS 'out'")
    run(cursor, "ALTER VOLUME cooked SET OWNER TO `you@example.com`")
    cooked = w.volumes.read("main.default.cooked")
    assert (cooked.comment, cooked.owner) == ("out", "you@example.com")
    run(cursor, "DROP VOLUME cooked")
    run(cursor, "DROP VOLUME IF EXISTS cooked")
    with pytest.raises(ServerOperationError, match="VOLUME_DOES_NOT_EXIST"):
        run(cursor, "DROP VOLUME cooked")
    with pytest.raises(ServerOperationError, match="SCHEMA_NOT_FOUND"):
        run(cursor, "CREATE VOLUME main.nowhere.v")


def test_volumes_have_privileges_and_tags(cursor: Any, w: WorkspaceClient) -> None:
    run(cursor, "CREATE VOLUME main.default.raw")
    run(cursor, "GRANT READ VOLUME, WRITE VOLUME ON VOLUME main.default.raw TO `analysts`")
    run(cursor, "REVOKE WRITE VOLUME ON VOLUME main.default.raw FROM `analysts`")
    shown = [("analysts", "READ VOLUME", "VOLUME", "main.default.raw")]
    assert run(cursor, "SHOW GRANTS `analysts` ON VOLUME main.default.raw") == shown
    run(cursor, "ALTER VOLUME main.default.raw SET TAGS ('team' = 'ingest', 'pii')")
    run(cursor, "ALTER VOLUME main.default.raw UNSET TAGS ('pii')")
    run(cursor, "ALTER VOLUME main.default.raw RENAME TO cooked")
    tags = w.entity_tag_assignments.list("volumes", "main.default.cooked")
    assert [(tag.tag_key, tag.tag_value) for tag in tags] == [("team", "ingest")]
    assert run(cursor, "SHOW GRANTS `analysts` ON VOLUME cooked")[0][1] == "READ VOLUME"


def test_list_shows_a_folder_of_a_volume(cursor: Any, w: WorkspaceClient) -> None:
    run(cursor, "CREATE VOLUME main.default.raw")
    w.files.upload("/Volumes/main/default/raw/in/a b.csv", io.BytesIO(b"id\n1\n"))
    rows = run(cursor, "LIST '/Volumes/main/default/RAW'")
    assert [row[:3] for row in rows] == [("/Volumes/main/default/RAW/in/", "in/", 0)]
    rows = run(cursor, "LIST 'dbfs:/Volumes/main/default/raw/in' LIMIT 5")
    assert [row[:3] for row in rows] == [("dbfs:/Volumes/main/default/raw/in/a b.csv", "a b.csv", 5)]
    for missing in ("/Volumes/main/default/nowhere", "/Volumes/main/default/raw/out"):
        with pytest.raises(ServerOperationError, match="PATH_NOT_FOUND"):
            run(cursor, f"LIST '{missing}'")


NOTEBOOK = [
    "# MAGIC %sql\n# MAGIC CREATE VOLUME main.default.nb",
    'dbutils.fs.put("/Volumes/main/default/nb/a.csv", "id,name\\n1,x\\n")',
    "# MAGIC %sql\n# MAGIC LIST '/Volumes/main/default/nb'",
    'assert [(row.name, row.size) for row in _sqldf.collect()] == [("a.csv", 12)], _sqldf.collect()',
    'assert [row.volume_name for row in spark.sql("SHOW VOLUMES IN main.default").collect()] == ["nb"]',
]


def test_a_notebook_makes_and_lists_a_volume(w: WorkspaceClient) -> None:
    source = base64.b64encode(("# Databricks notebook source\n" + CELL.join(NOTEBOOK)).encode()).decode()
    w.workspace.import_(f"{HOME}/nb", content=source, language=Language.PYTHON, format=ImportFormat.SOURCE)
    run = w.jobs.submit(tasks=[sdk.SubmitTask(task_key="t", notebook_task=sdk.NotebookTask(f"{HOME}/nb"))]).result()
    assert run.state is not None
    assert run.state.result_state is sdk.RunResultState.SUCCESS, run.state.state_message
    assert w.files.download("/Volumes/main/default/nb/a.csv").contents.read() == b"id,name\n1,x\n"
