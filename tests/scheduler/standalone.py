"""``airflow standalone`` as a process of a test: scheduler, triggerer, DAG processor, API server, LocalExecutor."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.lake.buckets.backends import free_ports
from harness.process import tail

SECONDS = 600
ASK_SECONDS = 1.0


class Airflow:
    """A running Airflow, asked over its public REST API."""

    def __init__(self, url: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url, self._process, self._log = url, process, log
        self._token = ""
        self._clock = threading.Event()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Authorization": f"Bearer {self._token}"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def until(self, what: str, ask: Any) -> Any:
        """Ask until the answer is true. Airflow tells nobody when something happens."""
        for _ in range(int(SECONDS / ASK_SECONDS)):
            assert self._process.poll() is None, f"airflow ended: {tail(self._log)}"
            with contextlib.suppress(OSError):
                if answer := ask():
                    return answer
            self._clock.wait(ASK_SECONDS)
        raise AssertionError(f"{what}: not within {SECONDS} s.\n{tail(self._log)}")

    def sign_in(self) -> None:
        self._token = self.until("sign in", lambda: self.ask("GET", "/auth/token"))["access_token"]

    def dag(self, dag_id: str) -> Any:
        return self.until(f"DAG {dag_id} is parsed", lambda: self.ask("GET", f"/api/v2/dags/{dag_id}"))

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]
        return found

    def ended(self, dag_id: str, run_type: str = "manual") -> dict[str, Any]:
        """The first run of a DAG that was started in that way, once it has ended."""

        def ask() -> dict[str, Any] | None:
            runs = [run for run in self.runs(dag_id) if run["run_type"] == run_type]
            return next((run for run in runs if run["state"] in ("success", "failed")), None)

        found: dict[str, Any] = self.until(f"a run of {dag_id} ends", ask)
        return found

    def tasks(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances?limit=100"
        found: list[dict[str, Any]] = self.ask("GET", path)["task_instances"]
        return found

    def three_dags_by_their_assets(self) -> None:
        """Trigger the first of the production DAGs; all three have to be green, each started by the one before."""
        for dag_id in ("green_energy_transform", "green_energy_load", "green_energy_extract"):
            self.dag(dag_id)
        self.ask("POST", "/api/v2/dags/green_energy_extract/dagRuns", {"logical_date": None})
        for dag_id, started in (
            ("green_energy_extract", "manual"),
            ("green_energy_load", "asset_triggered"),
            ("green_energy_transform", "asset_triggered"),
        ):
            run = self.ended(dag_id, started)
            tasks = {each["task_id"]: each["state"] for each in self.tasks(dag_id, run["dag_run_id"])}
            assert (dag_id, run["state"]) == (dag_id, "success"), tasks


@contextlib.contextmanager
def standalone(home: Path, bundles: dict[str, Path], environment: dict[str, str]) -> Iterator[Airflow]:
    """Start it with its database and logs in ``home``; all of it is gone afterwards."""
    port, worker_logs, trigger_logs = free_ports(3)
    url = f"http://127.0.0.1:{port}"
    config = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path)},
        }
        for name, path in bundles.items()
    ]
    mine = {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(config),
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS": "False",
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(trigger_logs),
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(worker_logs),
        # uvloop and the rest of a server's comfort are not needed by a test.
        "NO_PROXY": "127.0.0.1,localhost",
    }
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW", "AWS_", "DATABRICKS_", "PYTEST_"))}
    home.mkdir(parents=True, exist_ok=True)
    log = home / "standalone.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "standalone"],
            env={**kept, **environment, **mine, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        airflow = Airflow(url, process, log)
        airflow.sign_in()
        yield airflow
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
