"""``harness validate``: the project looked at, the report written."""

from __future__ import annotations

import json
import sys

from harness.dagrun.connections import Endpoints
from harness.settings import Settings
from harness.validate.changes import touched
from harness.validate.config import ConfigInvalid
from harness.validate.deprecated import ruff
from harness.validate.finding import Finding
from harness.validate.report import FORMATS
from harness.validate.run import RULES, opened
from harness.validate.run import validate as find
from harness.validate.suppress import write_baseline as write


def validate(
    settings: Settings,
    format: str = "text",
    *,
    since: str | None = None,
    write_baseline: bool = False,
    endpoints: Endpoints | None = None,
) -> list[Finding]:
    """Validate a project and print the report.

    Parameters: ``since``: also list what the changes since that revision touch, in text and JSON; ``write_baseline``:
    keep the findings as known ones instead, in the file that the project names; ``endpoints``: a stack whose Spark is
    to parse the SQL, too.
    Returns: the findings that were printed.
    Raises: ``ConfigInvalid`` for a wrong table, format, revision or baseline; ``SparkUnreachable``.
    """
    if format not in FORMATS:
        raise ConfigInvalid(f"there is no format {format!r}: use {', '.join(FORMATS)}")
    if not settings.path(settings.dags).is_dir():
        raise ConfigInvalid(f"there is no DAG folder at {settings.path(settings.dags)}: set `dags` in [tool.harness]")
    with opened(settings, endpoints) as project:
        if write_baseline:
            if project.config.baseline is None:
                raise ConfigInvalid("name the file first: `baseline` in [tool.harness.validate]")
            known, project.config.baseline = project.root / project.config.baseline, None
            findings = find(project)
            write(findings, known)
            print(f"{len(findings)} findings written to {known}", file=sys.stderr)
            return []
        findings = find(project)
        touches = touched(project, since) if since else None
        looked_at = f"{len(project.files)} DAG files, {len(project.dags)} DAGs, {len(project.notebooks)} notebooks"
    if ruff() is None:
        print("ruff is not installed: airflow-removed and airflow-deprecated were not checked", file=sys.stderr)
    report = FORMATS[format](findings, RULES)
    if touches is not None and format == "json":
        report = json.dumps({"touched": touches.document(), "findings": json.loads(report)}, indent=2)
    if touches is not None and format == "text":
        report = f"{touches}\n\n{report}"
    if format == "text":
        report = f"{report} in {looked_at}"
    if report:
        print(report)
    return findings
