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

# What does not work in Airflow 3, and what works still. The others of AIR are matters of taste.
REMOVED = ("AIR301", "AIR302", "AIR303")
DEPRECATED = ("AIR311", "AIR312")


def ruff() -> str | None:
    """The ruff beside this Python, else the one on the path."""
    beside = Path(sys.executable).with_name("ruff")
    return str(beside) if beside.is_file() else shutil.which("ruff")


def removed(project: Project) -> Iterator[Finding]:
    """What ruff says, if it is installed. A project's own `noqa` and rules of ruff's keep their meaning elsewhere."""
    command = ruff()
    if command is None or not project.dags_folder.is_dir():
        return
    selected = ",".join(REMOVED + DEPRECATED)
    options = ["--isolated", "--no-cache", "--quiet", "--exit-zero", "--select", selected, "--output-format", "json"]
    done = subprocess.run(
        [command, "check", *options, str(project.dags_folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    for each in json.loads(done.stdout or "[]"):
        code = str(each.get("code"))
        if code not in REMOVED + DEPRECATED:
            continue  # a file that does not parse
        at = Position(Path(each["filename"]), each["location"]["row"], each["location"]["column"])
        fix = (each.get("fix") or {}).get("message") or ""
        rule = "airflow-removed" if code in REMOVED else "airflow-deprecated"
        yield project.finding(rule, at, f"{code}: {each['message']}", fix)


checks = [
    Check(
        removed,
        (
            Rule("airflow-removed", "A DAG file uses what Airflow 3 does not have any more (ruff's AIR301 to AIR303)."),
            Rule("airflow-deprecated", "A DAG file uses what a later Airflow will not have (ruff's AIR311, AIR312)."),
        ),
    )
]
