"""``harness validate``: the project looked at, the report written."""

from __future__ import annotations

import sys

from harness.settings import Settings
from harness.validate.config import ConfigInvalid
from harness.validate.deprecated import ruff
from harness.validate.finding import Finding
from harness.validate.report import FORMATS
from harness.validate.run import RULES, opened
from harness.validate.run import validate as find
from harness.validate.suppress import write_baseline as write


def validate(settings: Settings, format: str = "text", *, write_baseline: bool = False) -> list[Finding]:
    """Validate a project and print the report.

    Parameters: ``write_baseline``: keep the findings as known ones instead, in the file that the project names.
    Returns: the findings that were printed. Raises: ``ConfigInvalid`` for a wrong table, format or baseline.
    """
    if format not in FORMATS:
        raise ConfigInvalid(f"there is no format {format!r}: use {', '.join(FORMATS)}")
    with opened(settings) as project:
        if write_baseline:
            if project.config.baseline is None:
                raise ConfigInvalid("name the file first: `baseline` in [tool.harness.validate]")
            known, project.config.baseline = project.root / project.config.baseline, None
            findings = find(project)
            write(findings, known)
            print(f"{len(findings)} findings written to {known}", file=sys.stderr)
            return []
        findings = find(project)
    if ruff() is None:
        print("ruff is not installed: airflow-deprecated was not checked", file=sys.stderr)
    if report := FORMATS[format](findings, RULES):
        print(report)
    return findings
