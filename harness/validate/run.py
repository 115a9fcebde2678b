"""Validation as a whole: every check, then what the project silenced is left out."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.dagrun import logs
from harness.dagrun.connections import Endpoints, declared
from harness.dagrun.home import AirflowHome
from harness.settings import Settings
from harness.validate import (
    assets,
    dagfiles,
    deprecated,
    files,
    lineage,
    notebooks,
    parameters,
    references,
    specs,
    sql,
    templates,
)
from harness.validate.check import Check
from harness.validate.config import Config, ConfigInvalid
from harness.validate.finding import Finding, Rule
from harness.validate.parsing import STAND_INS
from harness.validate.project import Project
from harness.validate.suppress import Silenced, without_known

ROOMS = (dagfiles, assets, templates, references, specs, notebooks, parameters, files, sql, lineage, deprecated)
CHECKS: tuple[Check, ...] = tuple(check for room in ROOMS for check in room.checks)
RULES: tuple[Rule, ...] = tuple(rule for check in CHECKS for rule in check.rules)
NEEDED = ("airflow", "databricks", "IPython", "sqlglot")
# What production is known by: kept from the developer's environment, which an Airflow home else clears away.
KEPT = ("AIRFLOW_CONN_", "AIRFLOW_VAR_")


def validate(project: Project) -> list[Finding]:
    """Every finding in a project, in the order of files and lines. An Airflow home has been entered.

    Raises: ``ConfigInvalid`` for a rule that does not exist, or a baseline that cannot be read.
    """
    config = project.config
    silenced = Silenced(project.root, config, (rule.name for rule in RULES))
    found = {finding for check in CHECKS for finding in check.run(project)}
    findings = sorted(finding for finding in found if finding not in silenced)
    return without_known(findings, project.root / config.baseline) if config.baseline else findings


def missing() -> list[str]:
    """The packages that validation needs and this Python does not have."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


@contextlib.contextmanager
def opened(settings: Settings, endpoints: Endpoints | None = None) -> Iterator[Project]:
    """A project, with an Airflow home of its own around it for as long as it is looked at.

    Parameters: ``endpoints``: a stack whose Spark is to parse the SQL, too.

    Raises: ``ConfigInvalid``.
    """
    if lacking := missing():
        install = "pip install 'airflow-databricks-harness[dags,validate]'"
        raise ConfigInvalid(f"not installed: {', '.join(lacking)}. {install}")
    config = Config.of(settings.project)
    stand_ins = {f"AIRFLOW_CONN_{name.upper()}": json.dumps(value) for name, value in STAND_INS.items()}
    kept = {
        **declared(settings.connections, settings.variables, stand_ins),
        **{name: value for name, value in os.environ.items() if name.startswith(KEPT)},
    }
    with (
        tempfile.TemporaryDirectory(prefix="harness-validate-") as directory,
        AirflowHome(Path(directory), settings.path(settings.dags), settings.path(settings.cache)) as home,
    ):
        logs.install(home.logs / "airflow.log")
        os.environ.update(kept)
        try:
            yield Project(settings, config, frozenset(kept), endpoints)
        finally:
            for name in kept:
                os.environ.pop(name, None)
