"""What a project has said it knows: comments in place, rules switched off, a baseline of old findings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from harness.validate.config import Config, ConfigInvalid
from harness.validate.finding import Finding

_IGNORE = re.compile(r"(?:#|--)\s*harness:\s*ignore(?P<file>-file)?\[(?P<rules>[\w\-, ]+)\]")


class Silenced:
    """Which findings a project does not want to see."""

    def __init__(self, root: Path, config: Config, rules: Iterable[str]) -> None:
        self._root = root
        self._config = config
        self._comments: dict[str, tuple[frozenset[str], dict[int, frozenset[str]]]] = {}
        known = set(rules)
        used = {*config.ignore, *(rule for some in config.per_file_ignores.values() for rule in some)}
        if unknown := sorted(used - known):
            raise ConfigInvalid(f"[tool.harness.validate] names no rule: {', '.join(unknown)}")

    def __contains__(self, finding: Finding) -> bool:
        if finding.rule in self._config.ignore:
            return True
        for pattern, rules in self._config.per_file_ignores.items():
            if finding.rule in rules and fnmatch(finding.path, pattern):
                return True
        whole, lines = self._read(finding.path)
        return finding.rule in whole or finding.rule in lines.get(finding.line, frozenset())

    def _read(self, path: str) -> tuple[frozenset[str], dict[int, frozenset[str]]]:
        if path not in self._comments:
            whole: frozenset[str] = frozenset()
            lines: dict[int, frozenset[str]] = {}
            try:
                text = (self._root / path).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                text = ""
            for number, line in enumerate(text.split("\n"), 1):
                for match in _IGNORE.finditer(line):
                    rules = frozenset(rule.strip() for rule in match["rules"].split(","))
                    if match["file"]:
                        whole |= rules
                    else:
                        lines[number] = lines.get(number, frozenset()) | rules
            self._comments[path] = (whole, lines)
        return self._comments[path]


def without_known(findings: list[Finding], baseline: Path) -> list[Finding]:
    """Leave out the findings of a baseline file, each as often as it is in there: lines may have moved since.

    Raises: ``ConfigInvalid`` when the file cannot be read.
    """
    try:
        entries = json.loads(baseline.read_text(encoding="utf-8"))
        known = Counter((entry["rule"], entry["path"], entry["message"]) for entry in entries)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigInvalid(f"the baseline {baseline} cannot be read: {error}") from None
    new = []
    for finding in findings:
        key = (finding.rule, finding.path, finding.message)
        if known[key]:
            known[key] -= 1
        else:
            new.append(finding)
    return new


def write_baseline(findings: list[Finding], baseline: Path) -> None:
    """Make the findings of today the known ones."""
    entries = [{"rule": f.rule, "path": f.path, "message": f.message} for f in findings]
    baseline.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
