"""What goes wrong on demand, as unmodified clients meet it; nothing of it outlives a reset."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
import requests
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InternalError, PermissionDenied

from harness.lake.faults import Faults
from harness.lake.sql.failures import SqlError, failure
from harness.runner.run import LifeCycle, Output, Result, State, TaskRun
from harness.workspace.faults import around_statement, around_task
from tests.workspace.conftest import TOKEN, Service
from tests.workspace.test_errors import assert_refused

TASKS = [{"task_key": "a", "notebook_task": {"notebook_path": "/Shared/pipelines/load"}}]
JOBS = "/api/2.2/jobs"


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


@pytest.fixture
def fault(http: httpx2.Client) -> Callable[..., dict[str, Any]]:
    """Makes a fault and returns it."""

    def make(**spec: Any) -> dict[str, Any]:
        answer = http.post("/_harness/faults", json=spec)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    return make


def hits(http: httpx2.Client) -> list[int]:
    return [one["hits"] for one in http.get("/_harness/faults").json()["faults"]]


@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
@pytest.mark.parametrize(("status", "code"), [(429, "REQUEST_LIMIT_EXCEEDED"), (503, "TEMPORARILY_UNAVAILABLE")])
def test_the_providers_hook_retries_what_passes(
    service: Service, http: httpx2.Client, hook_of: Any, fault: Any, status: int, code: str
) -> None:
    hook = hook_of("DatabricksSubmitRunOperator")
    hook.retry_args["wait"] = lambda state: 0
    run_id = hook.submit_run({"tasks": TASKS})
    service.runner.end(service.runner.next())
    fault(operation="runs.get", status=status, times=2)
    assert hook.get_run_state(run_id).result_state == "SUCCESS"
    entries = [e for e in http.get("/_harness/requests").json()["requests"] if e["operation"] == "runs.get"]
    assert [entry["status"] for entry in entries] == [status, status, 200]
    assert hits(http) == [2]
    fault(operation="runs.get", status=status, retry_after=7)
    answer = http.get(f"{JOBS}/runs/get", params={"run_id": run_id})
    assert_refused(answer, status, code, "on demand")
    assert answer.headers["Retry-After"] == "7"


def test_the_sdk_waits_as_long_as_it_is_told_and_tries_again(
    w: WorkspaceClient, http: httpx2.Client, fault: Any
) -> None:
    fault(operation="jobs.list_jobs", status=429, retry_after=0)
    assert list(w.jobs.list()) == []
    assert hits(http) == [1]


def test_the_sdk_raises_its_own_errors(service: Service, w: WorkspaceClient, fault: Any) -> None:
    fault(operation="jobs.create", status=500, message="The service is not itself.")
    with pytest.raises(InternalError, match="not itself"):
        w.jobs.create(name="j")
    fault(path="/api/2.2/jobs/cr*", method="POST", status=403, message="Invalid access token.")
    with pytest.raises(PermissionDenied, match="Invalid access token"):
        w.jobs.create(name="j")
    assert w.jobs.create(name="j").job_id


def test_an_answer_may_be_lost_after_the_work_was_done(w: WorkspaceClient, http: httpx2.Client, fault: Any) -> None:
    fault(operation="jobs.create", status=500, when="after")
    assert http.post(f"{JOBS}/create", json={"name": "made"}).status_code == 500
    assert [job.settings.name for job in w.jobs.list() if job.settings] == ["made"]


def test_only_the_calls_from_the_nth_on_are_hit(http: httpx2.Client, fault: Any) -> None:
    fault(operation="jobs.list_jobs", status=500, nth=2, times=2)
    assert [http.get(f"{JOBS}/list").status_code for _ in range(5)] == [200, 500, 500, 200, 200]
    (shown,) = http.get("/_harness/faults").json()["faults"]
    assert (shown["seen"], shown["hits"], shown["operation"]) == (5, 2, "jobs.list_jobs")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_breaks(service: Service, http: httpx2.Client, fault: Any, when: str) -> None:
    fault(operation="jobs.create", drop=True, when=when)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.post(f"{service.url}{JOBS}/create", json={"name": "j"}, headers=headers, timeout=20)
    assert len(http.get(f"{JOBS}/list").json().get("jobs", [])) == (1 if when == "after" else 0)


def test_a_slow_answer_comes_when_the_faults_are_taken_back(service: Service, http: httpx2.Client, fault: Any) -> None:
    fault(operation="jobs.list_jobs", seconds=600)
    answers: list[int] = []
    headers = {"Authorization": f"Bearer {TOKEN}"}
    asking = threading.Thread(
        target=lambda: answers.append(httpx2.get(f"{service.url}{JOBS}/list", headers=headers, timeout=60).status_code)
    )
    asking.start()
    service.workspace.signal.wait_held("faults")  # type: ignore[attr-defined]
    assert answers == []
    http.delete("/_harness/faults")
    asking.join(20)
    assert answers == [200]


def test_a_new_job_is_not_listed_at_once(w: WorkspaceClient, fault: Any) -> None:
    w.jobs.create(name="old")
    fault(operation="jobs.list_jobs", stale=True, times=2)
    made = w.jobs.create(name="new").job_id
    names = [[job.settings.name for job in w.jobs.list() if job.settings] for _ in range(3)]
    assert names == [["old"], ["old"], ["new", "old"]]
    assert w.jobs.get(made or 0).job_id == made


def test_a_pattern_never_hits_thrift_calls_or_the_harness_itself(http: httpx2.Client, fault: Any) -> None:
    fault(path="*", status=503, times=-1)
    assert_refused(http.post("/sql/1.0/warehouses/other", content=b"?"), 404, "RESOURCE_DOES_NOT_EXIST", "other")
    assert http.get("/_harness/status").status_code == 200
    assert http.get(f"{JOBS}/list").status_code == 503
    fault(operation="thrift.warehouse", status=503)
    assert http.post("/sql/1.0/warehouses/other", content=b"?").status_code == 503


def test_a_reset_takes_every_fault_back(http: httpx2.Client, fault: Any) -> None:
    fault(operation="jobs.list_jobs", status=500, times=-1)
    http.post("/_harness/reset")
    assert http.get(f"{JOBS}/list").status_code == 200
    assert http.get("/_harness/faults").json() == {"faults": []}


def lost(faults: Faults, ran: list[str]) -> tuple[State, Output]:
    task = TaskRun(1, "transform", {"notebook_task": {"notebook_path": "/Shared/etl/transform_green"}}, "")

    def execute() -> tuple[State, Output]:
        ran.append("ran")
        return State(LifeCycle.TERMINATED, Result.SUCCESS), Output(result="exit value")

    return around_task(faults, task, execute)


def test_an_attempt_of_a_task_loses_its_cluster_before_or_after_its_work() -> None:
    faults, ran = Faults(), list[str]()
    faults.add({"task": "transform", "reason": "SPOT_INSTANCE_TERMINATION"})
    faults.add({"task": "*/transform_green", "reason": "INTERNAL_ERROR", "when": "after", "nth": 2, "message": "Gone."})
    state, output = lost(faults, ran)
    assert (state.life_cycle, state.result, ran) == (LifeCycle.INTERNAL_ERROR, Result.FAILED, [])
    assert "SPOT_INSTANCE_TERMINATION (CLOUD_FAILURE)" in state.message
    assert output.error == state.message
    state, output = lost(faults, ran)
    assert (state.message, output.result, ran) == ("Gone.", None, ["ran"])
    assert lost(faults, ran)[0].result is Result.SUCCESS


def test_a_statement_fails_by_its_text() -> None:
    faults, ran = Faults(), list[str]()
    faults.add(
        {"statement": r"copy\s+into", "condition": "DELTA_CONCURRENT_APPEND", "sqlstate": "2D521", "when": "after"}
    )
    around_statement(faults, "SELECT 1", lambda: ran.append("select"))
    with pytest.raises(SqlError) as caught:
        around_statement(faults, "COPY INTO t FROM 's3://b'", lambda: ran.append("copy"))
    why = failure(caught.value)
    assert (why.condition, why.state, ran) == ("DELTA_CONCURRENT_APPEND", "2D521", ["select", "copy"])
    around_statement(faults, "COPY INTO t FROM 's3://b'", lambda: ran.append("copy"))


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({}, "one of operation, path, task, statement"),
        ({"operation": "runs.get", "task": "a", "status": 500}, "one of"),
        ({"operation": "runs.got", "status": 500}, "runs.got"),
        ({"operation": "runs.get"}, "one of status, drop"),
        ({"operation": "runs.get", "status": 200}, "between 400 and 599"),
        ({"operation": "runs.get", "status": "500"}, "status"),
        ({"operation": "runs.get", "status": True}, "status"),
        ({"operation": "runs.get", "status": 500, "nth": 0}, "nth"),
        ({"operation": "runs.get", "status": 500, "times": 0}, "times"),
        ({"operation": "runs.get", "status": 500, "times": True}, "times"),
        ({"operation": "runs.get", "status": 500, "when": "during"}, "when"),
        ({"operation": "runs.get", "seconds": -1}, "seconds"),
        ({"operation": "runs.get", "status": 500, "colour": "red"}, "colour"),
        ({"operation": "runs.get", "stale": True}, "jobs.list_jobs"),
        ({"path": 3, "status": 500}, "path"),
        ({"task": "a", "reason": "BOREDOM"}, "reason"),
        ({"statement": "("}, "regular expression"),
    ],
)
def test_a_fault_that_could_never_fire_is_refused(http: httpx2.Client, spec: dict[str, Any], word: str) -> None:
    assert_refused(http.post("/_harness/faults", json=spec), 400, "INVALID_PARAMETER_VALUE", word)
    assert http.get("/_harness/faults").json() == {"faults": []}
