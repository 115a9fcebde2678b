"""Repositories in the style of public ones are adopted: their DAGs stay as they are, their first tests are green."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from harness.init.toml import NotMerged, merged
from harness.stack import Stack

ROOT = Path(__file__).parents[2]
REPOSITORIES = Path(__file__).parent / "repos"


def called(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    return subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def init(folder: Path, *arguments: str) -> str:
    answer = called(folder, "harness.cli", "init", *arguments)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_text() for path in files}


def suite(folder: Path, stack: Stack) -> str:
    given = {"workspace_url": stack.workspace_url, "token": stack.token, "s3": dataclasses.astuple(stack.s3)}
    answer = called(
        folder,
        *("pytest", "-p", "harness.plugin", "-p", "attached", "tests/pipelines"),
        HARNESS_TEST_ATTACHED=json.dumps(given),
    )
    return answer.stdout + answer.stderr


@pytest.fixture
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    left_out = shutil.ignore_patterns(".*_cache", "__pycache__")
    return Path(shutil.copytree(REPOSITORIES / request.param, tmp_path / request.param, ignore=left_out))


@pytest.mark.slow
@pytest.mark.parametrize("repository", ["medallion"], indirect=True)
def test_a_medallion_pipeline_with_a_bundle(repository: Path, clean_stack: Stack) -> None:
    before = contents(repository)
    diff = init(repository, "--dry-run")
    assert contents(repository) == before
    assert "+++ b/pyproject.toml" in diff
    assert '+lake_writer = "aws_default"' in diff
    told = init(repository, "--job", "checks")
    assert "bundle databricks.yml: checks, medallion of target prod, made by make_bundle" in told
    assert "fill in" not in told
    after = contents(repository)
    changed = {name for name, text in after.items() if before.get(name) != text}
    assert changed == {
        ".github/workflows/pipelines.yml",
        ".gitignore",
        "pyproject.toml",
        "tests/pipelines/test_dags.py",
    }
    assert after["pyproject.toml"].startswith(before["pyproject.toml"])
    assert tomllib.loads(after["pyproject.toml"])["tool"]["harness"] == {
        "dags": "dags",
        "mounts": {"/Workspace/Shared/.bundle/medallion/prod/files": "."},
        "connections": {"databricks_prod": "databricks_default", "lake_writer": "aws_default"},
    }
    assert "nothing to add" in init(repository)
    assert contents(repository) == after
    assert "5 passed" in (output := suite(repository, clean_stack)), output


@pytest.mark.slow
@pytest.mark.parametrize("repository", ["ml_training"], indirect=True)
def test_a_training_pipeline_says_what_is_to_be_filled_in(repository: Path, clean_stack: Stack) -> None:
    told = init(repository)
    assert re.findall(r"fill in (\S+):", told) == ["variables.model_bucket", "secrets.tracking/token"]
    assert "include:\n      - local: .gitlab/pipelines.yml" in told
    config = repository / "harness.toml"
    assert tomllib.loads(config.read_text())["connections"] == {"models_s3": "aws_default"}
    text = config.read_text().replace('"FILL IN: what tests are to see of it"', '"models"')
    config.write_text(text)
    tests = repository / "tests" / "pipelines" / "test_dags.py"
    written = tests.read_text().replace("(run_dag)", "(run_dag, make_bucket, make_secret)")
    made = '    make_bucket("models")\n    make_secret("tracking/token", "t")\n    run_dag('
    tests.write_text(written.replace("    run_dag(", made))
    output = suite(repository, clean_stack)
    assert "still to fill in: secret tracking/token" in output
    assert "2 passed" in output, output


@pytest.mark.slow
@pytest.mark.parametrize("repository", ["dbt_style"], indirect=True)
def test_models_of_dbt_as_tasks_of_a_warehouse(repository: Path, clean_stack: Stack) -> None:
    told = init(repository, "--ci", "github")
    assert "fill in" not in told
    workflow = (repository / ".github" / "workflows" / "pipelines.yml").read_text()
    assert "harness validate --format github" in workflow
    assert "2 passed" in (output := suite(repository, clean_stack)), output


def test_a_repository_without_dags_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("print('no DAG')\n")
    answer = called(tmp_path, "harness.cli", "init")
    assert (answer.returncode, list(tmp_path.iterdir())) == (2, [tmp_path / "tool.py"])
    assert "no DAG file" in answer.stderr


WANTED: dict[str, Any] = {"dags": "dags", "variables": {"a": "1", "b c": "2"}}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("", '[tool.harness]\ndags = "dags"\n\n[tool.harness.variables]\na = "1"\n"b c" = "2"\n'),
        (
            '[tool.harness]  # ours\nmemory = "1g"\n',
            '[tool.harness]  # ours\ndags = "dags"\nmemory = "1g"\n\n[tool.harness.variables]\na = "1"\n"b c" = "2"\n',
        ),
        (
            '[tool.harness]\ndags = "mine"\n[tool.harness.variables]\na = "kept"\n[tool.x]\n',
            '[tool.harness]\ndags = "mine"\n[tool.harness.variables]\n"b c" = "2"\na = "kept"\n[tool.x]\n',
        ),
        (
            '[tool.harness.variables]\na = "kept"\n',
            '[tool.harness.variables]\n"b c" = "2"\na = "kept"\n\n[tool.harness]\ndags = "dags"\n',
        ),
    ],
)
def test_what_a_document_says_stays(text: str, result: str) -> None:
    assert merged(text, ("tool", "harness"), WANTED) == result
    assert merged(result, ("tool", "harness"), WANTED) == result


@pytest.mark.parametrize("text", ["tool.harness.memory = '1g'\n", "[tool]\nharness = { memory = '1g' }\n"])
def test_what_cannot_be_added_to_is_left_to_the_user(text: str) -> None:
    with pytest.raises(NotMerged, match="dags"):
        merged(text, ("tool", "harness"), WANTED)


def test_a_document_without_tables_gets_its_values_first() -> None:
    text = '# ours\n[validate]\nignore = ["sql-parse"]\n'
    assert merged(text, (), {"dags": "x", "mounts": {}}) == f'dags = "x"\n{text}'
