"""``python -m benchmarks.suite [--rounds N] [paths]``: seconds of the production DAGs' own tests, cold and warm.

Cold: ``pytest tests/dags tests/notebooks`` as it is typed, a new process with a stack of its own, from the first moment
to the last (jars and class archive are there: ``harness fetch``, and one run before that is not counted). Warm: the
tests alone, in a session whose stack was up, with Spark and Airflow ready, before the first of them. Aims, on 2 cores
of a quiet machine: two minutes, one minute.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.client import Figures, median_of
from benchmarks.results import keep, machine

TITLE = "the DAGs' own tests, in seconds"
ROOT = Path(__file__).parents[1]
TESTS = ("tests/dags", "tests/notebooks")


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("tests", nargs="*", default=TESTS, help="files or folders of tests")
    given = parser.parse_args()
    before = machine()
    seconds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "seconds"
        number = _run(given.tests)[1]
        for _ in range(given.rounds):
            wall, cpu, _ = _timed(given.tests)
            seconds.setdefault("cold", []).append(wall)
            seconds.setdefault("cold, CPU of all processes", []).append(cpu)
            _run(given.tests, "-p", "benchmarks.warm", file=file)
            seconds.setdefault("warm", []).append(float(file.read_text()))
    figures: Figures = {name: median_of(values) for name, values in seconds.items()}
    keep({TITLE: {**before, "tests": number, **figures}})
    table = Table("", "median", "min", "max", title=TITLE)
    for name, value in figures.items():
        table.add_row(name, *(f"{value[key]:.1f}" for key in ("median", "min", "max")))
    Console().print(table)


def _timed(tests: list[str]) -> tuple[float, float, int]:
    started, before = time.monotonic(), os.times()
    _, number = _run(tests)
    wall, after = time.monotonic() - started, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, number


def _run(tests: list[str], *options: str, file: Path | None = None) -> tuple[str, int]:
    """Run them. Returns: what pytest printed, and how many passed. Ends the benchmark when one did not."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *tests],
        cwd=ROOT,
        env={**os.environ, "HARNESS_BENCHMARK_WARM": str(file or ""), "PYTHONPATH": str(ROOT)},
        text=True,
        capture_output=True,
        check=False,
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    if done.returncode != 0 or passed is None:
        sys.exit(done.stdout + done.stderr)
    return done.stdout, int(passed[1])


if __name__ == "__main__":
    main()
