"""AI functions of SQL: answered by what a test has said, by nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.sql import StatementState
from databricks.sql.exc import ServerOperationError

from harness.control import StackFailed

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]
Answer = Callable[..., None]


def test_an_ai_function_answers_what_was_said_of_its_arguments(
    sql: Sql, ai_answer: Answer, workspace: WorkspaceClient
) -> None:
    ai_answer("ai_query", "other")
    ai_answer("ai_query", "complaint", "my-endpoint", "Classify: .*refund.*")
    ai_answer("ai_similarity", "0.75", "apple")
    sql("CREATE TABLE main.default.letters AS FROM VALUES (1, 'a refund\\nnow'), (2, 'hello'), (3, NULL) v(id, t)")
    asked = "SELECT id, ai_query('my-endpoint', 'Classify: ' || t) FROM main.default.letters ORDER BY id"
    assert sql(asked) == [(1, "complaint"), (2, "other"), (3, None)]
    assert sql("SELECT ai_similarity('apple', 'pear'), typeof(ai_similarity('apple', 'pear'))") == [(0.75, "float")]
    answer = workspace.statement_execution.execute_statement("SELECT ai_query('x', 'y')", "local", wait_timeout="50s")
    assert answer.result is not None
    assert answer.result.data_array == [["other"]]


def test_answers_of_structure_are_structs_and_variants(sql: Sql, ai_answer: Answer) -> None:
    ai_answer("ai_extract", '{"person": "Ann", "place": null, "age": 7}', "Ann .*")
    labels = "array('person', 'place', 'age')"
    assert sql(f"SELECT e.* FROM (SELECT ai_extract('Ann is 7', {labels}) AS e)") == [("Ann", None, "7")]
    assert sql('SELECT ai_extract(\'Ann is 7\', \'{"age": {"type": "integer"}}\'):age::int') == [(7,)]
    assert sql("SELECT ai_extract(CAST(NULL AS STRING), array('person'))") == [(None,)]
    ai_answer("ai_parse_document", '{"document": {"pages": [{"id": 0}]}}')
    parsed = (
        "SELECT typeof(d), d:document.pages[0].id::int FROM (SELECT ai_parse_document(CAST('%PDF' AS BINARY)) AS d)"
    )
    assert sql(parsed) == [("variant", 0)]


def test_functions_that_give_rows_are_refused_by_name(sql: Sql) -> None:
    for call in (
        "ai_forecast(TABLE(SELECT 1 AS y, DATE'2026-01-01' AS ds), horizon => '2026-02-01', time_col => 'ds')",
        "vector_search(index => 'main.default.i', query => 'x')",
    ):
        with pytest.raises(ServerOperationError, match=r"UNSUPPORTED_FEATURE.LOCAL_HARNESS\].*no model is here.*0A000"):
            sql(f"SELECT * FROM {call}")


def test_no_answer_is_made_up(sql: Sql, ai_answer: Answer, workspace: WorkspaceClient) -> None:
    ai_answer("ai_classify", "urgent", "leak", ".*urgent.*")
    assert sql("SELECT ai_classify('leak', ARRAY('urgent', 'not urgent'))") == [("urgent",)]
    refused = (
        r"UNSUPPORTED_FEATURE.LOCAL_HARNESS\] ai_classify\('password', '\[urgent, not urgent\]'\): no model is here"
    )
    with pytest.raises(ServerOperationError, match=refused):
        sql("SELECT ai_classify('password', ARRAY('urgent', 'not urgent'))")
    answer = workspace.statement_execution.execute_statement("SELECT ai_gen('a poem')", "local", wait_timeout="50s")
    assert answer.status is not None
    assert answer.status.state is StatementState.FAILED


def test_answers_are_gone_with_the_test_that_gave_them(sql: Sql) -> None:
    with pytest.raises(ServerOperationError, match="no model is here"):
        sql("SELECT ai_query('my-endpoint', 'x')")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("ai_forecast", "x"), "ai_forecast"),
        (("ai_query", "x", "("), "no regular expression"),
        (("ai_similarity", "near"), "with a number"),
        (("ai_extract", "Ann"), "with a JSON object"),
    ],
)
def test_an_answer_that_cannot_be_given_is_refused(ai_answer: Answer, given: tuple[str, ...], message: str) -> None:
    with pytest.raises(StackFailed, match=message):
        ai_answer(*given)
