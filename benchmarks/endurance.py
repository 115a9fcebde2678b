"""``python -m benchmarks.endurance [--runs N]``: what a stack costs from its first cell to its five hundredth run.

A cold stack to its first cell; the first Python function in Spark; 50 notebook tasks at once; the memory of a kernel;
many runs in a row, with memory, threads, files and processes at the start, in the middle and at the end. Runs a
third as many before the start: what is loaded on first use is no leak. Figures go to ``benchmarks/results.json``;
files or processes that grow make the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.client import Figures, JobsClient, median_of, notebook
from benchmarks.results import RESULTS, keep, machine
from harness.settings import Settings
from harness.stack import Stack

ROOT = Path(__file__).parents[1]
FOLDER = "/Workspace/Benchmarks"
TITLE = "endurance"
PARALLEL = 50
KERNELS = 4
# What may come and go: connections kept open for a while, a thread of a pool.
FILES = 8


def first_cell(client: JobsClient) -> float:
    """When the first cell of a notebook ran, in epoch seconds."""
    _, run = client.run([notebook(f"{FOLDER}/empty")])
    return float(client.output(run, "empty")["notebook_output"]["result"])


def first_function(client: JobsClient) -> Figures:
    """Seconds of the first Python function of a notebook in Spark, and of the second."""
    _, run = client.run([notebook(f"{FOLDER}/first_udf")])
    first, second = json.loads(client.output(run, "first_udf")["notebook_output"]["result"])
    return {"first": round(first, 3), "second": round(second, 3)}


def at_once(client: JobsClient) -> Figures:
    """Seconds of a run of 50 notebook tasks that wait for none of each other."""
    tasks = [{**notebook(f"{FOLDER}/number", number=str(n)), "task_key": f"n{n}"} for n in range(PARALLEL)]
    seconds, run = client.run(tasks)
    assert all(task["state"]["result_state"] == "SUCCESS" for task in run["tasks"])
    return {"tasks": PARALLEL, "seconds": round(seconds, 2)}


def of_a_kernel(client: JobsClient, scratch: Path) -> Figures:
    """Megabytes that a notebook which has used Spark holds for itself (USS)."""
    pipes = []
    for number in range(KERNELS):
        ready, go = scratch / f"ready{number}", scratch / f"go{number}"
        os.mkfifo(ready)
        os.mkfifo(go)
        pipes.append((ready, go))
    tasks = [
        {**notebook(f"{FOLDER}/waits", ready=str(ready), go=str(go)), "task_key": ready.name} for ready, go in pipes
    ]
    runs = threading.Thread(target=client.run, args=(tasks,))
    runs.start()
    held = [psutil.Process(int(ready.read_text())).memory_full_info().uss / 1e6 for ready, _ in pipes]
    for _, go in pipes:
        go.write_text("")
    runs.join()
    return median_of(held)


def in_use() -> dict[str, dict[str, int]]:
    """What each process of the stack has: megabytes (RSS), threads, open files; and how many processes there are."""
    found: dict[str, dict[str, int]] = {}
    processes = psutil.Process().children(recursive=True)
    for process in processes:
        try:
            line = process.cmdline()
            name = next((word for word in line if word.startswith(("harness.", "io.unitycatalog.harness."))), "")
            if name:
                memory = round(process.memory_info().rss / 1e6)
                found[name] = {"MB": memory, "threads": process.num_threads(), "files": process.num_fds()}
        except psutil.NoSuchProcess:
            continue
    return {**found, "all": {"processes": len(processes)}}


def in_a_row(client: JobsClient, runs: int) -> Figures:
    """Many runs of an empty notebook, one after the other."""
    for _ in range(runs // 3):
        client.run([notebook(f"{FOLDER}/empty")])
    figures: Figures = {"runs": runs, "start": in_use()}
    for part in ("middle", "end"):
        started = time.perf_counter()
        for _ in range(runs // 2):
            client.run([notebook(f"{FOLDER}/empty")])
        figures[f"seconds a run to the {part}"] = round((time.perf_counter() - started) / (runs // 2), 4)
        figures[part] = in_use()
    return figures


def grown(figures: Figures) -> list[str]:
    """What of files and processes there is more of at the end than at the start."""
    start, end = figures["start"], figures["end"]
    more = [
        f"{name}: {start[name]['files']} open files at the start, {facts['files']} at the end"
        for name, facts in end.items()
        if name in start and facts.get("files", 0) > start[name].get("files", 0) + FILES
    ]
    if end["all"]["processes"] > start["all"]["processes"]:
        more.append(f"{start['all']['processes']} processes at the start, {end['all']['processes']} at the end")
    return more


def show(console: Console, figures: Figures) -> None:
    """The figures as a table."""
    grid = Table("endurance", "")
    for name, value in figures.items():
        cells: Any = value.items() if isinstance(value, dict) else [("", value)]
        for part, fact in cells:
            grid.add_row(f"{name} {part}".strip(), str(fact))
    console.print(grid)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=500)
    given = parser.parse_args()
    settings = Settings(project=ROOT)
    settings = settings.model_copy(update={"mounts": {FOLDER: ROOT / "benchmarks" / "notebooks"}})
    figures: Figures = {**machine()}
    started = time.time()
    with Stack(settings) as stack, tempfile.TemporaryDirectory() as scratch:
        client = JobsClient(stack.endpoints)
        figures["cold stack to first cell, in seconds"] = round(first_cell(client) - started, 2)
        figures["first Python function in Spark, in seconds"] = first_function(client)
        stack.wait_engine()
        figures["notebook tasks at once"] = at_once(client)
        figures["memory of a kernel, in MB"] = of_a_kernel(client, Path(scratch))
        figures["in a row"] = in_a_row(client, given.runs)
    keep({TITLE: figures})
    console = Console()
    show(console, figures)
    more = grown(figures["in a row"])
    for text in more:
        console.print(f"[red]{text}")
    console.print(f"written to {RESULTS}")
    return 1 if more else 0


if __name__ == "__main__":
    sys.exit(main())
