"""The SQL connector's REST backend (``use_sea``), which always speaks https: over the stack's TLS port."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from databricks import sql as connector
from databricks.sql.exc import ServerOperationError

from harness.stack import Stack

pytestmark = pytest.mark.slow

LONG = "SELECT sum(hash(id)) FROM range(1000000000000)"


@pytest.fixture
def sea(clean_stack: Stack) -> Iterator[Any]:
    """A connection by ``use_sea``."""
    address = urlsplit(clean_stack.workspace_tls_url)
    with connector.connect(
        server_hostname=address.hostname,
        http_path=f"/sql/1.0/warehouses/{clean_stack.warehouse_id}",
        access_token=clean_stack.token,
        _port=address.port,
        _tls_trusted_ca_file=clean_stack.endpoints.ca_bundle,
        use_sea=True,
        enable_telemetry=False,
        session_configuration={"TIMEZONE": "Asia/Tokyo"},
        catalog="main",
    ) as connection:
        yield connection


def run(cursor: Any, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    cursor.execute(statement, parameters)
    return [tuple(row) for row in cursor.fetchall()]


def test_statements_of_a_session_share_its_place_settings_and_views(sea: Any) -> None:
    cursor = sea.cursor()
    run(cursor, "CREATE TEMPORARY VIEW mine AS SELECT 7 AS x, CAST(1.5 AS DECIMAL(5,2)) AS d")
    run(cursor, "USE SCHEMA default")
    query = "SELECT x, CAST(d AS STRING), current_timezone(), current_schema(), :p FROM mine"
    assert run(cursor, query, {"p": "it's"}) == [(7, "1.50", "Asia/Tokyo", "default", "it's")]
    with pytest.raises(ServerOperationError, match="TABLE_OR_VIEW_NOT_FOUND"):
        run(cursor, "SELECT * FROM main.default.nowhere")


@pytest.mark.parametrize("rows", [0, 1, 2_000_000])
def test_linked_results_arrive_whole_and_compressed(sea: Any, rows: int) -> None:
    with sea.cursor() as cursor:
        cursor.execute(f"SELECT id FROM range({rows})")
        table = cursor.fetchall_arrow()
    assert table.num_rows == rows
    if rows:
        assert sum(table.column("id").to_numpy().tolist()) == rows * (rows - 1) // 2


def test_a_statement_runs_on_its_own_and_is_cancelled(sea: Any) -> None:
    cursor = sea.cursor()
    cursor.execute_async(LONG)
    assert cursor.is_query_pending()
    cursor.cancel()
    assert not cursor.is_query_pending()
    assert run(cursor, "SELECT 1") == [(1,)]


def test_a_closed_statement_and_a_closed_session_are_gone(clean_stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {clean_stack.token}"}
    with httpx2.Client(base_url=clean_stack.workspace_url, headers=headers, timeout=60) as http:
        made = http.post("/api/2.0/sql/sessions", json={"warehouse_id": "local"}).json()
        hybrid = {
            "warehouse_id": "local",
            "session_id": made["session_id"],
            "statement": "SELECT 1 AS x",
            "disposition": "INLINE_OR_EXTERNAL_LINKS",
            "format": "ARROW_STREAM",
        }
        answer = http.post("/api/2.0/sql/statements", json=hybrid).json()
        assert answer["result"]["attachment"]
        url = f"/api/2.0/sql/statements/{answer['statement_id']}"
        assert http.request("DELETE", url, json={"statement_id": answer["statement_id"]}).status_code == 200
        assert http.request("GET", url, json={"statement_id": answer["statement_id"]}).json()["status"] == {
            "state": "CLOSED"
        }
        chunk = http.get(f"{url}/result/chunks/0")
        assert (chunk.status_code, chunk.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
        body = {"warehouse_id": "local", "session_id": made["session_id"]}
        assert http.request("DELETE", f"/api/2.0/sql/sessions/{made['session_id']}", json=body).status_code == 200
        for method, path, document in (
            ("GET", url, None),
            ("DELETE", f"/api/2.0/sql/sessions/{made['session_id']}", body),
            ("POST", "/api/2.0/sql/statements", {**body, "statement": "SELECT 1"}),
            ("POST", "/api/2.0/sql/statements", {**body, "session_id": "../x", "statement": "SELECT 1"}),
        ):
            gone = http.request(method, path, json=document)
            assert (gone.status_code, gone.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), path


def test_a_session_that_cannot_be_is_refused(clean_stack: Stack) -> None:
    headers = {"Authorization": f"Bearer {clean_stack.token}"}
    with httpx2.Client(base_url=clean_stack.workspace_url, headers=headers, timeout=60) as http:
        for body, says in (
            ({}, "warehouse_id"),
            ({"warehouse_id": "local", "catalog": "nowhere"}, "Catalog 'nowhere' was not found"),
            ({"warehouse_id": "local", "session_confs": []}, "session_confs"),
            ({"warehouse_id": "local", "color": "red"}, "color"),
        ):
            answer = http.post("/api/2.0/sql/sessions", json=body)
            assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), body
            assert says in answer.json()["message"]
        assert http.post("/api/2.0/sql/sessions", json={"warehouse_id": "elsewhere"}).status_code == 404
    assert clean_stack.control("GET", "status")["sql"]["sessions"] == 0
