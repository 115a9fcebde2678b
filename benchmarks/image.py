"""How large the harness's image is, and how soon a container of it serves: ``python -m benchmarks.image``.

The image is built first if it is not there, and a Docker engine started if none answers (root). Measured from
``docker run``, without a network: until the workspace answers, until the health check says so, until Spark has answered
its first query. Prints the figures, and keeps them in benchmarks/results.json.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from benchmarks.client import Figures, median_of
from benchmarks.results import keep, machine
from containers import harness
from containers.engine import EngineUnavailable, docker, engine

TITLE = "the image and its container, in MB and seconds"
ROUNDS = 5
QUERY = """
from harness.control import control
from harness.serve import running
from harness.settings import Settings
print(control(running(Settings()).endpoints, "GET", "engine?wait=300")["state"])
"""


def first_line(started: float, wanted: str, *command: str) -> float:
    """Seconds until a Docker command has shown a line."""
    with subprocess.Popen(["docker", *command], stdout=subprocess.PIPE, text=True) as shown:
        assert shown.stdout is not None
        found = any(line.strip().endswith(wanted) for line in shown.stdout)
        shown.kill()
    if not found:
        raise RuntimeError(f"docker {command[0]} never showed {wanted!r}")
    return time.monotonic() - started


def start(image: str) -> list[float]:
    """Seconds from ``docker run`` until the container answers, is healthy, and has queried."""
    name = docker("create", "--network", "none", image, capture_output=True).stdout.strip()
    try:
        watch = [
            "events",
            "--filter",
            f"container={name}",
            "--filter",
            "event=health_status",
            "--format",
            "{{.Status}}",
        ]
        with ThreadPoolExecutor() as pool:
            started = time.monotonic()
            healthy = pool.submit(first_line, started, "health_status: healthy", *watch)
            docker("start", name, capture_output=True)
            answers = first_line(started, "ready", "logs", "--follow", name)
            queried = first_line(started, "ready", "exec", name, "python", "-c", QUERY)
            return [answers, healthy.result(), queried]
    finally:
        docker("rm", "--force", "--volumes", name, capture_output=True)


def main() -> None:
    figures: Figures = {**machine()}
    with engine():
        image = harness.image()
        size = docker("image", "inspect", "--format", "{{.Size}}", image, capture_output=True).stdout
        figures["size, MB"] = round(int(size) / 1e6)
        seconds = [start(image) for _ in range(ROUNDS)]
    for name, values in zip(("answers", "healthy", "Spark has queried"), zip(*seconds, strict=True), strict=True):
        figures[name] = median_of(list(values))
    print(figures)
    keep({TITLE: figures})


if __name__ == "__main__":
    try:
        main()
    except EngineUnavailable as error:
        sys.exit(str(error))
