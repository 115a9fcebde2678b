"""Query history, by the SDK, over every door."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from databricks import sql as connector
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service.sql import QueryFilter, QueryInfo, QueryStatus, QueryTag, TimeRange

from harness.stack import Stack

pytestmark = pytest.mark.slow

COPY = """COPY INTO main.default.nowhere FROM 's3://b/x' WITH (
  CREDENTIAL (AWS_ACCESS_KEY = 'AKIASECRET', AWS_SECRET_KEY = 'shhh'))
FILEFORMAT = CSV"""


def history(workspace: WorkspaceClient, **options: Any) -> list[QueryInfo]:
    return workspace.query_history.list(**options).res or []


def connect(stack: Stack, **options: Any) -> Any:
    path = f"/sql/1.0/warehouses/{stack.warehouse_id}"
    uri = {"_connection_uri": stack.workspace_url + path, "enable_telemetry": False, "access_token": stack.token}
    return connector.connect(server_hostname="127.0.0.1", http_path=path, **uri, **options)


def test_every_door_is_in_the_history_with_its_tags_and_without_secrets(
    workspace: WorkspaceClient, clean_stack: Stack
) -> None:
    tags = [QueryTag("team", "eng"), QueryTag("nightly")]
    rest = workspace.statement_execution.execute_statement("SELECT 1", "local", query_tags=tags, wait_timeout="50s")
    with connect(clean_stack, query_tags={"dag": "a:b,c", "only": None}) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM range(3)", query_tags={"task": "t"})
        with pytest.raises(Exception, match="nowhere"):
            cursor.execute(COPY)
        cursor.execute("SET spark.hadoop.fs.s3a.secret.key = hidden")
        assert workspace.warehouses.get("local").num_active_sessions == 1
    set_, copied, thrift, by_rest = history(workspace, include_metrics=True)
    assert workspace.warehouses.get("local").num_active_sessions == 0
    assert by_rest.query_id == rest.statement_id
    assert (by_rest.query_text, by_rest.status, by_rest.rows_produced) == ("SELECT 1", QueryStatus.FINISHED, 1)
    assert by_rest.query_tags == tags
    assert by_rest.warehouse_id == "local"
    assert by_rest.is_final
    assert by_rest.metrics is not None
    assert by_rest.metrics.rows_produced_count == 1
    assert thrift.query_tags == [QueryTag("dag", "a:b,c"), QueryTag("only"), QueryTag("task", "t")]
    assert thrift.client_application == "PyDatabricksSqlConnector"
    assert thrift.rows_produced == 3
    assert copied.status is QueryStatus.FAILED
    assert "AKIASECRET" not in str(copied.as_dict())
    assert "AWS_SECRET_KEY = '[REDACTED]'" in str(copied.query_text)
    assert "shhh" not in str(copied.as_dict())
    assert "nowhere" in str(copied.error_message)
    assert set_.query_text == "SET spark.hadoop.fs.s3a.secret.key = [REDACTED]"


def test_a_history_is_filtered_and_paged(workspace: WorkspaceClient, clean_stack: Stack) -> None:
    ids = []
    for statement in ("SELECT 1", "SELECT nope", "SELECT 2"):
        made = workspace.statement_execution.execute_statement(statement, "local", wait_timeout="50s")
        ids.append(str(made.statement_id))
    failed = history(workspace, filter_by=QueryFilter(statuses=[QueryStatus.FAILED]))
    assert [info.query_id for info in failed] == ids[1:2]
    some = history(workspace, filter_by=QueryFilter(statement_ids=[ids[0], ids[2]], warehouse_ids=["local"]))
    assert [info.query_id for info in some] == [ids[2], ids[0]]
    start = int(some[0].query_start_time_ms or 0)
    later = history(workspace, filter_by=QueryFilter(query_start_time_range=TimeRange(start_time_ms=start)))
    assert [info.query_id for info in later] == ids[2:]
    assert history(workspace, filter_by=QueryFilter(warehouse_ids=["elsewhere"])) == []
    assert history(workspace, filter_by=QueryFilter(user_ids=[2])) == []
    first = workspace.query_history.list(max_results=2)
    assert first.has_next_page
    workspace.statement_execution.execute_statement("SELECT 3", "local", wait_timeout="50s")
    second = workspace.query_history.list(max_results=2, page_token=first.next_page_token)
    assert [info.query_id for info in [*(first.res or []), *(second.res or [])]] == ids[::-1]
    headers = {"Authorization": f"Bearer {clean_stack.token}"}
    url = f"{clean_stack.workspace_url}/api/2.0/sql/history/queries"
    body = {"filter_by": {"statement_ids": ids[:1]}, "max_results": 5}
    nested = httpx2.request("GET", url, json=body, headers=headers).json()
    assert [info["query_id"] for info in nested["res"]] == ids[:1]
    for wrong in ({"max_results": 1001}, {"page_token": "x"}, {"filter_by": {"statuses": ["NO"]}}, {"filter_by": 1}):
        answer = httpx2.request("GET", url, json=wrong, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), wrong
    with pytest.raises(InvalidParameterValue):
        workspace.query_history.list(max_results=0)


def test_a_reset_forgets_the_history(workspace: WorkspaceClient, clean_stack: Stack) -> None:
    workspace.statement_execution.execute_statement("SELECT 1", "local", wait_timeout="50s")
    clean_stack.reset()
    assert history(workspace) == []
