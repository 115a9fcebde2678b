"""Findings for people, programs and forges."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from urllib.parse import quote

from harness.validate.finding import Finding, Rule

DOCUMENTATION = "docs/validate.md"


def text(findings: list[Finding], rules: Iterable[Rule]) -> str:
    """One line a finding, as compilers print them, with the hint below."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.path}:{finding.line}:{finding.column}: {finding.rule}: {finding.message}")
        if finding.hint:
            lines.append(f"    {finding.hint}")
    count = len(findings)
    lines.append(f"{count} finding{'' if count == 1 else 's'}" if count else "no finding")
    return "\n".join(lines)


def as_json(findings: list[Finding], rules: Iterable[Rule]) -> str:
    """A list of objects."""
    return json.dumps([finding.document() for finding in findings], indent=2)


def sarif(findings: list[Finding], rules: Iterable[Rule]) -> str:
    """SARIF 2.1.0, which code scanning of forges reads."""
    described = [{"id": rule.name, "shortDescription": {"text": rule.summary}} for rule in rules]
    number = {rule["id"]: at for at, rule in enumerate(described)}
    results = [
        {
            "ruleId": finding.rule,
            "ruleIndex": number[finding.rule],
            "level": "error",
            "message": {"text": f"{finding.message}\n{finding.hint}".strip()},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": quote(finding.path), "uriBaseId": "%SRCROOT%"},
                        "region": {"startLine": finding.line, "startColumn": finding.column},
                    }
                }
            ],
        }
        for finding in findings
    ]
    driver = {"name": "harness validate", "rules": described}
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}],
    }
    return json.dumps(document, indent=2)


def github(findings: list[Finding], rules: Iterable[Rule]) -> str:
    """Workflow commands, which GitHub shows beside the changed lines."""
    return "\n".join(
        f"::error file={_property(f.path)},line={f.line},col={f.column},title={_property(f.rule)}::"
        f"{_data(f'{f.message} {f.hint}'.strip())}"
        for f in findings
    )


def _data(value: str) -> str:
    # docs.github.com, "Workflow commands": what would end a command is escaped.
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


FORMATS: dict[str, Callable[[list[Finding], Iterable[Rule]], str]] = {
    "text": text,
    "json": as_json,
    "sarif": sarif,
    "github": github,
}
