"""``python -m benchmarks.load [--clients N] [--seconds N]``: many clients at once submit trivial runs and poll them.

Half of the clients poll as the Databricks SDK does, asking again and again; half are held, as Airflow's operators are.
Every run must succeed, give back its own number and be listed once; no answer may be a 5xx. Tables go to the terminal,
figures to ``benchmarks/results.json``, beside how busy the machine was before; a lost run or an error makes the exit
status 1.

``--python`` runs Python files instead of notebooks, and holds no client: what every server of the Jobs API can do. With
``--endpoint URL --name NAME`` another server is measured so, for a comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import statistics
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from benchmarks.client import Figures, notebook
from benchmarks.results import RESULTS, keep, machine
from harness.settings import Settings
from harness.stack import Stack

ROOT = Path(__file__).parents[1]
HELD = "databricks-airflow/7.23.0 operator/DatabricksSubmitRunOperator"
ASKS = "databricks-sdk-py/0.156.0"
SCRIPT = "/Shared/number.py"
PAUSE = 0.2  # seconds between two polls of a client that is not held


@dataclass(frozen=True)
class Server:
    """A Jobs API, and whether Python files are run there instead of notebooks."""

    url: str
    token: str
    python: bool

    def task(self, number: str) -> dict[str, Any]:
        """A task that gives back ``number``."""
        if not self.python:
            return notebook("/Workspace/Benchmarks/number", number=number)
        cluster = {"spark_version": "16.4.x-scala2.12", "num_workers": 1, "node_type_id": "i3.xlarge"}
        script = {"python_file": SCRIPT, "parameters": [number]}
        return {"task_key": "number", "spark_python_task": script, "new_cluster": cluster}

    def result(self, output: dict[str, Any]) -> str | None:
        """What the task gave back."""
        if self.python:
            return str(output.get("logs", "")).strip()
        result: str | None = output["notebook_output"].get("result")
        return result


class Load:
    """The clients, and what they saw. ``faults`` counts what should not happen; ``waited`` are milliseconds."""

    def __init__(self, server: Server, http: aiohttp.ClientSession, deadline: float) -> None:
        self._server = server
        self._http = http
        self._deadline = deadline
        self._numbers = itertools.count(1)
        self.submitted: set[int] = set()
        self.faults: Counter[str] = Counter()
        self.waited: dict[str, list[float]] = defaultdict(list)

    async def client(self, *, held: bool) -> None:
        """Submit runs one after the other until the deadline, each followed to its end."""
        while time.monotonic() < self._deadline:
            number = str(next(self._numbers))
            body = {"run_name": number, "tasks": [self._server.task(number)]}
            answer = await self._call("POST", "runs/submit", json=body)
            if answer is None:
                continue
            run_id = answer["run_id"]
            if run_id in self.submitted:
                self.faults["one id for two runs"] += 1
            self.submitted.add(run_id)
            run = await self._followed(run_id, held=held)
            if run is not None:
                await self._judge(run, number)

    async def listed(self) -> None:
        """Look whether the workspace lists every run once."""
        found: Counter[int] = Counter()
        query: dict[str, Any] = {"limit": 26}
        while True:
            answer = await self._call("GET", "runs/list", params=query)
            if answer is None:
                return
            found.update(run["run_id"] for run in answer.get("runs", []))
            if "next_page_token" not in answer:
                break
            query["page_token"] = answer["next_page_token"]
        self.faults["run that is not listed"] += len(self.submitted - found.keys())
        self.faults["run that is listed twice"] += len([run for run, times in found.items() if times > 1])

    async def _followed(self, run_id: int, *, held: bool) -> dict[str, Any] | None:
        name = "runs/get, held" if held else "runs/get"
        while True:
            run = await self._call("GET", "runs/get", name, params={"run_id": run_id}, held=held)
            if run is None or run["state"]["life_cycle_state"] in ("TERMINATED", "INTERNAL_ERROR", "SKIPPED"):
                break
            if not held:
                await asyncio.sleep(PAUSE)
        if run is not None and held:
            self.waited["from a run's end to the held answer"].append(1000 * time.time() - run["end_time"])
        return run

    async def _judge(self, run: dict[str, Any], number: str) -> None:
        if run["state"].get("result_state") != "SUCCESS":
            self.faults[f"run that ended {run['state']}"] += 1
            return
        output = await self._call("GET", "runs/get-output", params={"run_id": run["tasks"][0]["run_id"]})
        if output is not None and self._server.result(output) != number:
            self.faults["output of another run"] += 1

    async def _call(self, method: str, path: str, name: str = "", *, held: bool = False, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self._server.token}", "User-Agent": HELD if held else ASKS}
        url = f"{self._server.url}/api/2.2/jobs/{path}"
        started = time.perf_counter()
        try:
            async with self._http.request(method, url, headers=headers, **options) as response:
                body = await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            self.faults[f"{path}: {type(error).__name__}"] += 1
            return None
        self.waited[name or path].append(1000 * (time.perf_counter() - started))
        if response.status != 200:
            self.faults[f"{path}: {response.status} {body}"] += 1
            return None
        return body


async def measure(server: Server, clients: int, seconds: float) -> tuple[Figures, dict[str, int]]:
    """Let clients work for some seconds and their last runs end. Returns: figures in milliseconds, and the faults."""
    connector = aiohttp.TCPConnector(limit=clients)
    timeout = aiohttp.ClientTimeout(total=180)
    started = time.monotonic()
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
        if server.python:
            await _upload(server, http)
        load = Load(server, http, started + seconds)
        async with asyncio.TaskGroup() as group:
            for number in range(clients):
                group.create_task(load.client(held=number % 2 == 0 and not server.python))
        whole = time.monotonic() - started
        await load.listed()
    figures: Figures = {
        "clients": clients,
        "runs": len(load.submitted),
        "runs a second": round(len(load.submitted) / whole, 2),
        "requests a second": round(sum(map(len, load.waited.values())) / whole, 1),
        **{name: _quantiles(values) for name, values in sorted(load.waited.items())},
    }
    return figures, {name: times for name, times in load.faults.items() if times}


async def _upload(server: Server, http: aiohttp.ClientSession) -> None:
    content = base64.b64encode(b"import sys\nprint(sys.argv[1])\n").decode()
    body = {"path": SCRIPT, "format": "AUTO", "content": content, "overwrite": True}
    headers = {"Authorization": f"Bearer {server.token}"}
    async with http.post(f"{server.url}/api/2.0/workspace/import", headers=headers, json=body) as response:
        response.raise_for_status()


def _quantiles(values: list[float]) -> Figures:
    percent = statistics.quantiles(values, n=100, method="inclusive") if len(values) > 1 else values * 99
    return {"p50": round(percent[49], 1), "p99": round(percent[98], 1), "max": round(max(values), 1), "n": len(values)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--python", action="store_true", help="Python files instead of notebooks, no client held")
    parser.add_argument("--endpoint", help="another server's URL, instead of a stack of ours")
    parser.add_argument("--name", default="another server", help="what that server is called in the results")
    parser.add_argument("--token", default="none", help="a token that server takes")
    given = parser.parse_args()
    before = machine()
    if given.endpoint:
        server = Server(given.endpoint, given.token, python=True)
        figures, faults = asyncio.run(measure(server, given.clients, given.seconds))
    else:
        settings = Settings(project=ROOT)
        settings = settings.model_copy(update={"mounts": {"/Workspace/Benchmarks": ROOT / "benchmarks" / "notebooks"}})
        with Stack(settings) as stack:
            stack.wait_engine()
            server = Server(stack.endpoints.workspace_url, stack.endpoints.token, python=given.python)
            figures, faults = asyncio.run(measure(server, given.clients, given.seconds))
    figures = {**before, "seconds": given.seconds, **figures}
    of = f", Python files on {given.name if given.endpoint else 'the harness'}" if server.python else ""
    keep({f"many clients at once{of}, in milliseconds": {**figures, "faults": faults}})
    grid = Table("in milliseconds", "p50", "p99", "max", "n")
    for name, value in figures.items():
        cells = [str(value[key]) for key in ("p50", "p99", "max", "n")] if isinstance(value, dict) else [str(value)]
        grid.add_row(name, *cells)
    console = Console()
    console.print(grid)
    for fault, times in faults.items():
        console.print(f"{fault}: {times} times", style="red", markup=False)
    console.print(f"written to {RESULTS}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
