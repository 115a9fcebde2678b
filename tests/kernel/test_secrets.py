"""``dbutils.secrets`` in a notebook, through the whole stack: read, used, and not shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from databricks.sdk.service.jobs import RunOutput, RunResultState

from tests.kernel.test_subruns import Make, make, outcome

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from harness.stack import Stack

__all__ = ["make"]

VALUE = "s3cr3t-wör&ds"


@pytest.fixture
def scope(workspace: WorkspaceClient) -> str:
    workspace.secrets.create_scope("etl")
    workspace.secrets.put_secret("etl", "password", string_value=VALUE)
    workspace.secrets.put_secret("etl", "key", bytes_value="AP8=")
    return "etl"


def everything_about(stack: Stack, output: RunOutput) -> str:
    """All that is told of a run: what the API answers, the executed notebook and its page, the task's log file."""
    from pathlib import Path

    runs: list[dict[str, Any]] = stack.control("GET", "runs")["runs"]
    directory = Path(runs[-1]["tasks"][0]["directory"])
    files = [f.read_text(errors="replace") for f in directory.iterdir() if f.name != "spec.json"]
    return "\n".join([json.dumps(output.as_dict(), ensure_ascii=False), json.dumps(runs, ensure_ascii=False), *files])


@pytest.mark.usefixtures("scope")
def test_a_notebook_reads_secrets_and_none_of_its_outputs_shows_them(
    workspace: WorkspaceClient, clean_stack: Stack, make: Make
) -> None:
    code = """
password = dbutils.secrets.get("etl", "password")
assert dbutils.secrets.get(scope="ETL", key="password") == password and len(password) == 13, len(password)
assert dbutils.secrets.get("suite", "greeting") == "hello, suite"  # a setting of this suite's
assert dbutils.secrets.getBytes("etl", "key") == b"\\x00\\xff"
print(dbutils.secrets.list("etl"), dbutils.secrets.listScopes())
assert [s.getName() for s in dbutils.secrets.listScopes()] == ["etl", "suite"]
print("it is", password, [password])
display(spark.createDataFrame([(password,)], ["hidden"]))
import os
os.environ["SHOWN"] = password
os.system("echo $SHOWN")
dbutils.jobs.taskValues.set("n", len(password))
# COMMAND ----------
# MAGIC %sh echo $SHOWN
# COMMAND ----------
dbutils.notebook.exit(f"exit with {password}")
"""
    (output,) = outcome(workspace, make("uses", code.strip()))
    assert output.error is None
    assert output.notebook_output is not None
    assert output.notebook_output.result == "exit with [REDACTED]"
    logs = output.logs or ""
    assert "[SecretMetadata(key='key'), SecretMetadata(key='password')]" in logs
    assert "[SecretScope(name='etl'), SecretScope(name='suite')]" in logs
    assert "it is [REDACTED] ['[REDACTED]']" in logs
    assert logs.count("[REDACTED]") == 4
    told = everything_about(clean_stack, output)
    assert [form for form in (VALUE, "s3cr3t", "w\\u00f6r") if form in told] == []
    assert told.count("[REDACTED]") > 6


@pytest.mark.usefixtures("scope")
def test_an_error_that_tells_a_secret_is_redacted_and_a_missing_secret_is_said_so(
    workspace: WorkspaceClient, clean_stack: Stack, make: Make
) -> None:
    code = """
from pyspark.errors import IllegalArgumentException
for act in (lambda: dbutils.secrets.get("etl", "none"), lambda: dbutils.secrets.list("none")):
    try:
        act()
    except IllegalArgumentException as error:
        print(error)
raise ValueError("no login with " + dbutils.secrets.get("etl", "password"))
"""
    (output,) = outcome(workspace, make("fails", code.strip()))
    assert output.metadata is not None
    assert output.metadata.state is not None
    assert output.metadata.state.result_state is RunResultState.FAILED
    assert output.logs == "Secret does not exist with scope: etl and key: none\nScope none does not exist!\n"
    assert output.error == "ValueError: no login with [REDACTED]"
    assert "s3cr3t" not in everything_about(clean_stack, output)
