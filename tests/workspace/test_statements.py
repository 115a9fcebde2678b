"""Statement Execution, through the SDK and Airflow's operators; raw requests for what they would not send."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pendulum
import pyarrow as pa
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, ResourceDoesNotExist
from databricks.sdk.service.sql import (
    Disposition,
    ExecuteStatementRequestOnWaitTimeout,
    Format,
    StatementParameterListItem,
    StatementResponse,
    StatementState,
)

from harness.stack import Stack

pytestmark = pytest.mark.slow

# Minutes; not to be folded away.
LONG = "SELECT sum(hash(id)) FROM range(1000000000000)"
OPERATOR = "databricks-airflow/7.23.0 operator/DatabricksSQLStatementsOperator"


@pytest.fixture
def http(clean_stack: Stack) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {clean_stack.token}"}
    with httpx2.Client(base_url=clean_stack.workspace_url, headers=headers, timeout=120) as client:
        yield client


def execute(workspace: WorkspaceClient, statement: str, **options: Any) -> StatementResponse:
    options = {"wait_timeout": "50s", **options}
    return workspace.statement_execution.execute_statement(statement, "local", **options)


def rows(answer: StatementResponse) -> list[list[str]]:
    assert answer.status is not None
    assert answer.status.state is StatementState.SUCCEEDED, answer.status
    assert answer.result is not None
    return answer.result.data_array or []


def test_rows_come_as_strings_with_their_types_beside_them(workspace: WorkspaceClient) -> None:
    expressions = {
        "l": "1L",
        "d": "CAST(1.5 AS DECIMAL(10,2))",
        "t": "TIMESTAMP'2026-01-02 03:04:05'",
        "b": "true",
        "x": "X'00FF'",
        "a": "array(1, NULL)",
        "m": "map('k', 1)",
        "s": "named_struct('a', 1.5D)",
        "n": "NULL",
    }
    answer = execute(workspace, "SELECT " + ", ".join(f"{text} AS {name}" for name, text in expressions.items()))
    assert rows(answer) == [
        ["1", "1.50", "2026-01-02T03:04:05.000Z", "true", "AP8=", "[1,null]", '{"k":1}', '{"a":1.5}', None]
    ]
    assert answer.manifest is not None
    assert answer.manifest.schema is not None
    columns = answer.manifest.schema.columns or []
    types = [(c.name, c.type_name.value if c.type_name else None, c.type_text) for c in columns]
    assert types[:4] == [
        ("l", "LONG", "BIGINT"),
        ("d", "DECIMAL", "DECIMAL(10,2)"),
        ("t", "TIMESTAMP", "TIMESTAMP"),
        ("b", "BOOLEAN", "BOOLEAN"),
    ]
    assert (columns[1].type_precision, columns[1].type_scale) == (10, 2)


def test_a_statement_has_parameters_and_a_place(workspace: WorkspaceClient) -> None:
    execute(workspace, "CREATE SCHEMA main.placed")
    parameters = [
        StatementParameterListItem("n", type="INT", value="3"),
        StatementParameterListItem("s", value="it's"),
        StatementParameterListItem("z"),
    ]
    statement = "SELECT :n + 1, :s, :z, current_schema()"
    answer = execute(workspace, statement, parameters=parameters, catalog="main", schema="placed")
    assert rows(answer) == [["4", "it's", None, "placed"]]
    bad = execute(workspace, "SELECT :n", parameters=[StatementParameterListItem("n", type="INT", value="x")])
    assert bad.status is not None
    assert bad.status.error is not None
    assert "CAST_INVALID_INPUT" in str(bad.status.error.message)


def test_a_failed_statement_is_an_answer_not_an_error(workspace: WorkspaceClient) -> None:
    answer = execute(workspace, "SELECT * FROM main.default.nowhere")
    assert answer.status is not None
    assert answer.status.state is StatementState.FAILED
    assert answer.status.error is not None
    assert answer.status.error.error_code is not None
    assert answer.status.error.error_code.value == "BAD_REQUEST"
    assert "[TABLE_OR_VIEW_NOT_FOUND]" in str(answer.status.error.message)
    assert answer.status.sql_state == "42P01"
    assert answer.result is None


def test_large_results_come_in_chunks(workspace: WorkspaceClient) -> None:
    answer = execute(workspace, "SELECT id FROM range(1500000)")
    values = [int(row[0]) for row in rows(answer)]
    assert answer.manifest is not None
    assert answer.manifest.total_row_count == 1_500_000
    chunk = answer.result
    while chunk is not None and chunk.next_chunk_index is not None:
        chunk = workspace.statement_execution.get_statement_result_chunk_n(
            str(answer.statement_id), chunk.next_chunk_index
        )
        values += [int(row[0]) for row in chunk.data_array or []]
    assert sum(values) == 1_500_000 * 1_499_999 // 2


def test_results_are_linked_as_arrow_streams_when_asked(workspace: WorkspaceClient) -> None:
    linked = {"disposition": Disposition.EXTERNAL_LINKS, "format": Format.ARROW_STREAM}
    answer = execute(workspace, "SELECT id FROM range(5)", **linked)
    assert answer.result is not None
    assert answer.result.external_links
    # As a presigned URL: without the token.
    body = httpx2.get(str(answer.result.external_links[0].external_link)).raise_for_status().content
    assert pa.ipc.open_stream(body).read_all().to_pydict() == {"id": [0, 1, 2, 3, 4]}


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (Format.JSON_ARRAY, b'[["0","a,\xc3\xa9",null],["1","a,\xc3\xa9",null]]'),
        (Format.CSV, b'id,s,n\r\n0,"a,\xc3\xa9",null\r\n1,"a,\xc3\xa9",null\r\n'),
    ],
)
def test_results_are_linked_as_json_and_csv_too(workspace: WorkspaceClient, form: Format, content: bytes) -> None:
    linked = {"disposition": Disposition.EXTERNAL_LINKS, "format": form}
    answer = execute(workspace, "SELECT id, 'a,é' AS s, NULL AS n FROM range(2)", **linked)
    assert answer.manifest is not None
    assert answer.manifest.format is form
    assert answer.result is not None
    assert answer.result.external_links
    link = answer.result.external_links[0]
    assert answer.manifest.total_byte_count == link.byte_count
    assert httpx2.get(str(link.external_link)).raise_for_status().content == content


def test_a_byte_limit_cuts_and_an_inline_result_has_at_most_25_mib(workspace: WorkspaceClient) -> None:
    """docs: ``byte_limit`` truncates; without it an inline result beyond the limit is aborted."""
    answer = execute(workspace, "SELECT id FROM range(1000)", byte_limit=80)
    assert len(rows(answer)) == 10
    assert answer.manifest is not None
    assert answer.manifest.truncated is True
    wide = "SELECT repeat('x', 1024) AS x FROM range(26000)"
    aborted = execute(workspace, wide)
    assert aborted.status is not None
    assert aborted.status.state is StatementState.FAILED
    assert aborted.status.error is not None
    assert "Inline byte limit exceeded" in str(aborted.status.error.message)
    assert "disposition=EXTERNAL_LINKS" in str(aborted.status.error.message)
    linked = execute(workspace, wide, disposition=Disposition.EXTERNAL_LINKS)
    assert linked.manifest is not None
    assert linked.manifest.total_row_count == 26000
    assert [c.row_count for c in linked.manifest.chunks or []][:1] == [linked.result.external_links[0].row_count]  # type: ignore[union-attr,index]


def test_what_gives_no_rows_has_a_manifest_all_the_same(workspace: WorkspaceClient) -> None:
    made = execute(workspace, "CREATE TABLE main.default.empty (id INT) USING DELTA")
    assert rows(made) == []
    assert made.manifest is not None
    assert (made.manifest.total_row_count, made.manifest.total_chunk_count, made.manifest.truncated) == (0, 0, False)
    assert made.manifest.schema is not None
    assert made.manifest.schema.column_count == 0
    read = execute(workspace, "SELECT * FROM main.default.empty")
    assert rows(read) == []
    assert read.manifest is not None
    assert read.manifest.schema is not None
    assert [c.name for c in read.manifest.schema.columns or []] == ["id"]


def test_a_decimal_parameter_has_the_size_of_its_type(workspace: WorkspaceClient) -> None:
    def answer(value: str) -> StatementResponse:
        parameter = StatementParameterListItem("d", type="DECIMAL(6,2)", value=value)
        return execute(workspace, "SELECT :d", parameters=[parameter])

    assert rows(answer("1.5")) == [["1.50"]]
    too_large = answer("12345.6").status
    assert too_large is not None
    assert too_large.state is StatementState.FAILED


def test_a_row_limit_says_when_it_cut(workspace: WorkspaceClient) -> None:
    for statement, truncated in (("SELECT id FROM range(5)", True), ("SELECT id FROM range(3)", False)):
        answer = execute(workspace, statement, row_limit=3)
        assert len(rows(answer)) == 3
        assert answer.manifest is not None
        assert answer.manifest.truncated is truncated


def test_statements_are_cancelled_by_call_and_by_timeout(workspace: WorkspaceClient) -> None:
    answer = execute(workspace, LONG, wait_timeout="0s")
    assert answer.status is not None
    assert answer.status.state in (StatementState.PENDING, StatementState.RUNNING)
    workspace.statement_execution.cancel_execution(str(answer.statement_id))
    status = workspace.statement_execution.get_statement(str(answer.statement_id)).status
    assert status is not None
    assert status.state is StatementState.CANCELED
    cancel = ExecuteStatementRequestOnWaitTimeout.CANCEL
    answer = execute(workspace, LONG, wait_timeout="5s", on_wait_timeout=cancel)
    assert answer.status is not None
    assert answer.status.state is StatementState.CANCELED


def test_what_is_wrong_or_not_served_is_named(workspace: WorkspaceClient, http: httpx2.Client) -> None:
    with pytest.raises(ResourceDoesNotExist, match="elsewhere"):
        workspace.statement_execution.execute_statement("SELECT 1", "elsewhere")
    for unknown in (str(uuid.uuid4()), "no-id"):
        with pytest.raises((ResourceDoesNotExist, NotFound), match="was not found"):
            workspace.statement_execution.get_statement(unknown)
    for options, named in (
        ({"wait_timeout": "3s"}, "wait_timeout"),
        ({"byte_limit": 0}, "byte_limit"),
        ({"row_limit": -1}, "row_limit"),
        ({"format": Format.CSV}, "CSV is not supported with disposition INLINE"),
        ({"format": Format.ARROW_STREAM}, "ARROW_STREAM"),
        ({"parameters": [StatementParameterListItem("n", type="FOO", value="1")]}, "unsupported type: FOO"),
        ({"parameters": [StatementParameterListItem("n", type="ARRAY<INT>", value="[1]")]}, "unsupported type"),
        ({"parameters": [StatementParameterListItem("n"), StatementParameterListItem("n")]}, "n is given twice"),
    ):
        with pytest.raises(InvalidParameterValue, match=named):
            execute(workspace, "SELECT 1", **options)
    missing = http.post("/api/2.0/sql/statements", json={"warehouse_id": "local"})
    assert missing.status_code == 400
    assert "statement" in missing.json()["message"]


def test_absent_fields_are_absent_and_nulls_sent_are_ignored(http: httpx2.Client) -> None:
    """Airflow sends ``catalog``, ``schema`` and ``parameters`` as null."""
    body = {"statement": "SELECT 1 AS x", "warehouse_id": "local", "catalog": None, "schema": None, "parameters": None}
    answer = http.post("/api/2.0/sql/statements", json={**body, "query_tags": [{"key": "a", "value": "b"}]})
    assert answer.status_code == 200
    assert "null" not in answer.text
    failed = http.post("/api/2.0/sql/statements", json={**body, "statement": "SELECT nope"})
    assert failed.json()["status"]["state"] == "FAILED"
    assert "null" not in failed.text


def test_a_poll_of_airflows_operator_is_held_until_the_end(http: httpx2.Client) -> None:
    body = {"statement": "SELECT sum(id) FROM range(20000000)", "warehouse_id": "local", "wait_timeout": "0s"}
    statement = http.post("/api/2.0/sql/statements", json=body).json()
    assert statement["status"]["state"] in ("PENDING", "RUNNING")
    url = f"/api/2.0/sql/statements/{statement['statement_id']}"
    held = http.get(url, headers={"User-Agent": OPERATOR}).json()
    assert held["status"]["state"] == "SUCCEEDED"


@pytest.mark.parametrize("deferrable", [False, True])
def test_airflows_statement_operator_does_not_wait_for_its_polling_interval(run_dag: Any, deferrable: bool) -> None:
    from airflow.providers.databricks.operators.databricks import DatabricksSQLStatementsOperator
    from airflow.providers.databricks.sensors.databricks import DatabricksSQLStatementsSensor
    from airflow.sdk import DAG

    with DAG(f"statement_{deferrable}", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as dag:
        run = DatabricksSQLStatementsOperator(
            task_id="run",
            statement="CREATE TABLE main.default.made AS SELECT sum(id) AS s FROM range(20000000)",
            warehouse_id="local",
            polling_period_seconds=600,
            deferrable=deferrable,
        )
        sense = DatabricksSQLStatementsSensor(
            task_id="sense",
            statement="SELECT assert_true(s > 0) FROM main.default.made",
            warehouse_id="local",
            poke_interval=600,
            deferrable=deferrable,
        )
        run >> sense
    began = time.monotonic()
    result = run_dag(dag)
    assert result.success, result
    assert time.monotonic() - began < 300
