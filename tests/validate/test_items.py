"""`pytest --harness-validate`, and the pre-commit hook."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
import yaml

from tests.validate.projects import unpack

pytest_plugins = ["pytester"]

PROJECT = """
--- dags/d.py
from airflow.providers.databricks.operators.databricks import DatabricksRunNowOperator
from airflow.sdk import DAG

with DAG("daily", schedule="@daily"):
    DatabricksRunNowOperator(task_id="a", job_id=1, databricks_conn_id="from_shell")
    DatabricksRunNowOperator(task_id="b", job_id=1, databricks_conn_id="from_nowhere")
--- test_own.py
def test_own():
    pass
"""


@pytest.mark.slow
def test_each_rule_is_a_test_and_what_the_shell_defines_is_defined(pytester, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_FROM_SHELL", "databricks://127.0.0.1")
    unpack(PROJECT, pytester.path)
    plugin = [] if pytester.plugins else ["-p", "harness.plugin"]
    choice = "test_own or connection-undefined or dag-import or pool-undefined"
    result = pytester.runpytest_subprocess(*plugin, "--harness-validate", "-v", "-k", choice)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*connection-undefined FAILED*",
            "dags/d.py:6:*: connection-undefined: connection 'from_nowhere' is not defined",
        ]
    )
    assert "from_shell" not in result.stdout.str()


def test_the_pre_commit_hook_runs_a_command_that_there_is():
    (hook,) = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    from typer.testing import CliRunner

    from harness import cli

    program, *arguments = shlex.split(hook["entry"])
    assert program == "harness"
    assert CliRunner().invoke(cli.app, [*arguments, "--help"]).exit_code == 0
    assert hook["pass_filenames"] is False
