"""docs/provider.md: every class of the installed provider has its row, and every test that is named exists."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import airflow.providers.databricks
from airflow.sdk import BaseOperator, TaskGroup
from airflow.triggers.base import BaseTrigger

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| (\w+) \| ([^|]*)\| \[(\w+)\]\(([^)]+)\) \|", re.MULTILINE)
# Rows name these, though their names begin as private ones do; other such classes are only bases.
NAMED_ALL_THE_SAME = "_CreateDatabricksWorkflowOperator"


def rows() -> list[tuple[str, ...]]:
    text = (DOCS / "provider.md").read_text().partition("## Signing in")[0]
    found = ROW.findall(text)
    assert len(found) == len([line for line in text.splitlines() if line.startswith("| ") and "](" in line])
    return found


def provided() -> dict[str, type]:
    """The operators, groups, sensors and triggers that DAGs make."""
    found = {}
    for part in ("operators", "sensors", "triggers"):
        package = importlib.import_module(f"{airflow.providers.databricks.__name__}.{part}")
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for name, each in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                made = issubclass(each, (BaseOperator, TaskGroup, BaseTrigger)) and not inspect.isabstract(each)
                if made and each.__module__ == module.name and (not name.startswith("_") or name == NAMED_ALL_THE_SAME):
                    found[name] = each
    return found


def test_every_class_of_the_installed_provider_has_a_row():
    documented = {name for name, *_ in rows()}
    assert set(provided()) ^ documented == {"DatabricksHook", "DatabricksSqlHook"}


def test_every_deferrable_mode_has_a_row():
    deferrable = {
        name
        for name, each in provided().items()
        if any("deferrable" in inspect.signature(base.__init__).parameters for base in each.__mro__[:-1])
    }
    assert len(deferrable) > 5
    assert deferrable - {name for name, mode, *_ in rows() if "deferrable" in mode} == set()


def test_every_test_that_is_named_exists():
    missing = [
        (test, file)
        for test, file in re.findall(r"\[(test_\w+)\]\(([^)]+)\)", (DOCS / "provider.md").read_text())
        if f"def {test}(" not in (DOCS / file).resolve().read_text(encoding="utf-8")
    ]
    assert missing == []
