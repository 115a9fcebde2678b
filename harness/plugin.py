"""pytest fixtures: a stack a session, clean for every test that touches it. Only wiring; what works is in the rooms."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from harness.dagrun import AirflowHome, DagRunResult, environment
from harness.dagrun import run_dag as run
from harness.dagrun.connections import declared
from harness.dagrun.isolation import left_open
from harness.dagrun.run import Outcome
from harness.scratch import scratch
from harness.settings import Settings
from harness.testing import openlineage, options
from harness.testing.clients import sql_of, workspace_of
from harness.testing.fixtures import (
    ai_answer,
    assert_schema,
    assert_table,
    factory,
    golden,
    make_bucket,
    make_bundle,
    make_catalog,
    make_job,
    make_notebook,
    make_object,
    make_schema,
    make_secret,
    make_table,
    make_volume,
    make_warehouse,
    seed,
    snapshot,
    snapshot_folder,
    table_asserts,
)
from harness.testing.marks import HELP, Marked
from harness.testing.options import HOME, pytest_addoption, pytest_collection_modifyitems, pytest_report_header
from harness.testing.reporting import (
    EXPECTED,
    RESULTS,
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_runtest_setup,
    pytest_terminal_summary,
)
from harness.testing.witness import witnessed

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

    from harness.faults import Faults
    from harness.lake.tables import LakeReader
    from harness.stack import Stack

__all__ = [
    "HOME",
    "ai_answer",
    "assert_schema",
    "assert_table",
    "factory",
    "golden",
    "make_bucket",
    "make_bundle",
    "make_catalog",
    "make_job",
    "make_notebook",
    "make_object",
    "make_schema",
    "make_secret",
    "make_table",
    "make_volume",
    "make_warehouse",
    "pytest_addoption",
    "pytest_collection_modifyitems",
    "pytest_report_header",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_setup",
    "pytest_terminal_summary",
    "seed",
    "snapshot",
    "snapshot_folder",
    "table_asserts",
]

RunDag = Callable[..., DagRunResult]


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Installed, we come before the first conftest that may import Airflow."""
    _enter_home(early_config)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Named in a conftest's ``pytest_plugins``, we come at least before the first test module."""
    config.addinivalue_line("markers", HELP)
    _enter_home(config)
    if given := options.settings(config):
        chosen = patch.dict(os.environ, given)
        chosen.start()
        config.add_cleanup(chosen.stop)


def _enter_home(config: pytest.Config) -> None:
    settings = Settings(project=config.rootpath)
    # A project without DAGs that happens to have the harness installed keeps its environment.
    if HOME in config.stash or not settings.path(settings.dags).is_dir():
        return
    around = contextlib.ExitStack()
    config.add_cleanup(around.close)
    directory = around.enter_context(scratch("harness-home"))
    config.stash[HOME] = around.enter_context(AirflowHome(directory, settings.path(settings.dags), settings.cache))


