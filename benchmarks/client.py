"""A bare client of the Jobs API that is held until a run ends, as operators are; and what is made of the times."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import requests

from harness.dagrun.connections import Endpoints

Figures = dict[str, Any]


def median_of(values: list[float]) -> Figures:
    """Median, least and most, in the unit of the values, to four digits."""
    return {
        "median": float(f"{statistics.median(values):.4g}"),
        "min": float(f"{min(values):.4g}"),
        "max": float(f"{max(values):.4g}"),
        "n": len(values),
    }


@dataclass
class JobsClient:
    """Submits runs and waits for them without sleeping."""

    endpoints: Endpoints

    def __post_init__(self) -> None:
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.headers.update(
            {
                "Authorization": f"Bearer {self.endpoints.token}",
                # The workspace holds the state reads of this caller until the run has ended.
                "User-Agent": "databricks-airflow/7.23.0 operator/DatabricksSubmitRunOperator",
            }
        )

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        response = self._http.request(method, f"{self.endpoints.workspace_url}/api/2.2/{path}", timeout=180, **options)
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer

    def run(self, tasks: list[dict[str, Any]]) -> tuple[float, dict[str, Any]]:
        """Submit tasks, wait for their end.

        Returns: seconds from request to the answer that says they ended, and the run.
        Raises: ``RuntimeError`` if it failed.
        """
        started = time.perf_counter()
        run_id = self.call("POST", "jobs/runs/submit", json={"run_name": "benchmark", "tasks": tasks})["run_id"]
        while True:
            run = self.call("GET", "jobs/runs/get", params={"run_id": run_id})
            if run["state"]["life_cycle_state"] in ("TERMINATED", "INTERNAL_ERROR", "SKIPPED"):
                break
        seconds = time.perf_counter() - started
        if run["state"].get("result_state") != "SUCCESS":
            raise RuntimeError(str(run["state"]))
        return seconds, run

    def output(self, run: dict[str, Any], task_key: str) -> dict[str, Any]:
        """What ``get-output`` tells of a task of ``run``."""
        (task,) = [task for task in run["tasks"] if task["task_key"] == task_key]
        return self.call("GET", "jobs/runs/get-output", params={"run_id": task["run_id"]})


def notebook(path: str, *after: str, **parameters: str) -> dict[str, Any]:
    """A notebook task; its key is the path's last part."""
    return {
        "task_key": path.rpartition("/")[2],
        "notebook_task": {"notebook_path": path, "base_parameters": parameters},
        "depends_on": [{"task_key": key} for key in after],
        "new_cluster": {"spark_version": "16.4.x-scala2.12", "num_workers": 1, "node_type_id": "i3.xlarge"},
    }
