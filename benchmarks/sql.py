"""``python -m benchmarks.sql [--rounds N]``: what the SQL endpoint costs beside Spark itself, on one engine.

A statement's round trip, a million rows, COPY INTO of 500 files on S3 beside a read of them and an append to such a
table, and what the catalog adds to loading a table; in rounds, Spark's side (a notebook) and the connector's in turn.
Tables go to the terminal, figures to ``benchmarks/results.json``. A ratio above its aim makes the exit status 1.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from databricks import sql
from rich.console import Console
from rich.table import Table

from benchmarks.client import Figures, JobsClient, median_of, notebook
from benchmarks.results import RESULTS, keep, machine
from harness.settings import Settings
from harness.stack import Stack

ROOT = Path(__file__).parents[1]
BUCKET = "benchmark"
FILES = 500
TABLES = 20
REPEATS = 30
LOADS = 2
MILLION = "SELECT id, id * 0.5D AS half, 'name ' || id AS name FROM range(1000000)"
AIMS = {"SELECT 1": 1.2, "1 M rows": 1.2, "500 files": 1.3}


def seconds(do: Callable[[], object]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def put_files(stack: Stack) -> None:
    """Put the files of COPY INTO into the bucket."""
    s3 = boto3.client(
        "s3",
        endpoint_url=stack.s3.url,
        aws_access_key_id=stack.s3.access_key,
        aws_secret_access_key=stack.s3.secret_key,
        region_name=stack.s3.region,
    )
    s3.create_bucket(Bucket=BUCKET)

    def put(number: int) -> None:
        s3.put_object(Bucket=BUCKET, Key=f"in/{number:04}.csv", Body=f"id,name\n{number},n{number}\n".encode())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(FILES)))


def through_sql(cursor: Any) -> dict[str, list[float]]:
    """What the connector takes, in seconds."""

    def one() -> None:
        cursor.execute("SELECT 1")
        cursor.fetchall()

    def million() -> None:
        cursor.execute(MILLION)
        assert cursor.fetchall_arrow().num_rows == 1_000_000

    def copied() -> float:
        table = f"main.default.copied_{time.time_ns()}"
        cursor.execute(f"CREATE TABLE {table} (id INT, name STRING)")
        started = time.perf_counter()
        cursor.execute(
            f"COPY INTO {table} FROM (SELECT id::INT, name FROM 's3://{BUCKET}/in/') "
            "FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
        )
        (counted,) = cursor.fetchall()
        taken = time.perf_counter() - started
        assert counted[0] == FILES
        return taken

    return {
        "SELECT 1": [seconds(one) for _ in range(REPEATS)],
        "1 M rows": [seconds(million) for _ in range(3)],
        "500 files": [copied() for _ in range(LOADS)],
    }


def measure(stack: Stack, rounds: int) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Spark's seconds and the connector's, by what was done; the first round, to warm both up, is left out."""
    put_files(stack)
    client = JobsClient(stack.endpoints)
    tables = [f"main.default.t{number}" for number in range(TABLES)]
    path = f"/sql/1.0/warehouses/{stack.warehouse_id}"
    direct: dict[str, list[float]] = defaultdict(list)
    ours: dict[str, list[float]] = defaultdict(list)
    with (
        sql.connect(
            server_hostname="127.0.0.1",
            http_path=path,
            access_token=stack.token,
            _connection_uri=stack.workspace_url + path,
            enable_telemetry=False,
        ) as connection,
        connection.cursor() as cursor,
    ):
        for table in tables:
            cursor.execute(f"CREATE TABLE {table} (id INT)")
        given = {
            "repeats": str(REPEATS),
            "loads": str(LOADS),
            "folder": f"s3://{BUCKET}/in/",
            "tables": json.dumps(tables),
        }
        for number in range(rounds + 1):
            _, run = client.run([notebook("/Workspace/Benchmarks/direct_sql", **given)])
            output = client.call("GET", "jobs/runs/get-output", params={"run_id": run["tasks"][0]["run_id"]})
            found = json.loads(output["notebook_output"]["result"])
            for taken, into in ((found, direct), (through_sql(cursor), ours)):
                for name, values in taken.items():
                    into[name] += values if number else []
    return direct, ours


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    settings = Settings(project=ROOT)
    settings = settings.model_copy(update={"mounts": {"/Workspace/Benchmarks": ROOT / "benchmarks" / "notebooks"}})
    before = machine()
    with Stack(settings) as stack:
        stack.wait_engine()
        direct, ours = measure(stack, given.rounds)
    figures: Figures = dict(before)
    for name in AIMS:
        figures[f"{name}, Spark"] = median_of([1000 * value for value in direct[name]])
        figures[f"{name}, connector"] = median_of([1000 * value for value in ours[name]])
        ratio = figures[f"{name}, connector"]["median"] / figures[f"{name}, Spark"]["median"]
        figures[f"{name}, ratio"] = round(ratio, 2)
    loaded = {name: median_of([1000 * value for value in direct[name]]) for name in ("by name", "by path")}
    figures["a table's load, by name"], figures["a table's load, by path"] = loaded["by name"], loaded["by path"]
    figures["the catalog's part"] = round(loaded["by name"]["median"] - loaded["by path"]["median"], 2)
    keep({"Databricks SQL, in milliseconds": figures})
    grid = Table("in milliseconds", "median", "min", "max", "n")
    for name, value in figures.items():
        cells = [str(value[key]) for key in ("median", "min", "max", "n")] if isinstance(value, dict) else [str(value)]
        grid.add_row(name, *cells)
    console = Console()
    console.print(grid)
    missed = {name: aim for name, aim in AIMS.items() if figures[f"{name}, ratio"] > aim}
    for name, aim in missed.items():
        console.print(f"[red]{name}: {figures[f'{name}, ratio']} times what Spark takes; the aim is {aim}")
    console.print(f"written to {RESULTS}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
