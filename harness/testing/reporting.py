"""The report of a failing test: why its DAG runs failed, what the workspace does not serve, what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.dagrun import DagRunResult
from harness.testing import artefacts

if TYPE_CHECKING:
    from harness.faults import Faults

EXPECTED: pytest.StashKey[Faults | None] = pytest.StashKey()


def explain(item: pytest.Item, report: pytest.TestReport, results: list[DagRunResult]) -> None:
    """Add to ``report`` what is known beyond the assertion that failed.

    Parameters: ``results``: of the test's DAG runs.
    """
    shown = report.longreprtext
    for result in results:
        if not result.success and str(result) not in shown:  # an assertion shows only its beginning
            report.sections.append((f"DAG run {result.dag_id}", str(result)))
    stack = getattr(item, "funcargs", {}).get("clean_stack")
    kept = None
    try:
        if stack is not None and (full := stack.full_disk()):
            report.sections.append(("A full disk", full))
        asked_for = unserved(item)
        kept = _kept(item, results)
    except Exception as error:  # a stack that died is why the test failed; here it would end the session
        asked_for = str(error)
    if asked_for and asked_for not in shown:
        report.sections.append(("Requests that the workspace does not serve", asked_for))
    if kept is not None:
        # For JUnit, which reads the properties that a test has at its end.
        item.user_properties.append((artefacts.KEPT, str(kept)))
        report.sections.append(("Kept of this test", str(kept)))
    if artefacts.on_github() and results:
        text = "\n\n".join(str(result) for result in results if not result.success) or shown[-2000:]
        report.user_properties.append((artefacts.ANNOTATION, artefacts.annotation(item, results, text)))


def _kept(item: pytest.Item, results: list[DagRunResult]) -> Path | None:
    root = item.config.getoption("--harness-artifacts")
    if not root:
        return None
    stack = getattr(item, "funcargs", {}).get("clean_stack")
    return artefacts.keep(artefacts.folder_of(item.config.rootpath / root, item.nodeid), results, stack)


def missed(item: pytest.Item) -> str:
    """The faults that a test has made and that never fired, a line each."""
    made = item.stash.get(EXPECTED, None)
    return "\n".join(f"  {fault}" for fault in made.missed()) if made is not None else ""


def unserved(item: pytest.Item) -> str:
    """The requests of a test that the workspace does not serve, a line each."""
    fixtures = getattr(item, "funcargs", {})
    if "clean_stack" not in fixtures:
        return ""
    requests = fixtures["clean_stack"].control("GET", "unserved")["unserved"]
    shown = [
        f"  {entry['request']} ({entry['times']} times) {', '.join(entry['known'])}".rstrip() for entry in requests
    ]
    return "\n".join([*shown, "docs/adding-an-endpoint.md shows how to add one."] if shown else [])
