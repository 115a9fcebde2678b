"""How long Spark takes from nothing to its first SQL result: stock pyspark, the harness, the harness with its archive.

Each start is a process of its own; the kinds take turns, so that a busy machine is unfair to none.

    python benchmarks/jvm_start.py --rounds 5
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from harness.settings import Settings

KINDS = {
    "stock": "pyspark as installed: bin/spark-submit, no Delta, no catalog",
    "plain": "harness: Delta, S3A, catalog; without a class archive",
    "archived": "harness: Delta, S3A, catalog; with the class archive",
}


def stock(directory: Path) -> dict[str, float]:
    began = time.perf_counter()
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config("spark.sql.warehouse.dir", str(directory)).getOrCreate()
    spark.sql("SELECT 1").collect()
    wall = time.perf_counter() - began
    jvms = [child for child in psutil.Process().children(recursive=True) if child.name() == "java"]
    cpu = sum(sum(jvm.cpu_times()[:2]) for jvm in jvms)
    spark.stop()
    return {"wall": wall, "cpu": cpu}


def ours(directory: Path, archived: bool) -> dict[str, float]:
    from harness.lake.scratch import ScratchCatalog

    with ScratchCatalog(directory / "tables", ["main"]).served() as catalog:
        began = time.perf_counter()
        from harness.lake.engine import Engine, EngineConfig

        config = EngineConfig(directory / "spark", Settings().cache, catalog.url, "", class_archive=archived, cores=2)
        engine = Engine(config)
        engine.start()
        engine.session().sql("SELECT 1").collect()
        wall = time.perf_counter() - began
        cpu = sum(psutil.Process(engine.status()["pid"]).cpu_times()[:2])
        assert not archived or engine.status()["archive"] == "used"
        engine.stop()
    return {"wall": wall, "cpu": cpu}


def once(kind: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as scratch:
        return stock(Path(scratch)) if kind == "stock" else ours(Path(scratch), kind == "archived")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once", choices=KINDS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.once:
        print(json.dumps(once(arguments.once)))
        return
    from harness.lake.engine import EngineConfig, gather

    gather(EngineConfig(Path("unused"), Settings().cache, "", "")).archive.build()
    results: dict[str, list[dict[str, float]]] = {kind: [] for kind in KINDS}
    for _ in range(arguments.rounds):
        for kind, found in results.items():
            command = [sys.executable, __file__, "--once", kind]
            output = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
            found.append(json.loads(output.splitlines()[-1]))
    print(f"{'median (min)':12} {'wall s':>14} {'JVM CPU s':>14}")
    for kind, found in results.items():
        cells = [
            f"{statistics.median(f[m] for f in found):.2f} ({min(f[m] for f in found):.2f})" for m in ("wall", "cpu")
        ]
        print(f"{kind:12} {cells[0]:>14} {cells[1]:>14}  {KINDS[kind]}")
    print(json.dumps({"load": psutil.getloadavg(), "results": results}))


if __name__ == "__main__":
    main()
