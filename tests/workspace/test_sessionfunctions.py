"""Functions of SQL about who asks, and the workspace's secrets in SQL."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import NotebookTask, RunResultState, SubmitTask
from databricks.sdk.service.sql import StatementState
from databricks.sdk.service.workspace import AclPermission, ImportFormat, Language
from databricks.sql.exc import ServerOperationError

from harness.stack import Stack

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]
WHO = "SELECT current_user(), session_user(), user(), is_account_group_member('readers'), is_member('admins')"


def test_the_current_user_is_who_asks(sql: Sql, workspace: WorkspaceClient, robot: tuple[str, Sql]) -> None:
    name, ask = robot
    me = workspace.current_user.me().user_name
    assert sql(WHO) == [(me, me, me, False, True)]
    assert ask(WHO) == [(name, name, name, True, False)]
    sql("CREATE VIEW main.default.mine AS SELECT current_user() AS who, is_member('readers') AS reads")
    seen = "SELECT * FROM main.default.mine"
    assert sql(seen) == [(me, False)]
    assert ask(seen) == [(name, True)]


def test_groups_are_asked_for_by_row_and_the_metastore_by_its_id(sql: Sql, workspace: WorkspaceClient) -> None:
    asked = "SELECT g, is_member(g) FROM VALUES ('admins'), ('none'), (NULL) AS v(g)"
    assert sql(asked) == [("admins", True), ("none", False), (None, None)]
    summary = workspace.metastores.summary()
    assert sql("SELECT current_metastore()") == [(f"{summary.cloud}:{summary.region}:{summary.metastore_id}",)]
    answer = workspace.statement_execution.execute_statement("SELECT current_user()", warehouse_id="local")
    assert answer.status is not None
    assert answer.status.state is StatementState.SUCCEEDED
    assert answer.result is not None
    assert answer.result.data_array == [[workspace.current_user.me().user_name]]
    with pytest.raises(ServerOperationError, match=r"\[WRONG_NUM_ARGS"):
        sql("SELECT is_member()")


def test_secrets_are_read_in_sql_by_who_may(sql: Sql, workspace: WorkspaceClient, robot: tuple[str, Sql]) -> None:
    _, ask = robot
    workspace.secrets.create_scope("team")
    workspace.secrets.put_secret("team", "key", string_value="s3cret value")
    assert sql("SELECT secret('team', 'key'), length(secret('team', 'key')), try_secret('team', 'no')") == [
        ("s3cret value", 12, None)
    ]
    assert ("team", "key") in sql("SELECT * FROM list_secrets()")
    plan = "\n".join(row[0] for row in sql("EXPLAIN EXTENDED SELECT secret('team', 'key')"))
    assert "s3cret" not in plan
    lookup = r"\[INVALID_SECRET_LOOKUP\.SECRET_FUNCTION_LOOKUP_FAILED\].*22531"
    with pytest.raises(ServerOperationError, match=lookup):
        sql("SELECT secret('team', 'no')")
    with pytest.raises(ServerOperationError, match=r"SECRET_FUNCTION_KEY_NOT_CONSTANT"):
        sql("SELECT secret('team', k) FROM VALUES ('key') AS v(k)")
    with pytest.raises(ServerOperationError, match=f"{lookup.rpartition('.*')[0]}.*does not have READ permission"):
        ask("SELECT secret('team', 'key')")
    assert ask("SELECT * FROM list_secrets()") == []
    workspace.secrets.put_acl("team", "readers", AclPermission.READ)
    assert ask("SELECT secret('team', 'key')") == [("s3cret value",)]
    assert ask("SELECT * FROM list_secrets()") == [("team", "key")]


def test_nobody_asks_in_the_name_of_somebody_else(
    clean_stack: Stack, workspace: WorkspaceClient, robot: tuple[str, Sql]
) -> None:
    made = workspace.service_principals.create(display_name="nosy")
    secret = workspace.service_principal_secrets_proxy.create(made.id or "").secret
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    url = clean_stack.workspace_url
    token = httpx2.post(f"{url}/oidc/v1/token", data=form, auth=(made.application_id or "", secret or "")).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    for path, code in (("groups", "PERMISSION_DENIED"), ("secrets", "PERMISSION_DENIED")):
        answer = httpx2.get(f"{url}/_harness/sql/{path}", params={"user": robot[0]}, headers=headers)
        assert (answer.status_code, answer.json()["error_code"]) == (403, code)
    own = httpx2.get(f"{url}/_harness/sql/groups", params={"user": made.application_id or ""}, headers=headers)
    assert own.json() == {"groups": ["users"]}


NOTEBOOK = """# Databricks notebook source
# MAGIC %sql SELECT secret('team', 'key')

# COMMAND ----------
print(spark.sql("SELECT concat('<', secret('team', 'key'), '>')").first()[0])
dbutils.notebook.exit(spark.sql("SELECT concat(current_user(), ': ', secret('team', 'key'))").first()[0])
"""


def test_a_notebook_shows_no_secret_that_sql_has_read(clean_stack: Stack, workspace: WorkspaceClient) -> None:
    workspace.secrets.create_scope("team")
    workspace.secrets.put_secret("team", "key", string_value="s3cret value")
    path = "/Workspace/Users/someone/secretive"
    workspace.workspace.mkdirs("/Workspace/Users/someone")
    content = base64.b64encode(NOTEBOOK.encode()).decode()
    workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    task = SubmitTask(task_key="t", notebook_task=NotebookTask(notebook_path=path))
    run = workspace.jobs.submit(run_name="secretive", tasks=[task]).result()
    (task_run,) = run.tasks or []
    output = workspace.jobs.get_run_output(int(task_run.run_id or 0))
    assert run.state is not None
    assert run.state.result_state is RunResultState.SUCCESS, output.error_trace
    assert output.notebook_output is not None
    assert output.notebook_output.result == f"{workspace.current_user.me().user_name}: [REDACTED]"
