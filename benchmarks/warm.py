"""A plugin of pytest for ``benchmarks.suite``: the stack is up and Airflow is ready before the first test, and timed.

Prints, where ``HARNESS_BENCHMARK_WARM`` names a file, the seconds from then to the end of the last test into it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.dagrun import AirflowHome
from harness.stack import Stack

BEGAN = pytest.StashKey[float]()


@pytest.fixture(scope="session", autouse=True)
def warm(request: pytest.FixtureRequest, stack: Stack, airflow_home: AirflowHome, connected: None) -> Iterator[None]:
    """Spark has come up and Airflow has been imported."""
    stack.wait_engine()
    airflow_home.prepare()
    began = time.monotonic()
    yield
    Path(os.environ["HARNESS_BENCHMARK_WARM"]).write_text(repr(time.monotonic() - began))
