"""The report of a failing test: why its DAG runs failed, what the workspace does not serve, what is kept."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.dagrun import DagRunResult
from harness.testing import artefacts

if TYPE_CHECKING:
    from harness.faults import Faults

RESULTS = pytest.StashKey[list[DagRunResult]]()
EXPECTED: pytest.StashKey[Faults | None] = pytest.StashKey()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget what an attempt before this one has left on the item: plugins that rerun tests use it again."""
    item.stash[RESULTS] = []
    item.stash[EXPECTED] = None
    item.user_properties[:] = [each for each in item.user_properties if each[0] not in artefacts.OURS]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that asked the workspace for something it does not serve, or whose faults did not fire."""
    yield
    if unfired := missed(item):
        pytest.fail(f"these faults were made and never fired (`expected=False` allows that):\n{unfired}", pytrace=False)
    if asked := unserved(item):
        pytest.fail(f"the workspace was asked for what it does not serve:\n{asked}", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add what DAG runs have to say, and unserved requests, to the report; keep what a failing test leaves."""
    results = item.stash.get(RESULTS, [])
    # JUnit's properties. A fixture may run DAGs too: where it fails there is no call.
    if results and (call.when == "call" or (call.when == "setup" and call.excinfo is not None)):
        item.user_properties += artefacts.properties(results)
    report = yield
    if report.when != "teardown" and report.failed:
        explain(item, report, results)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print GitHub's annotations, once, where the reports of all workers are."""
    for report in (*terminalreporter.stats.get("failed", []), *terminalreporter.stats.get("error", [])):
        for annotation in artefacts.property_of(report, artefacts.ANNOTATION):
            terminalreporter.write_line(annotation)


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
