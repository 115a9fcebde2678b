"""What each S3 server takes for what pipelines do: ``python -m benchmarks.buckets [SERVER...]``.

Measured by boto3, one client, without Spark: 10,000 small objects written by 16 threads, listed, and removed by a
reset; one object of 1 GB up in parts of 16 MB and down again. Then the whole of `harness demo` on each. Prints the
figures, and keeps them in benchmarks/results.json.

Where there is no MinIO, it is built; where no Docker engine answers, one is started (root).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from boto3.s3.transfer import TransferConfig

from benchmarks.client import Figures
from benchmarks.results import keep, machine
from containers import minio
from containers.engine import EngineUnavailable, engine
from harness.lake.buckets import S3Unavailable, empty, plan
from harness.lake.buckets.reset import client
from harness.lake.s3 import reset
from harness.process import Child, ProcessFailed
from harness.settings import Settings

ROOT = Path(__file__).parents[1]
TITLE = "S3 servers, in seconds"
OBJECTS, THREADS, LARGE, PART = 10_000, 16, 1_000_000_000, 16 << 20
COLUMNS = ("start", "write 10,000 objects", "list them", "1 GB up", "1 GB down", "reset")


class Nothing(io.RawIOBase):
    """A file that takes everything and keeps nothing."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)


def measure(kind: str, directory: Path) -> list[float]:
    """Seconds, in the order of ``COLUMNS``. Raises: ``S3Unavailable``, ``ProcessFailed``."""
    marks = [time.monotonic()]
    made = plan(Settings(s3=kind), directory)
    child = Child(made.name, made.module, config=made.config, sockets=made.sockets, log=directory / "s3.log")
    for sock in made.sockets:
        sock.close()
    try:
        child.wait_ready()
        marks.append(time.monotonic())
        s3 = client(made.endpoint, max_pool_connections=THREADS, read_timeout=600)
        s3.create_bucket(Bucket="figures")
        with ThreadPoolExecutor(THREADS) as pool:
            put = [
                pool.submit(s3.put_object, Bucket="figures", Key=f"k/{n:05}", Body=b"x" * 100) for n in range(OBJECTS)
            ]
        for each in put:
            each.result()
        marks.append(time.monotonic())
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="figures")
        assert sum(page["KeyCount"] for page in pages) == OBJECTS
        marks.append(time.monotonic())
        parts = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
        with tempfile.TemporaryFile(dir=directory) as file:
            file.truncate(LARGE)
            s3.upload_fileobj(file, "figures", "large", Config=parts)
        marks.append(time.monotonic())
        s3.download_fileobj("figures", "large", Nothing(), Config=TransferConfig(use_threads=False))
        marks.append(time.monotonic())
        (reset if kind == "moto" else empty)(made.endpoint)  # as a stack does
        marks.append(time.monotonic())
    finally:
        child.stop()
    return [after - before for before, after in itertools.pairwise(marks)]


def demo(kind: str) -> float:
    """Seconds of the whole demo, the start and the end of its stack among them. Raises: ``ProcessFailed``."""
    started = time.monotonic()
    command = [sys.executable, "-m", "harness.cli", "demo", "--s3", kind]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ProcessFailed(f"the demo fails on {kind}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return time.monotonic() - started


@contextlib.contextmanager
def prepared(kinds: list[str]) -> Iterator[None]:
    """What the servers need; one that cannot be had is named when its turn comes."""
    with contextlib.ExitStack() as running:
        try:
            if "minio-binary" in kinds and shutil.which("minio") is None:
                os.environ["PATH"] += os.pathsep + str(minio.binary().parent)
            if "minio" in kinds:
                running.enter_context(engine())
                minio.image()
        except EngineUnavailable as error:
            print(error, file=sys.stderr)
        yield


def main(kinds: list[str]) -> None:
    figures: Figures = {**machine()}
    for kind in kinds:
        with tempfile.TemporaryDirectory() as directory:
            try:
                seconds = dict(zip(COLUMNS, measure(kind, Path(directory)), strict=True))
                figures[kind] = {name: round(value, 1) for name, value in {**seconds, "demo": demo(kind)}.items()}
            except (S3Unavailable, ProcessFailed) as error:
                print(f"{kind}: {error}", file=sys.stderr)
                continue
        if isinstance(first := figures.get("moto"), dict):
            figures[kind]["demo / moto"] = round(figures[kind]["demo"] / first["demo"], 2)
        print(kind, figures[kind], flush=True)
    keep({TITLE: figures})


if __name__ == "__main__":
    chosen = sys.argv[1:] or ["moto", "seaweedfs", "minio-binary", "minio"]
    with prepared(chosen):
        main(chosen)