@pytest.hookimpl(trylast=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Have pytest-cov, if it measures, report notebooks too (under xdist the process without tests reports)."""
    if (controller := _coverage(session.config)) is not None:
        from harness.notebookcoverage import report

        report(controller)


def _coverage(config: pytest.Config) -> Any:
    return getattr(config.pluginmanager.getplugin("_cov"), "cov_controller", None)


@pytest.fixture(scope="session")
def harness_settings(request: pytest.FixtureRequest) -> Settings:
    """The settings of the session's stack; redefine it in the root conftest to change them."""
    return Settings(project=request.config.rootpath)


@pytest.fixture(scope="session")
def stack(request: pytest.FixtureRequest, harness_settings: Settings) -> Iterator[Stack]:
    """A running S3 server and Databricks workspace, one a session (under xdist: one a worker)."""
    from harness.debugging import Debugger
    from harness.stack import Stack

    # Where pytest leaves the terminal alone (`pytest -s`), breakpoints of notebooks stop on it.
    watched = request.config.getoption("capture") == "no" and sys.__stdin__ is not None and sys.__stdin__.isatty()
    with Stack(harness_settings) as started, Debugger(started.endpoints) if watched else nullcontext():
        if (controller := _coverage(request.config)) is not None:
            from harness.notebookcoverage import measure

            measure(controller, started.endpoints)
        yield started


@pytest.fixture(scope="session")
def airflow_home(request: pytest.FixtureRequest, harness_settings: Settings) -> Iterator[AirflowHome]:
    """The session's isolated Airflow."""
    early = request.config.stash.get(HOME, None)
    if early is None:
        raise pytest.UsageError(
            f"there is no DAG folder at {harness_settings.path(harness_settings.dags)}: set `dags` in [tool.harness]"
        )
    dags = harness_settings.path(harness_settings.dags)
    if dags == early.dags_folder:
        yield early
        return
    with AirflowHome(early.directory, dags, harness_settings.cache) as home:
        yield home


@pytest.fixture(scope="session")
def connected(stack: Stack, harness_settings: Settings) -> Iterator[None]:
    """The environment in which Airflow, boto3 and the Databricks clients reach the stack."""
    known = environment(stack.endpoints)
    more = declared(harness_settings.connections, harness_settings.variables, known)
    with patch.dict(os.environ, {**known, **more}):
        yield


@pytest.fixture
def clean_stack(request: pytest.FixtureRequest, stack: Stack, connected: None) -> Stack:
    """The stack with no tables, objects, jobs or runs in it; a request it does not serve fails the test."""
    stack.reset()
    request.node.stash[EXPECTED] = Marked.of(request.node).apply(stack)
    return stack


@pytest.fixture
def run_dag(
    request: pytest.FixtureRequest, airflow_home: AirflowHome, clean_stack: Stack, harness_settings: Settings
) -> Iterator[RunDag]:
    """``run_dag(dag, **options) -> DagRunResult``: run a DAG id, file or object on a clean Airflow and stack."""
    airflow_home.clean()
    results: list[DagRunResult] = []
    request.node.stash[RESULTS] = results
    marked = Marked.of(request.node)

    @functools.wraps(run)
    def recorded(dag: Any, *, expect: Outcome | None = None, **said: Any) -> DagRunResult:
        given = {"network": clean_stack.network, **marked.options(said)}
        result = run(dag, home=airflow_home, **given)
        result = witnessed(result, clean_stack.endpoints, objects=harness_settings.s3 == "moto")
        results.append(result)
        if harness_settings.openlineage is not None:
            file = harness_settings.path(harness_settings.openlineage)
            openlineage.append(file, openlineage.events(result, clean_stack.workspace_url))
        return result if expect is None else result.raise_unless(expect)

    yield recorded
    with left_open():
        for result in results:
            result.release()


@pytest.fixture
def run_assets(run_dag: RunDag) -> RunDag:
    """``run_dag`` that also runs every DAG which asset events schedule."""
    return functools.partial(run_dag, follow_assets=True)


@pytest.fixture
def lake(clean_stack: Stack) -> LakeReader:
    """The tables, read by delta-rs: ``lake.table("main.schema.name").to_pandas()``."""
    from harness.lake.tables import LakeReader

    return LakeReader(clean_stack.workspace_url, clean_stack.token, clean_stack.s3)


@pytest.fixture
def s3(clean_stack: Stack) -> Any:
    """A boto3 client of the stack's S3 server."""
    import boto3

    # boto3's default session keeps the credentials that were there when it was first used.
    return boto3.Session().client("s3")


@pytest.fixture
def workspace(clean_stack: Stack) -> WorkspaceClient:
    """A Databricks SDK client of the stack's workspace."""
    return workspace_of(clean_stack.endpoints)


@pytest.fixture
def sql(clean_stack: Stack) -> Iterator[Callable[..., list[Any]]]:
    """``sql(statement, parameters=None) -> list of rows``, on the warehouse, over databricks-sql-connector."""
    with sql_of(clean_stack.endpoints) as execute:
        yield execute


@pytest.fixture
def faults(request: pytest.FixtureRequest, clean_stack: Stack) -> Faults:
    """Failures on demand: ``faults.request("runs.get", status=429)``; one that never fires fails the test."""
    from harness.faults import Faults

    made = request.node.stash[EXPECTED] = request.node.stash[EXPECTED] or Faults(clean_stack)
    return made
