"""``python -m benchmarks.overhead [--rounds N]``: what a task costs under ``run_dag``, beside Airflow's ``dag.test()``.

A DAG of ten Python tasks in a row that do nothing, run by both in turn in one warm process with one in-process API, as
seconds a task: of wall clock and of CPU, which a busy machine changes less. Then the first run of a new process, where
``dag.test()`` builds every version of its API.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.client import Figures, median_of
from benchmarks.results import keep, machine
from harness.dagrun.home import AirflowHome
from harness.settings import user_cache

TITLE = "a task that does nothing: run_dag beside dag.test(), in seconds"
TASKS = 10
DAG = f"""
from airflow.sdk import DAG, chain, task

with DAG("ten", schedule=None) as ten:

    @task
    def nothing():
        pass

    chain(*(nothing.override(task_id=f"nothing_{{n}}")() for n in range({TASKS})))
"""
FIRST = """
import sys, time
from pathlib import Path
from harness.dagrun.home import AirflowHome
from harness.settings import user_cache

directory, how = Path(sys.argv[1]), sys.argv[2]
with AirflowHome(directory / how, directory / "dags", user_cache()) as home:
    if how == "run_dag":
        from harness.dagrun.run import run_dag
        run_dag("ten", home=home).raise_for_failure()
    else:
        from harness.dagrun import api
        api.make_fast = lambda: None
        assert home.registry.find("ten").test().state == "success"
print(time.process_time())
"""


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--processes", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        (folder / "dags").mkdir()
        (folder / "dags" / "ten.py").write_text(DAG)
        with AirflowHome(folder / "home", folder / "dags", user_cache()) as home:
            figures = _warm(home, given.rounds)
        for how in ("dag.test()", "run_dag"):
            figures[f"first run of a process, CPU: {how}"] = median_of(
                [_first(folder, how) for _ in range(given.processes)]
            )
    keep({TITLE: {**machine(), **figures}})
    table = Table("", "median", "min", "max", title=TITLE)
    for name, value in figures.items():
        table.add_row(name, *(f"{value[key]:.4f}" for key in ("median", "min", "max")))
    Console().print(table)


def _warm(home: AirflowHome, rounds: int) -> Figures:
    from harness.dagrun.run import run_dag

    dag = home.registry.find("ten")
    ways: dict[str, Callable[[], Any]] = {
        "dag.test()": lambda: _quietly(dag.test),
        "run_dag": lambda: run_dag(dag, home=home).raise_for_failure(),
    }
    seconds: dict[str, list[float]] = {}
    for counted in range(-2, rounds):
        for name, run in ways.items():
            wall, cpu = time.perf_counter(), time.process_time()
            assert run().state == "success"
            if counted >= 0:
                seconds.setdefault(f"{name}, wall", []).append((time.perf_counter() - wall) / TASKS)
                seconds.setdefault(f"{name}, CPU", []).append((time.process_time() - cpu) / TASKS)
    figures: Figures = {name: median_of(values) for name, values in seconds.items()}
    for kind in ("wall", "CPU"):
        pairs = zip(seconds[f"run_dag, {kind}"], seconds[f"dag.test(), {kind}"], strict=True)
        figures[f"run_dag / dag.test(), {kind}"] = median_of([ours / stock for ours, stock in pairs])
    return figures


def _quietly(call: Callable[[], Any]) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return call()


def _first(folder: Path, how: str) -> float:
    command = [sys.executable, "-c", FIRST, str(folder), how]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "AIRFLOW_HOME": ""})
    return float(done.stdout.split()[-1])


if __name__ == "__main__":
    main()
