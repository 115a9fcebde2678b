"""``python -m benchmarks.polling [--rounds N]``: what waiting for runs costs a DAG, with the operators' own periods.

Ten operators in a row, whose default is to sleep 5 s or 30 s between two polls, beside ten runs of the same notebook
sent one after the other by a bare client. Nothing shortens the periods: the workspace answers a poll when there is
something to say.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.client import Figures, JobsClient, median_of, notebook
from benchmarks.results import keep, machine
from harness.dagrun.connections import environment
from harness.dagrun.home import AirflowHome
from harness.settings import Settings
from harness.stack import Stack

ROOT = Path(__file__).parents[1]
TITLE = "ten runs, with the operators' own polling periods, in seconds"
MODES = ("submit", "submit_deferrable", "notebook", "notebook_deferrable")


def measure(run: Callable[..., Any], client: JobsClient, rounds: int) -> Figures:
    """Seconds of ten runs by a bare client, and of a DAG of ten operators in each mode; the ratios of each round."""
    from benchmarks.dags import tasks

    seconds: dict[str, list[float]] = {name: [] for name in ("client", "empty", *MODES)}
    for counted in range(-1, rounds):
        measured = {"client": _ten_runs(client, tasks.TASKS)}
        for name in ("empty", *MODES):
            result = run(getattr(tasks, name), fast=False).raise_for_failure()
            measured[name] = result.duration
        if counted >= 0:
            for name, value in measured.items():
                seconds[name].append(value)
    figures = {name: median_of(values) for name, values in seconds.items()}
    for name in MODES:
        ratios = [dag / client for dag, client in zip(seconds[name], seconds["client"], strict=True)]
        figures[f"{name} / client"] = median_of(ratios)
    return figures


def _ten_runs(client: JobsClient, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        client.run([notebook("/Workspace/Benchmarks/empty")])
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    settings, before = Settings(project=ROOT), machine()
    settings = settings.model_copy(update={"mounts": {"/Workspace/Benchmarks": ROOT / "benchmarks" / "notebooks"}})
    with (
        tempfile.TemporaryDirectory() as scratch,
        Stack(settings) as stack,
        AirflowHome(Path(scratch), settings.path(settings.dags), settings.cache) as home,
    ):
        os.environ.update(environment(stack.endpoints))
        from harness.dagrun.run import run_dag

        stack.wait_engine()
        figures = measure(
            lambda dag, **options: run_dag(dag, home=home, **options), JobsClient(stack.endpoints), rounds
        )
    keep({TITLE: {**before, **figures}})
    grid = Table("ten runs, in seconds", "median", "min", "max")
    for name, figure in figures.items():
        grid.add_row(name, str(figure["median"]), str(figure["min"]), str(figure["max"]))
    Console().print(grid)


if __name__ == "__main__":
    main()
