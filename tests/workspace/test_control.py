"""The tests' own interface: status, the request log, and a reset that forgets everything quickly."""

from __future__ import annotations

import time
from typing import Any

import httpx2
from databricks.sdk import WorkspaceClient

from harness.runner.run import Result
from tests.workspace.conftest import Service

TASKS = [{"task_key": "a", "notebook_task": {"notebook_path": "/Shared/pipelines/load"}}]


def test_the_status_tells_the_engine_the_versions_and_the_runs(http: httpx2.Client) -> None:
    status = http.get("/_harness/status").json()
    assert status["engine"]["state"] == "ready"
    assert status["versions"]["pyspark"].startswith("4.")
    assert status["active_runs"] == 0


def test_waiting_for_an_engine_that_is_ready_takes_no_time(http: httpx2.Client) -> None:
    assert http.get("/_harness/engine?wait=30").json()["state"] == "ready"
    assert http.get("/_harness/engine?wait=x").status_code == 400


def test_requests_are_logged_with_who_asked_what_and_how_long(http: httpx2.Client, w: WorkspaceClient) -> None:
    http.post("/_harness/reset")
    agent = "databricks-airflow/7.23.0 _/0.0.0 python/3.11 os/linux airflow/3.3.2 operator/DatabricksNotebookOperator"
    http.get("/api/2.2/jobs/list?name=secret", headers={"User-Agent": agent})
    list(w.jobs.list())
    first, *_, last = http.get("/_harness/requests").json()["requests"]
    assert (first["method"], first["path"], first["status"]) == ("GET", "/api/2.2/jobs/list", 200)
    assert (first["operation"], first["operator"]) == ("jobs.list_jobs", "DatabricksNotebookOperator")
    assert 0 <= first["ms"] < 10_000
    assert last["user_agent"].startswith("unknown/0.0.0 databricks-sdk-py/")
    assert "secret" not in str(first)


def test_a_refused_stranger_is_logged_too(service: Service, http: httpx2.Client) -> None:
    http.post("/_harness/reset")
    httpx2.get(f"{service.url}/api/2.2/jobs/list")
    assert [r["status"] for r in http.get("/_harness/requests").json()["requests"]] == [401]


def test_a_reset_forgets_all_records_and_cancels_what_runs(service: Service, http: httpx2.Client) -> None:
    run_id = http.post("/api/2.2/jobs/runs/submit", json={"tasks": TASKS}).json()["run_id"]
    job_id = http.post("/api/2.2/jobs/create", json={"name": "j", "tasks": TASKS}).json()["job_id"]
    http.post("/api/2.1/unity-catalog/catalogs", json={"name": "gone"})
    http.post("/api/2.0/workspace/mkdirs", json={"path": "/Users/me@example.com/gone"})
    http.post("/api/2.0/sql/warehouses/local/stop")
    started = time.monotonic()
    assert http.post("/_harness/reset", json={}).json() == {}
    assert time.monotonic() - started < 1
    run = next(r for r in service.runner.submitted if r.run_id == run_id)
    assert run.state.result is Result.CANCELED
    for path, parameters in (
        ("2.2/jobs/runs/get", {"run_id": run_id}),
        ("2.2/jobs/get", {"job_id": job_id}),
        ("2.1/unity-catalog/catalogs/gone", {}),
        ("2.0/workspace/get-status", {"path": "/Users/me@example.com/gone"}),
    ):
        assert http.get(f"/api/{path}", params=parameters).status_code == 404
    assert http.get("/api/2.0/sql/warehouses/local").json()["state"] == "RUNNING"
    again = http.post("/api/2.2/jobs/runs/submit", json={"tasks": TASKS}).json()["run_id"]
    assert again > run_id


def test_runs_and_tables_are_told_in_one_piece(service: Service, http: httpx2.Client) -> None:
    http.post("/_harness/reset")
    http.post("/api/2.2/jobs/runs/submit", json={"run_name": "r", "tasks": TASKS})
    fields: dict[str, Any] = {"catalog_name": "main", "schema_name": "default", "table_type": "MANAGED"}
    http.post("/api/2.1/unity-catalog/tables", json={"name": "t", **fields})
    (run,) = http.get("/_harness/runs").json()["runs"]
    assert (run["run_name"], run["tasks"][0]["output"]["logs"]) == ("r", "")
    (table,) = http.get("/_harness/tables").json()["tables"]
    assert (table["full_name"], table["table_type"]) == ("main.default.t", "MANAGED")
