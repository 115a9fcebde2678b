"""``python -m benchmarks [--rounds N]``: every measurement, as tables and as ``benchmarks/results.json``."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import polling
from benchmarks.client import Figures, JobsClient, median_of, notebook
from benchmarks.results import RESULTS, keep, machine
from harness.dagrun.connections import environment
from harness.dagrun.home import AirflowHome
from harness.settings import Settings
from harness.stack import Stack

ROOT = Path(__file__).parents[1]
GREEN = "/Workspace/Shared/green_energy"
# In which a kernel has been forked and is attached, on a busy machine too.
STANDBY_SECONDS = 0.5

Run = Callable[..., Any]


def cold_start(rounds: int) -> Figures:
    """Seconds from the start of a new Python process, with everything fetched before: its stages up to a green DAG."""
    variants = {"class archive": "true", "no class archive": "false"}
    stages: dict[str, dict[str, list[float]]] = {name: {} for name in variants}
    for _ in range(rounds):
        for name, value in variants.items():
            started = time.time()
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.cold", repr(started)],
                cwd=ROOT,
                env={**os.environ, "HARNESS_CLASS_ARCHIVE": value},
                capture_output=True,
                text=True,
                check=True,
            )
            for stage, seconds in json.loads(done.stdout.splitlines()[-1]).items():
                stages[name].setdefault(stage, []).append(seconds)
    return {f"{stage}, {name}": median_of(v) for name, each in stages.items() for stage, v in each.items()}


def transform_job(client: JobsClient, rounds: int) -> Figures:
    """Seconds of the five notebooks as a job, and of the same cells in one script on the same warm JVM."""
    names = {"catalog": "main", "schema": "green_energy", "year": "2025"}
    job = [
        notebook(f"{GREEN}/extract_green", **names),
        notebook(f"{GREEN}/extract_not_green", **names),
        notebook(f"{GREEN}/transform_green", "extract_green", **names),
        notebook(f"{GREEN}/transform_not_green", "extract_not_green", **names),
        notebook(f"{GREEN}/analytics", "transform_green", "transform_not_green", **names),
    ]
    script = {
        "task_key": "script",
        "spark_python_task": {
            "python_file": "/Workspace/Benchmarks/one_script.py",
            "parameters": [str(ROOT / "notebooks" / "green_energy")],
        },
        "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 1},
    }
    as_job, as_script = [], []
    for counted in range(-1, rounds):
        seconds, _ = client.run(job)
        _, run = client.run([script])
        if counted >= 0:
            as_job.append(seconds)
            as_script.append(float(client.output(run, "script")["logs"].rpartition("seconds=")[2]))
    ratios = [job / script for job, script in zip(as_job, as_script, strict=True)]
    return {"job": median_of(as_job), "one script": median_of(as_script), "ratio": median_of(ratios)}


def notebook_task(client: JobsClient, rounds: int) -> Figures:
    """Seconds of a run of one empty notebook: request to first cell, and request to the answer that it has ended.

    One right after the other, and after pauses, in which the next kernel attaches to Spark and stands by.
    """
    figures = {}
    for pause, kind in ((0.0, ""), (STANDBY_SECONDS, ", a kernel stands by")):
        first_cell, total = [], []
        for counted in range(-2, 4 * rounds):
            time.sleep(pause)
            started = time.time()
            seconds, run = client.run([notebook("/Workspace/Benchmarks/empty")])
            began = float(client.output(run, "empty")["notebook_output"]["result"])
            if counted >= 0:
                total.append(seconds)
                first_cell.append(began - started)
        figures |= {f"request to first cell{kind}": median_of(first_cell), f"request to end{kind}": median_of(total)}
    return figures


def airflow_tasks(run: Run, rounds: int) -> Figures:
    """Seconds a task takes in ``dag.test()``, for rows of ten of one operator, and the ratio to an empty one."""
    from benchmarks.dags.tasks import TASKS

    seconds: dict[str, list[float]] = {name: [] for name in ("empty", "python", "statement", "notebook")}
    for counted in range(-1, rounds):
        for name, values in seconds.items():
            result = run(name).raise_for_failure()
            if counted >= 0:
                values.append(result.duration / TASKS)
    empty = statistics.median(seconds["empty"])
    figures: Figures = {name: median_of(values) for name, values in seconds.items()}
    figures.update(
        {
            f"{name} more than empty": round(statistics.median(v) - empty, 4)
            for name, v in seconds.items()
            if name != "empty"
        }
    )
    return figures


def memory(stack: Stack) -> Figures:
    """Megabytes each process holds (USS: what would be freed if it ended)."""
    figures = {}
    for process in psutil.Process().children(recursive=True):
        line = process.cmdline()
        name = next((word for word in line if word.startswith(("harness.", "io.unitycatalog.harness."))), line[0])
        figures[name] = round(process.memory_full_info().uss / 1e6)
    figures["Airflow (this process)"] = round(psutil.Process().memory_full_info().uss / 1e6)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    console = Console()
    results: dict[str, Figures] = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            **machine(),
        }
    }

    def record(name: str, figures: Figures) -> None:
        results[name] = figures
        grid = Table(name, "median", "min", "max", title_justify="left")
        for row, value in figures.items():
            cells = [str(value[key]) for key in ("median", "min", "max")] if isinstance(value, dict) else [str(value)]
            grid.add_row(row, *cells)
        console.print(grid)

    settings = Settings(project=ROOT)
    mounts = {**settings.mounts, "/Workspace/Benchmarks": ROOT / "benchmarks" / "notebooks"}
    settings = settings.model_copy(update={"mounts": mounts})
    with (
        tempfile.TemporaryDirectory() as scratch,
        Stack(settings) as stack,
        AirflowHome(Path(scratch), settings.path(settings.dags), settings.cache) as home,
    ):
        os.environ.update(environment(stack.endpoints))
        from harness.dagrun.run import run_dag

        def run(dag: Any, **options: Any) -> Any:
            return run_dag(dag, home=home, **options)

        stack.wait_engine()
        run("green_energy_extract", follow_assets=True).raise_for_failure()
        client = JobsClient(stack.endpoints)
        record("five notebooks, warm, in seconds", transform_job(client, rounds))
        record("one notebook task, in seconds", notebook_task(client, rounds))
        from benchmarks.dags import tasks

        dags = {name: getattr(tasks, name) for name in ("empty", "python", "statement", "notebook")}
        record("one Airflow task, in seconds", airflow_tasks(lambda name: run(dags[name]), rounds))
        record(polling.TITLE, polling.measure(run, client, rounds))
        record("memory, in MB", memory(stack))
    record("cold start, in seconds", cold_start(rounds))
    keep(results)
    console.print(f"written to {RESULTS}")


if __name__ == "__main__":
    main()
