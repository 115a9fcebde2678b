"""``pytest --harness-validate``: one test a rule, all of them from one look at the project.

The look is taken by a process of its own: DAG files are imported there, and leave nothing behind in the tests'.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.validate.finding import Finding
from harness.validate.report import text
from harness.validate.run import RULES

FINDINGS = pytest.StashKey[list[Finding]]()


class Broken(Exception):
    """A rule is broken. The message is the report."""


class RuleItem(pytest.Item):
    """A rule as a test."""

    outside: Mapping[str, str]

    def runtest(self) -> None:
        """Fail with the rule's findings. Raises: ``Broken``."""
        if FINDINGS not in self.config.stash:
            self.config.stash[FINDINGS] = _look(self.config.rootpath, self.outside)
        broken = [finding for finding in self.config.stash[FINDINGS] if finding.rule == self.name]
        if broken:
            raise Broken(text(broken, RULES))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The report, without our stack."""
        if isinstance(excinfo.value, Broken):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """What the terminal calls it."""
        return self.config.rootpath, None, f"harness validate: {self.name}"


def items(session: pytest.Session, outside: Mapping[str, str]) -> Iterator[RuleItem]:
    """One test a rule. Parameters: ``outside``: the environment before the session's Airflow home was entered."""
    parent = _Validation.from_parent(session, name="harness-validate", path=session.config.rootpath)
    for rule in RULES:
        item = RuleItem.from_parent(parent, name=rule.name)
        item.outside = outside
        yield item


class _Validation(pytest.Collector):
    """What the rules are below, in node ids."""

    def collect(self) -> list[pytest.Item]:
        return []


def _look(root: Path, outside: Mapping[str, str]) -> list[Finding]:
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "validate", "--format", "json"],
        cwd=root,
        env={**os.environ, **outside},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode not in (0, 1) or not done.stdout:
        raise RuntimeError(f"harness validate ended with code {done.returncode}: {done.stderr}")
    return [Finding(**each) for each in json.loads(done.stdout)]
