"""``--spark``: the parser of the engine, asked over the workspace's own SQL API."""

from __future__ import annotations

import pytest

from harness.settings import Settings
from harness.validate.config import Config
from harness.validate.project import Project
from harness.validate.run import validate
from harness.validate.spark import problem
from tests.validate.projects import unpack

PROJECT = """
--- dags/a.py
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import DAG

with DAG("a", schedule=None):
    DatabricksSqlOperator(
        task_id="report",
        sql=[
            "CREATE SCHEMA IF NOT EXISTS main.a",
            "GRANT SELECT ON TABLE main.a.t TO `someone`",
            "SELECT * FROM main.a.no_such_table WHERE b = :b",
            "CREATE TABLE main.a.t (a INT NULLABLE)",
        ],
    )
"""


def test_spark_refuses_what_sqlglot_lets_pass_and_nothing_is_run(airflow_home, clean_stack, tmp_path, monkeypatch):
    unpack(PROJECT, tmp_path)
    (tmp_path / "pyproject.toml").write_text('[tool.harness.validate]\nignore = ["table-not-made"]\n')
    monkeypatch.chdir(tmp_path)
    config = Config.of(tmp_path)
    assert validate(Project(Settings(), config)) == []
    (finding,) = validate(Project(Settings(), config, endpoints=clean_stack.endpoints))
    assert (finding.rule, finding.path, finding.line) == ("sql-syntax", "dags/a.py", 11)
    assert "NULLABLE" in finding.message


@pytest.mark.parametrize(
    ("statement", "line"),
    [("SELECT (1\nFROM t", 2), ("SELECT a\n\nFROM t GROUP a\n", 3), ("DELETE FROM t WERE a = 1", 1)],
)
def test_the_line_is_the_statement_s_own(clean_stack, statement, line):
    found = problem(clean_stack.endpoints, statement)
    assert found is not None
    assert found[0] == line
