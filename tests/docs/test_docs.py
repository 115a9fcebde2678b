"""What is written is executed: examples run, generated parts are current, links and commands exist."""

from __future__ import annotations

import configparser
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
GENERATED = [page for page in PAGES if "[[[cog" in page.read_text()]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)


def test_the_generated_parts_are_what_the_code_says():
    command = [sys.executable, "-m", "cogapp", "-I", str(ROOT), "--check", *map(str, GENERATED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"stale; run `tox -e docs`\n{done.stdout}"
    assert len(GENERATED) == 7


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_local_link_leads_somewhere(page):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_tox_environment_that_the_readme_names_exists():
    tox = configparser.ConfigParser()
    tox.read(ROOT / "tox.ini")
    named = set(re.findall(r"tox -e (\w+)", (ROOT / "README.md").read_text()))
    assert named
    assert named <= {section.partition(":")[2] for section in tox.sections()}


def test_a_repository_of_ones_own_is_told_the_same_everywhere():
    """What the commands do there is proved by tests/init, which runs them on repositories as teams have them."""
    from harness.cli import app
    from harness.init.texts import PACKAGE

    first, *rest = next(block for block in blocks(ROOT / "README.md", "console") if "pip install" in block).splitlines()
    assert first == f"$ pip install '{PACKAGE}'"
    assert f"pip install '{PACKAGE}'" in (ROOT / "docs" / "testing.md").read_text()
    assert rest[-1] == "$ pytest tests/pipelines"
    named = [line.split()[2] for line in rest[:-1]]
    assert named == ["init", "doctor", "validate"]
    assert set(named) <= {command.name or command.callback.__name__ for command in app.registered_commands}  # type: ignore[union-attr]


def test_the_readme_leads_to_every_page():
    led = set(re.findall(r"\((docs/[^)#]+)", (ROOT / "README.md").read_text()))
    assert {f"docs/{page.name}" for page in PAGES[1:]} <= led


def test_the_readme_example_passes(run_assets, lake):
    (source,) = blocks(ROOT / "README.md", "python")
    names: dict[str, object] = {}
    exec(compile(source, "README.md", "exec"), names)
    names["test_the_pipeline_fills_its_tables"](run_assets, lake)  # type: ignore[operator]


def test_the_pipeline_example_passes(workspace, sql, make_schema, make_notebook, assert_table):
    (source,) = blocks(ROOT / "docs" / "declarative-pipelines.md", "python")
    names: dict[str, object] = {}
    exec(compile(source, "declarative-pipelines.md", "exec"), names)
    names["test_the_totals_are_those_of_the_clean_rows"](workspace, sql, make_schema, make_notebook, assert_table)  # type: ignore[operator]


def test_the_settings_example_is_accepted(tmp_path, monkeypatch):
    from harness.settings import Settings

    (example,) = blocks(ROOT / "docs" / "settings.md", "toml")
    (tmp_path / "pyproject.toml").write_text(example)
    monkeypatch.chdir(tmp_path)
    assert Settings().mounts["/Workspace/Users/me@example.com"] == Path("scratch")


def test_the_launch_file_names_modules_that_can_be_run():
    (launch,) = (json.loads(block) for block in blocks(ROOT / "docs" / "debugging.md", "json"))
    modules = [each["module"] for each in launch["configurations"]]
    assert [importlib.util.find_spec(module) is not None for module in modules] == [True, True]
    assert "${input:dag}" in launch["configurations"][1]["args"]
    assert launch["inputs"][0]["id"] == "dag"


def test_every_test_that_the_docs_name_exists():
    named = [
        (page.name, file, test)
        for page in PAGES
        for file, test in re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page.read_text())
    ]
    assert len(named) > 30
    missing = [each for each in named if f"def {each[2]}(" not in (ROOT / each[1]).read_text()]
    assert missing == []
