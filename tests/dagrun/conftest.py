"""An Airflow home over the small DAGs next door; no stack, no Spark."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.dagrun import AirflowHome, DagRunResult, run_dag
from harness.plugin import HOME
from harness.settings import Settings

DAGS = Path(__file__).parent / "dags"


@pytest.fixture(scope="module")
def home(request: pytest.FixtureRequest, harness_settings: Settings) -> Iterator[AirflowHome]:
    # A process has one Airflow home, the plugin's: the same directory, other DAGs. No longer than a module: entered, it
    # hides the connections of the stack, and tests come in any order.
    with AirflowHome(request.config.stash[HOME].directory, DAGS, harness_settings.cache) as home:
        yield home


@pytest.fixture
def run(home: AirflowHome) -> Callable[..., DagRunResult]:
    """``run(dag, **options)`` on a clean database."""
    home.clean()
    return functools.partial(run_dag, home=home)
