"""Airflow's removed and moved names, found by ruff's AIR rules: run, not rewritten."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.project import Project
from harness.validate.sources import Position

# Removed, moved and changed in Airflow 3. The others of AIR are matters of taste.
SELECTED = "AIR301,AIR302,AIR303,AIR311,AIR312"


def ruff() -> str | None:
    """The ruff beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("ruff")
    return str(beside) if beside.is_file() else shutil.which("ruff")


def removed(project: Project) -> Iterator[Finding]:
    """What ruff says, if it is installed. A project's own `noqa` and rules of ruff's keep their meaning elsewhere."""
    command = ruff()
    if command is None or not project.dags_folder.is_dir():
        return
    options = ["--isolated", "--no-cache", "--quiet", "--exit-zero", "--select", SELECTED, "--output-format", "json"]
    done = subprocess.run(
        [command, "check", *options, str(project.dags_folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    for each in json.loads(done.stdout or "[]"):
        if not str(each.get("code") or "").startswith("AIR"):
            continue
        at = Position(Path(each["filename"]), each["location"]["row"], each["location"]["column"])
        fix = (each.get("fix") or {}).get("message") or ""
        yield project.finding("airflow-deprecated", at, f"{each['code']}: {each['message']}", fix)


checks = [
    Check(
        removed,
        (
            Rule(
                "airflow-deprecated",
                "A DAG file uses what Airflow 3 removed or moved (ruff's AIR rules).",
            ),
        ),
    )
]
