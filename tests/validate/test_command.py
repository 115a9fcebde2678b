"""The command as a terminal, a program and a forge see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from harness.settings import Settings
from harness.validate import report
from harness.validate.config import Config, ConfigInvalid
from harness.validate.finding import Finding, Rule
from harness.validate.run import opened

RULES = [Rule("dag-import", "A DAG file does not import."), Rule("sql-parse", "SQL does not parse.")]
FINDINGS = [
    Finding("dags/a b.py", 3, 7, "sql-parse", "100% wrong,\nreally", "Mend it."),
    Finding("dags/c.py", 1, 1, "dag-import", "NameError: x"),
]
GOOD = "from airflow.sdk import DAG\n\nprint('noise')\nwith DAG('daily', schedule=None):\n    pass\n"
BAD = GOOD.replace("None", "'0 5 * *'")


def harness(folder, *arguments):
    environment = {**os.environ, "COLUMNS": "200"}
    command = [sys.executable, "-m", "harness.cli", "validate", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_the_exit_code_tells_findings_from_none_and_from_a_wrong_command(tmp_path):
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "d.py").write_text(BAD)
    found = harness(tmp_path, "--format", "json")
    assert found.returncode == 1, found.stderr
    (finding,) = json.loads(found.stdout)
    assert (finding["rule"], finding["path"], finding["line"]) == ("dag-schedule", "dags/d.py", 4)
    (tmp_path / "dags" / "d.py").write_text(GOOD)
    none = harness(tmp_path)
    assert (none.returncode, none.stdout, none.stderr) == (0, "no finding in 1 DAG files, 1 DAGs, 0 notebooks\n", "")
    (tmp_path / "dags").rename(tmp_path / "elsewhere")
    assert harness(tmp_path).returncode == 2
    wrong = harness(tmp_path, "--format", "xml")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "text, json, sarif, github" in wrong.stderr


def test_text_is_a_line_a_finding_as_compilers_print_them():
    lines = report.text(FINDINGS, RULES).splitlines()
    assert lines[-2:] == ["dags/c.py:1:1: dag-import: NameError: x", "2 findings"]


def test_github_commands_escape_what_would_end_them():
    first, second = report.github(FINDINGS, RULES).splitlines()
    assert first == "::error file=dags/a b.py,line=3,col=7,title=sql-parse::100%25 wrong,%0Areally Mend it."
    assert second == "::error file=dags/c.py,line=1,col=1,title=dag-import::NameError: x"


def test_sarif_names_each_rule_and_points_into_the_repository():
    (run,) = json.loads(report.sarif(FINDINGS, RULES))["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    location = run["results"][0]["locations"][0]["physicalLocation"]
    assert location["artifactLocation"] == {"uri": "dags/a%20b.py", "uriBaseId": "%SRCROOT%"}
    assert location["region"] == {"startLine": 3, "startColumn": 7}


def test_no_finding_is_valid_in_every_format():
    assert json.loads(report.as_json([], RULES)) == []
    assert json.loads(report.sarif([], RULES))["runs"][0]["results"] == []
    assert report.github([], RULES) == ""


def test_a_wrong_table_is_refused_by_name(tmp_path):
    (tmp_path / "pyproject.toml").write_text("[tool.harness.validate]\nignored = ['sql-parse']\n")
    with pytest.raises(ConfigInvalid, match="ignored"):
        Config.of(tmp_path)


def test_what_is_not_installed_is_named_with_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    with pytest.raises(ConfigInvalid, match=r"sqlglot.*pip install '.*validate"), opened(Settings(project=tmp_path)):
        pass


def test_variables_and_connections_of_the_settings_are_defined_and_read_by_dag_files(tmp_path):
    dag = "from airflow.sdk import DAG, Variable\nVariable.get('left')\nwith DAG(Variable.get('name')):\n    pass\n"
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "d.py").write_text(dag)
    (tmp_path / "harness.toml").write_text('[variables]\nname = "named"\nleft = "FILL IN: its value"\n')
    assert "Variable" in harness(tmp_path).stdout
    (tmp_path / "harness.toml").write_text('[variables]\nname = "named"\nleft = "here"\n')
    assert harness(tmp_path).stdout.startswith("no finding in 1 DAG files, 1 DAGs")
