"""Repairs: which tasks run again, what is kept of each repair, and what is refused. Runs are moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient

from harness.runner.run import Result, Run
from tests.workspace.conftest import Service

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

# Airflow deprecates a part that its own Task SDK still calls when a hook is made outside of a task.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")

JOBS = "/api/2.2/jobs"
NOTEBOOK = {"notebook_path": "/Shared/pipelines/load"}
TASKS = [
    {"task_key": "a", "notebook_task": NOTEBOOK},
    {"task_key": "b", "notebook_task": NOTEBOOK, "depends_on": [{"task_key": "a"}]},
    {"task_key": "c", "notebook_task": NOTEBOOK, "depends_on": [{"task_key": "b"}]},
]


@pytest.fixture
def failed(service: Service, http: httpx2.Client) -> Run:
    """A run of a job in which ``a`` succeeded, ``b`` failed and ``c`` was not started."""
    job_id = http.post(f"{JOBS}/create", json={"name": "repairable", "tasks": TASKS}).json()["job_id"]
    http.post(f"{JOBS}/run-now", json={"job_id": job_id})
    run = service.runner.submitted[-1]
    service.runner.end_task(run, run.tasks[0])
    service.runner.end_task(run, run.tasks[1], Result.FAILED)
    service.runner.end(run, Result.UPSTREAM_FAILED)
    return run


def post(http: httpx2.Client, run: Run, **fields: Any) -> httpx2.Response:
    return http.post(f"{JOBS}/runs/repair", json={"run_id": run.run_id, **fields})


def attempts(run: Run) -> list[tuple[str, int]]:
    return [(task.task_key, task.attempt) for task in run.tasks]


def test_failed_and_unstarted_tasks_get_another_attempt_in_the_same_run(
    service: Service, http: httpx2.Client, failed: Run, hook_of: Callable[[str], DatabricksHook]
) -> None:
    hook = hook_of("DatabricksRunNowOperator")
    assert hook.get_latest_repair_id(failed.run_id) is None
    first = hook.repair_run({"run_id": str(failed.run_id), "rerun_all_failed_tasks": True})
    assert service.runner.submitted[-1] is failed
    assert attempts(failed) == [("a", 0), ("b", 0), ("c", 0), ("b", 1), ("c", 1)]
    service.runner.end(failed, Result.FAILED)
    assert hook.get_latest_repair_id(failed.run_id) == first
    second = hook.repair_run({"run_id": failed.run_id, "rerun_all_failed_tasks": True, "latest_repair_id": first})
    service.runner.end(failed)
    read = http.get(f"{JOBS}/runs/get", params={"run_id": failed.run_id, "include_history": "true"}).json()
    told = [
        (e["type"], e.get("id"), e["state"]["result_state"], len(e["task_run_ids"])) for e in read["repair_history"]
    ]
    assert told == [
        ("ORIGINAL", None, "UPSTREAM_FAILED", 3),
        ("REPAIR", first, "FAILED", 2),
        ("REPAIR", second, "SUCCESS", 2),
    ]


def test_a_task_is_named_with_those_that_depend_on_it(http: httpx2.Client, failed: Run) -> None:
    assert post(http, failed, rerun_tasks=["a"], rerun_dependent_tasks=True).status_code == 200
    assert attempts(failed)[3:] == [("a", 1), ("b", 1), ("c", 1)]


def test_a_repair_uses_the_jobs_current_settings_and_given_parameters(http: httpx2.Client, failed: Run) -> None:
    other = {"notebook_path": "/Shared/pipelines/repaired"}
    tasks = [TASKS[0], {**TASKS[1], "notebook_task": other}, TASKS[2]]
    http.post(f"{JOBS}/reset", json={"job_id": failed.job_id, "new_settings": {"name": "repairable", "tasks": tasks}})
    assert post(http, failed, rerun_tasks=["b"], job_parameters={"n": 2}).status_code == 200
    assert failed.tasks[-1].spec["notebook_task"] == other
    assert failed.parameters == {"job_parameters": {"n": "2"}}


def test_a_task_that_now_depends_on_a_task_which_the_run_does_not_have_is_refused_by_name(
    http: httpx2.Client, failed: Run
) -> None:
    tasks = [*TASKS[:2], {**TASKS[2], "depends_on": [{"task_key": "new"}]}, {**TASKS[0], "task_key": "new"}]
    http.post(f"{JOBS}/reset", json={"job_id": failed.job_id, "new_settings": {"name": "repairable", "tasks": tasks}})
    answer = post(http, failed, rerun_all_failed_tasks=True)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "'c' now depends on task 'new'" in answer.json()["message"]
    assert len(failed.tasks) == 3
    assert post(http, failed, rerun_tasks=["b"]).status_code == 200


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({}, "rerun_tasks"),
        ({"rerun_tasks": ["b"], "rerun_all_failed_tasks": True}, "rerun_tasks"),
        ({"rerun_tasks": ["nope"]}, "'nope'"),
        ({"rerun_tasks": "b"}, "list"),
        ({"rerun_all_failed_tasks": True, "latest_repair_id": 5}, "latest_repair_id"),
    ],
)
def test_a_repair_that_cannot_be_is_refused(
    http: httpx2.Client, failed: Run, fields: dict[str, Any], word: str
) -> None:
    answer = post(http, failed, **fields)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert word in answer.json()["message"]
    assert len(failed.tasks) == 3


def test_an_active_run_or_one_without_failures_is_not_repaired(
    service: Service, http: httpx2.Client, w: WorkspaceClient
) -> None:
    http.post(f"{JOBS}/runs/submit", json={"tasks": TASKS})
    run = service.runner.submitted[-1]
    active = post(http, run, rerun_all_failed_tasks=True)
    assert (active.status_code, active.json()["error_code"]) == (400, "INVALID_STATE")
    service.runner.end(run)
    good = post(http, run, rerun_all_failed_tasks=True)
    assert (good.status_code, good.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert http.post(f"{JOBS}/runs/repair", json={"run_id": 987654}).status_code == 404
