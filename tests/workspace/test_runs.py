"""Runs over the wire. The runner is moved by hand here: what is asserted is the records' life, not execution."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs as sdk

from harness.runner.run import LifeCycle, Output, Result, Run, State
from tests.workspace.conftest import Service, WatchedSignal, compose, config

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    Hooks = Callable[[str], DatabricksHook]

pytestmark = [
    # Airflow deprecates a part that its own Task SDK still calls when a hook is made outside of a task.
    pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated"),
    # The provider still hands its bearer credentials to aiohttp in the way that aiohttp deprecates.
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated"),
]

JOBS = "/api/2.2/jobs"
NOTEBOOK = {"notebook_path": "/Shared/pipelines/load"}
TASKS = [
    {"task_key": "a", "notebook_task": NOTEBOOK},
    {"task_key": "b", "notebook_task": NOTEBOOK, "depends_on": [{"task_key": "a"}]},
]


def submit(http: httpx2.Client, **fields: Any) -> int:
    answer = http.post(f"{JOBS}/runs/submit", json={"run_name": "by test", "tasks": TASKS, **fields})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["run_id"])


def submitted(service: Service, http: httpx2.Client, **fields: Any) -> Run:
    run_id = submit(http, **fields)
    return next(run for run in service.runner.submitted if run.run_id == run_id)


def job(http: httpx2.Client, **fields: Any) -> int:
    return int(http.post(f"{JOBS}/create", json={"name": "job", "tasks": TASKS, **fields}).json()["job_id"])


def get(http: httpx2.Client, run_id: int, **fields: Any) -> dict[str, Any]:
    answer = http.get(f"{JOBS}/runs/get", params={"run_id": run_id, **fields})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def test_a_run_shows_all_its_tasks_from_the_first_read(service: Service, http: httpx2.Client) -> None:
    run_id = submit(http)
    run = get(http, run_id, include_history="true")
    assert run["state"] == {"life_cycle_state": "PENDING", "state_message": "", "user_cancelled_or_timedout": False}
    assert run["status"] == {"state": "PENDING"}
    assert [task["task_key"] for task in run["tasks"]] == ["a", "b"]
    for task in run["tasks"]:
        assert {"run_id", "start_time", "state", "status", "attempt_number", "run_page_url"} <= set(task)
        assert task["notebook_task"] == NOTEBOOK
    assert [entry["type"] for entry in run["repair_history"]] == ["ORIGINAL"]
    assert run["run_page_url"].startswith(f"{service.url}/?o=1&key=")
    assert run["run_page_url"].endswith(f"#job/{run['job_id']}/run/{run_id}")


def test_a_task_run_is_read_like_a_run(service: Service, http: httpx2.Client) -> None:
    parent = get(http, submit(http))
    for task in parent["tasks"]:
        read = get(http, task["run_id"])
        assert (read["run_id"], read["state"]["life_cycle_state"]) == (task["run_id"], "PENDING")
        assert read["run_page_url"] == task["run_page_url"]
        assert [t["task_key"] for t in read["tasks"]] == [task["task_key"]]


@pytest.mark.parametrize(
    ("result", "code", "kind"),
    [
        (Result.SUCCESS, "SUCCESS", "SUCCESS"),
        (Result.FAILED, "RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
        (Result.CANCELED, "USER_CANCELED", "CLIENT_ERROR"),
        (Result.TIMEDOUT, "CANCELED", "CLIENT_ERROR"),
        (Result.SUCCESS_WITH_FAILURES, "SUCCESS_WITH_FAILURES", "SUCCESS"),
    ],
)
def test_how_a_run_ended_stands_in_both_state_and_status(
    service: Service, http: httpx2.Client, w: WorkspaceClient, result: Result, code: str, kind: str
) -> None:
    run = submitted(service, http)
    service.runner.start(run)
    assert get(http, run.run_id)["status"] == {"state": "RUNNING"}
    service.runner.end(run, result, "because")
    document = get(http, run.run_id)
    assert document["state"]["result_state"] == result
    assert document["state"]["user_cancelled_or_timedout"] == (result in (Result.CANCELED, Result.TIMEDOUT))
    details = {"code": code, "type": kind, "message": "because"}
    assert document["status"] == {"state": "TERMINATED", "termination_details": details}
    read = w.jobs.get_run(run.run_id)
    assert read.status is not None
    assert read.status.termination_details is not None
    assert read.status.termination_details.code == sdk.TerminationCodeCode(code)


def test_the_single_task_shape_has_a_task_named_by_its_run_name(http: httpx2.Client) -> None:
    legacy = {
        "run_name": "a key",
        "notebook_task": {**NOTEBOOK, "source": "WORKSPACE", "base_parameters": {}},
        "existing_cluster_id": "1234-567890-abc",
        "timeout_seconds": "0",
        "email_notifications": {},
        "libraries": [],
    }
    run = get(http, int(http.post(f"{JOBS}/runs/submit", json=legacy).json()["run_id"]))
    assert [(t["task_key"], t["existing_cluster_id"]) for t in run["tasks"]] == [("a key", "1234-567890-abc")]
    cluster = http.get("/api/2.1/clusters/get", params={"cluster_id": "1234-567890-abc"}).json()
    assert (cluster["state"], cluster["state_message"]) == ("RUNNING", "")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "tasks"),
        ({"tasks": []}, "tasks"),
        ({"tasks": [{"task_key": "a"}]}, "'a'"),
        ({"tasks": [{"task_key": "a", "clean_rooms_notebook_task": {}}]}, "clean_rooms_notebook_task"),
        ({"tasks": TASKS, "idempotency_token": "x" * 65}, "64"),
        ({"tasks": TASKS, "run_name": ["x"]}, "run_name"),
        ({"tasks": TASKS, "notebook_task": NOTEBOOK}, "notebook_task"),
        ({"run_name": "x", "notebook_task": {}}, "notebook_path"),
    ],
)
def test_a_submit_that_cannot_run_is_refused(http: httpx2.Client, body: dict[str, Any], word: str) -> None:
    answer = http.post(f"{JOBS}/runs/submit", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert word in answer.json()["message"]


def test_the_same_idempotency_token_starts_one_run(service: Service, http: httpx2.Client) -> None:
    before = len(service.runner.submitted)
    runs = {submit(http, idempotency_token="once") for _ in range(3)}
    assert (len(runs), len(service.runner.submitted) - before) == (1, 1)
    job_id = job(http)
    given = {"job_id": job_id, "idempotency_token": "once"}
    of_job = {http.post(f"{JOBS}/run-now", json=given).json()["run_id"] for _ in range(2)}
    assert len(of_job) == 1
    assert not of_job & runs


def test_run_now_takes_empty_slots_for_absent_and_passes_the_others_on(service: Service, http: httpx2.Client) -> None:
    given = {
        "job_id": str(job(http)),
        "jar_params": [],
        "python_params": [],
        "spark_submit_params": [],
        "notebook_params": {"day": "1", "n": 2},
    }
    run_id = http.post(f"{JOBS}/run-now", json=given).json()["run_id"]
    assert service.runner.submitted[-1].parameters == {"notebook_params": {"day": "1", "n": "2"}}
    assert get(http, run_id)["overriding_parameters"] == {"notebook_params": {"day": "1", "n": "2"}}


def test_job_parameters_have_defaults_that_run_now_overrides(service: Service, http: httpx2.Client) -> None:
    job_id = job(http, parameters=[{"name": "day", "default": "today"}, {"name": "n", "default": "1"}])
    given = {"job_id": job_id, "job_parameters": {"n": 7}}
    run = get(http, http.post(f"{JOBS}/run-now", json=given).json()["run_id"])
    assert run["job_parameters"] == [
        {"name": "day", "default": "today", "value": "today"},
        {"name": "n", "default": "1", "value": "7"},
    ]
    assert service.runner.submitted[-1].parameters == {"job_parameters": {"n": "7"}}


@pytest.mark.parametrize(
    "parameters",
    [
        {"job_parameters": {"a": "b"}, "notebook_params": {"a": "b"}},
        {"notebook_params": ["a"]},
        {"python_params": {"a": "b"}},
        {"only": ["a"]},
        {"notebook_params": {"a": "b"}, "jar_params": ["c"]},
        {"notebook_params": {"a": "b" * 10_000}},
        {"queue": "yes"},
    ],
)
def test_parameters_that_cannot_be_honoured_are_refused(http: httpx2.Client, parameters: dict[str, Any]) -> None:
    answer = http.post(f"{JOBS}/run-now", json={"job_id": job(http), **parameters})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert any(name in answer.json()["message"] for name in parameters)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"python_params": ["--n", "1"]}, {"python_params": ["--n", "1"]}),
        ({"python_named_params": {"n": "1"}}, {"python_named_params": {"n": "1"}}),
        ({"jar_params": ["a"]}, {"jar_params": ["a"]}),
        ({"spark_submit_params": ["--class", "X"]}, {"spark_submit_params": ["--class", "X"]}),
        ({"dbt_commands": ["dbt run"]}, {"dbt_commands": ["dbt run"]}),
        (
            {"notebook_params": {"day": "{{job.start_time.iso_date}}"}},
            {"notebook_params": {"day": "{{job.start_time.iso_date}}"}},
        ),
        ({"performance_target": sdk.PerformanceTarget.STANDARD}, None),
    ],
    ids=lambda given: next(iter(given or {"": 0})),
)
def test_every_kind_of_parameters_reaches_the_run_and_is_shown_as_it_was_given(
    service: Service, http: httpx2.Client, w: WorkspaceClient, given: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    run = w.jobs.run_now(job(http), **given)
    assert service.runner.submitted[-1].parameters == (kept or {})
    shown = w.jobs.get_run(run.run_id).overriding_parameters
    assert (shown.as_dict() if shown else None) == kept


def test_the_sdk_cancels_what_is_queued_and_exports_what_was_run(
    service: Service, http: httpx2.Client, w: WorkspaceClient
) -> None:
    job_id = job(http, tasks=TASKS[:1])
    running, queued = (w.jobs.run_now(job_id).run_id for _ in range(2))
    w.jobs.cancel_all_runs(job_id=job_id, all_queued_runs=True)
    states = [get(http, run_id)["state"].get("result_state") for run_id in (running, queued)]
    assert states == [None, "CANCELED"]
    run = next(run for run in service.runner.submitted if run.run_id == running)
    service.runner.end(run)
    page = Path(run.tasks[0].directory) / "executed.html"
    page.parent.mkdir(parents=True)
    page.write_text("<p>done</p>")
    for views in (None, sdk.ViewsToExport.CODE, sdk.ViewsToExport.ALL):
        (view,) = w.jobs.export_run(run.tasks[0].run_id, views_to_export=views).views or []
        assert (view.type, view.content) == (sdk.ViewType.NOTEBOOK, "<p>done</p>")
    assert not w.jobs.export_run(running, views_to_export=sdk.ViewsToExport.DASHBOARDS).views


def test_a_run_over_the_jobs_limit_is_skipped(service: Service, http: httpx2.Client, w: WorkspaceClient) -> None:
    job_id = job(http, queue={"enabled": False})
    first = http.post(f"{JOBS}/run-now", json={"job_id": job_id}).json()["run_id"]
    second = get(http, http.post(f"{JOBS}/run-now", json={"job_id": job_id}).json()["run_id"])
    assert second["state"]["life_cycle_state"] == "SKIPPED"
    assert second["state"]["result_state"] == "MAXIMUM_CONCURRENT_RUNS_REACHED"
    assert second["status"]["termination_details"]["code"] == "MAX_CONCURRENT_RUNS_EXCEEDED"
    service.runner.end(service.runner.submitted[-1])
    assert get(http, first)["state"]["result_state"] == "SUCCESS"
    third = get(http, http.post(f"{JOBS}/run-now", json={"job_id": job_id}).json()["run_id"])
    assert third["state"]["life_cycle_state"] == "PENDING"


def test_a_job_of_version_2_2_queues_and_runs_the_next_when_the_first_has_ended(
    service: Service, http: httpx2.Client
) -> None:
    job_id = job(http)
    runs = [http.post(f"{JOBS}/run-now", json={"job_id": job_id}).json()["run_id"] for _ in range(3)]
    read = [get(http, run_id) for run_id in runs]
    assert [run["state"]["life_cycle_state"] for run in read] == ["PENDING", "QUEUED", "QUEUED"]
    assert read[1]["status"]["queue_details"]["code"] == "MAX_CONCURRENT_RUNS_REACHED"
    assert read[1]["state"]["queue_reason"] == read[1]["status"]["queue_details"]["message"]
    http.post(f"{JOBS}/runs/cancel", json={"run_id": runs[1]})
    assert get(http, runs[1])["state"]["result_state"] == "CANCELED"
    service.runner.end(service.runner.submitted[-1])
    assert service.runner.submitted[-1].run_id == runs[2]
    assert get(http, runs[2])["state"]["life_cycle_state"] == "PENDING"


def test_a_job_of_an_earlier_version_skips_and_run_now_may_say_otherwise(http: httpx2.Client) -> None:
    made = http.post("/api/2.1/jobs/create", json={"name": "old", "tasks": TASKS}).json()
    runs = [
        http.post(f"{JOBS}/run-now", json={**made, **more}).json()["run_id"]
        for more in ({}, {}, {"queue": {"enabled": True}})
    ]
    states = [get(http, run_id)["state"]["life_cycle_state"] for run_id in runs]
    assert states == ["PENDING", "SKIPPED", "QUEUED"]
    assert http.post(f"{JOBS}/runs/cancel-all", json={**made, "all_queued_runs": True}).json() == {}
    states = [get(http, run_id)["state"].get("result_state") for run_id in runs]
    assert states == [None, "MAXIMUM_CONCURRENT_RUNS_REACHED", "CANCELED"]


def test_a_job_that_allows_no_runs_skips_them_whatever_its_queue(http: httpx2.Client) -> None:
    job_id = job(http, max_concurrent_runs=0)
    read = get(http, http.post(f"{JOBS}/run-now", json={"job_id": job_id}).json()["run_id"])
    assert read["state"]["life_cycle_state"] == "SKIPPED"


def test_every_queued_run_of_the_workspace_is_cancelled_at_once(http: httpx2.Client) -> None:
    jobs = [job(http), job(http)]
    runs = [http.post(f"{JOBS}/run-now", json={"job_id": job_id}).json()["run_id"] for job_id in jobs * 2]
    assert http.post(f"{JOBS}/runs/cancel-all", json={}).status_code == 400
    assert http.post(f"{JOBS}/runs/cancel-all", json={"all_queued_runs": True}).json() == {}
    states = [get(http, run_id)["state"]["life_cycle_state"] for run_id in runs]
    assert states == ["PENDING", "PENDING", "TERMINATED", "TERMINATED"]


def test_the_token_of_a_deleted_run_starts_no_other(service: Service, http: httpx2.Client) -> None:
    run = submitted(service, http, idempotency_token="deleted")
    service.runner.end(run)
    http.post(f"{JOBS}/runs/delete", json={"run_id": run.run_id})
    answer = http.post(f"{JOBS}/runs/submit", json={"tasks": TASKS, "idempotency_token": "deleted"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert str(run.run_id) in answer.json()["message"]


def test_more_than_a_hundred_tasks_come_by_pages_which_the_clients_put_together(
    http: httpx2.Client, w: WorkspaceClient, hook_of: Hooks
) -> None:
    keys = [f"task_{number:03}" for number in range(105)]
    many = [{"task_key": key, "notebook_task": NOTEBOOK} for key in keys]
    job_id = job(http, tasks=many, parameters=[{"name": "day", "default": "1"}])
    page = http.get(f"{JOBS}/get", params={"job_id": job_id}).json()
    assert len(page["settings"]["tasks"]) == 100
    rest = http.get(f"{JOBS}/get", params={"job_id": job_id, "page_token": page["next_page_token"]}).json()
    assert (len(rest["settings"]["tasks"]), rest["settings"]["parameters"]) == (5, [])
    assert "next_page_token" not in rest
    whole = w.jobs.get(job_id).settings
    assert whole is not None
    assert [task.task_key for task in whole.tasks or []] == keys
    (listed,) = [each for each in w.jobs.list(expand_tasks=True) if each.job_id == job_id]
    assert listed.settings is not None
    assert len(listed.settings.tasks or []) == 105
    run_id = http.post(f"{JOBS}/run-now", json={"job_id": job_id}).json()["run_id"]
    assert [task.task_key for task in w.jobs.get_run(run_id).tasks or []] == keys
    assert len(hook_of("DatabricksHook").get_run(run_id)["tasks"]) == 105
    (run,) = [each for each in w.jobs.list_runs(job_id=job_id, expand_tasks=True)]
    assert len(run.tasks or []) == 105
    # The versions before 2.2 have no such pages.
    assert len(http.get("/api/2.1/jobs/runs/get", params={"run_id": run_id}).json()["tasks"]) == 105


def test_parameters_are_shown_with_their_references_replaced_when_asked_for(http: httpx2.Client) -> None:
    body = {**NOTEBOOK, "base_parameters": {"day": "{{job.parameters.day}}", "key": "{{task.name}}", "n": "1"}}
    script = {"python_file": "/Shared/pipelines/helpers.py", "parameters": ["{{job.id}}", "{{job.parameters.none}}"]}
    tasks = [{"task_key": "a", "notebook_task": body}, {"task_key": "b", "spark_python_task": script}]
    job_id = job(http, tasks=tasks, parameters=[{"name": "day", "default": "today"}])
    run_id = http.post(f"{JOBS}/run-now", json={"job_id": job_id, "notebook_params": {"n": 2}}).json()["run_id"]
    assert "resolved_values" not in get(http, run_id)["tasks"][0]
    shown = get(http, run_id, include_resolved_values="true")["tasks"]
    assert shown[0]["resolved_values"] == {"notebook_task": {"base_parameters": {"day": "today", "key": "a", "n": "2"}}}
    # It names nothing: the task will fail, and its parameters are shown as they were given.
    assert shown[1]["resolved_values"] == {"spark_python_task": {"parameters": script["parameters"]}}


def test_version_2_0_shows_the_one_task_of_a_run_by_itself(http: httpx2.Client) -> None:
    one = {"run_name": "one", "notebook_task": NOTEBOOK, "existing_cluster_id": "c"}
    run_id = http.post("/api/2.0/jobs/runs/submit", json=one).json()["run_id"]
    run = http.get("/api/2.0/jobs/runs/get", params={"run_id": run_id}).json()
    assert (run["task"], run["cluster_spec"]) == ({"notebook_task": NOTEBOOK}, {"existing_cluster_id": "c"})
    assert "task" not in get(http, run_id)


def test_output_tells_error_trace_logs_and_exit_value(
    service: Service, http: httpx2.Client, w: WorkspaceClient
) -> None:
    run = submitted(service, http)
    run.tasks[0].output = Output(result="42", logs="hello\n")
    run.tasks[1].output = Output(error="ValueError: no", error_trace="Traceback…\nValueError: no")
    service.runner.end(run, Result.FAILED, "Workload failed, see run output for details")
    first, second = (w.jobs.get_run_output(task.run_id) for task in run.tasks)
    assert first.notebook_output == sdk.NotebookOutput(result="42", truncated=False)
    assert (first.logs, first.error) == ("hello\n", None)
    assert (second.error, second.error_trace) == ("ValueError: no", "Traceback…\nValueError: no")
    assert second.notebook_output == sdk.NotebookOutput()
    assert second.metadata is not None
    assert second.metadata.state is not None
    assert second.metadata.state.state_message == "Workload failed, see run output for details"
    assert "null" not in http.get(f"{JOBS}/runs/get-output", params={"run_id": run.tasks[1].run_id}).text
    whole = http.get(f"{JOBS}/runs/get-output", params={"run_id": run.run_id})
    assert (whole.status_code, whole.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_the_executed_notebook_is_exported_as_html(service: Service, http: httpx2.Client) -> None:
    run = submitted(service, http, tasks=TASKS[:1])
    missing = http.get(f"{JOBS}/runs/export", params={"run_id": run.run_id})
    assert (missing.status_code, missing.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST")
    folder = Path(run.tasks[0].directory)
    folder.mkdir(parents=True)
    (folder / "executed.html").write_text("<p>done</p>")
    views = http.get(f"{JOBS}/runs/export", params={"run_id": run.run_id}).json()["views"]
    assert views == [{"content": "<p>done</p>", "name": "load", "type": "NOTEBOOK"}]
    dashboards = {"run_id": run.run_id, "views_to_export": "DASHBOARDS"}
    assert http.get(f"{JOBS}/runs/export", params=dashboards).json() == {}
    unknown = http.get(f"{JOBS}/runs/export", params={"run_id": run.run_id, "views_to_export": "X"})
    assert (unknown.status_code, unknown.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_runs_are_listed_newest_first_and_filtered(service: Service, http: httpx2.Client, w: WorkspaceClient) -> None:
    http.post("/_harness/reset")
    ended, active = submitted(service, http), submitted(service, http)
    service.runner.end(ended)
    of_job = http.post(f"{JOBS}/run-now", json={"job_id": job(http)}).json()["run_id"]
    assert [run.run_id for run in w.jobs.list_runs()] == [of_job, active.run_id, ended.run_id]
    assert [run.run_id for run in w.jobs.list_runs(completed_only=True)] == [ended.run_id]
    assert [run.run_id for run in w.jobs.list_runs(active_only=True, limit=1)] == [of_job, active.run_id]
    assert [run.run_id for run in w.jobs.list_runs(run_type=sdk.RunType.JOB_RUN)] == [of_job]
    assert [run.run_id for run in w.jobs.list_runs(limit=0)] == [of_job, active.run_id, ended.run_id]
    ended.start_time -= 10_000
    since = {"start_time_from": ended.start_time, "start_time_to": ended.start_time + 1}
    assert [run.run_id for run in w.jobs.list_runs(**since)] == [ended.run_id]
    assert http.get(f"{JOBS}/runs/list", params={"limit": 26}).status_code == 200
    assert http.get(f"{JOBS}/runs/list", params={"limit": 27}).status_code == 400
    assert http.get(f"{JOBS}/runs/list", params={"run_type": "ANY"}).json()["error_code"] == "INVALID_PARAMETER_VALUE"
    both = http.get(f"{JOBS}/runs/list", params={"active_only": "true", "completed_only": "true"})
    assert both.json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_cancel_and_cancel_all_end_what_is_active(service: Service, http: httpx2.Client) -> None:
    run = submitted(service, http)
    assert http.post(f"{JOBS}/runs/cancel", json={"run_id": str(run.run_id)}).json() == {}
    assert run.state.result is Result.CANCELED
    assert http.post(f"{JOBS}/runs/cancel", json={"run_id": run.run_id}).json() == {}
    job_id = job(http, max_concurrent_runs=2)
    for _ in range(2):
        http.post(f"{JOBS}/run-now", json={"job_id": job_id})
    assert http.post(f"{JOBS}/runs/cancel-all", json={"job_id": job_id}).json() == {}
    assert [r.state.result for r in service.runner.submitted[-2:]] == [Result.CANCELED, Result.CANCELED]


def test_a_run_is_deleted_only_when_it_has_ended(service: Service, http: httpx2.Client) -> None:
    run = submitted(service, http)
    refused = http.post(f"{JOBS}/runs/delete", json={"run_id": run.run_id})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_STATE")
    service.runner.end(run)
    assert http.post(f"{JOBS}/runs/delete", json={"run_id": run.run_id}).json() == {}
    assert http.get(f"{JOBS}/runs/get", params={"run_id": run.run_id}).status_code == 404


def test_a_notebooks_own_run_ends_with_the_task_that_started_it(service: Service, http: httpx2.Client) -> None:
    parent = submitted(service, http)
    headers = {"X-Harness-Parent-Run": str(parent.tasks[0].run_id)}
    body = {"run_name": "child", "tasks": TASKS[:1]}
    child_id = http.post(f"{JOBS}/runs/submit", json=body, headers=headers).json()["run_id"]
    assert get(http, child_id)["run_type"] == "WORKFLOW_RUN"
    http.post(f"{JOBS}/runs/cancel", json={"run_id": parent.run_id})
    assert get(http, child_id)["state"]["result_state"] == "CANCELED"


def test_runs_survive_a_restart_and_what_was_active_is_an_internal_error(tmp_path: Path) -> None:
    settings = config(tmp_path, tmp_path)
    before, _ = compose(settings, "http://127.0.0.1:1")
    task = {"task_key": "a", "notebook_task": NOTEBOOK}
    from harness.workspace.launch import record

    ended = record(before, {"tasks": [task]}, job_id=1, name="ended", kind="SUBMIT_RUN")
    active = record(before, {"tasks": [task]}, job_id=2, name="active", kind="SUBMIT_RUN")
    for run in (ended, active):
        before.runs.add(run)
    ended.state = ended.tasks[0].state = State(LifeCycle.TERMINATED, Result.SUCCESS)
    active.state = active.tasks[0].state = State(LifeCycle.RUNNING)
    before.runs.changed(ended)
    before.runs.changed(active)
    before.store.close()
    after, _ = compose(settings, "http://127.0.0.1:1")
    kept = {
        run.name: (run.state.life_cycle, run.tasks[0].state.life_cycle, run.state.message) for run in after.runs.all()
    }
    assert kept == {
        "ended": (LifeCycle.TERMINATED, LifeCycle.TERMINATED, ""),
        "active": (LifeCycle.INTERNAL_ERROR, LifeCycle.INTERNAL_ERROR, "The workspace stopped during this run."),
    }
    after.store.close()


# ---- who is held, and who is not ---------------------------------------------------------------------------------


def in_thread(act: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    result: list[Any] = []
    thread = threading.Thread(target=lambda: result.append(act()))
    thread.start()
    return thread, result


def wait_until_asked(service: Service, run: Run) -> None:
    """Until a read of the run is being held."""
    signal = service.workspace.signal
    assert isinstance(signal, WatchedSignal)
    signal.wait_held(("run", run.run_id))


def test_submit_run_reads_the_page_address_at_once_and_is_held_at_the_state(
    service: Service, http: httpx2.Client, hook_of: Hooks
) -> None:
    hook = hook_of("DatabricksSubmitRunOperator")
    run = submitted(service, http)
    assert hook.get_run_page_url(run.run_id).endswith(f"/run/{run.run_id}")
    thread, result = in_thread(lambda: hook.get_run(run.run_id))
    wait_until_asked(service, run)
    service.runner.end(run)
    thread.join(10)
    assert result[0]["state"]["result_state"] == "SUCCESS"


def test_a_workflow_launch_sees_running_even_when_the_run_has_already_ended(
    service: Service, http: httpx2.Client, hook_of: Hooks
) -> None:
    hook = hook_of("_CreateDatabricksWorkflowOperator")
    run = submitted(service, http)
    assert hook.get_run_state(run.run_id).life_cycle_state == "RUNNING"
    service.runner.end(run, Result.FAILED)
    hook.get_run_page_url(run.run_id)
    assert hook.get_run_state(run.run_id).life_cycle_state == "RUNNING"
    assert get(http, run.run_id)["state"]["result_state"] == "FAILED"


def test_a_notebook_operator_reads_the_parent_at_once_and_is_held_at_its_task(
    service: Service, http: httpx2.Client, hook_of: Hooks
) -> None:
    hook = hook_of("DatabricksNotebookOperator")
    run = submitted(service, http)
    for _ in range(3):
        assert [task["task_key"] for task in hook.get_run_tasks(run.run_id)] == ["a", "b"]
    thread, result = in_thread(lambda: hook.get_run(run.tasks[0].run_id))
    wait_until_asked(service, run)
    service.runner.end_task(run, run.tasks[0])
    thread.join(10)
    assert result[0]["state"]["result_state"] == "SUCCESS"
    service.runner.end(run)


def test_a_notebook_operator_that_follows_its_own_run_is_held_there(
    service: Service, http: httpx2.Client, hook_of: Hooks
) -> None:
    hook = hook_of("DatabricksNotebookOperator")
    run = submitted(service, http, tasks=[{**TASKS[0], "max_retries": 1}])
    hook.get_run_page_url(run.run_id)
    thread, result = in_thread(lambda: hook.get_run(run.run_id))
    wait_until_asked(service, run)
    service.runner.end(run)
    thread.join(10)
    assert result[0]["state"]["result_state"] == "SUCCESS"


def test_the_operator_of_a_retried_task_is_shown_the_tasks_when_the_last_attempt_has_ended(
    service: Service, http: httpx2.Client, hook_of: Hooks
) -> None:
    hook = hook_of("DatabricksTaskOperator")
    http.post(f"{JOBS}/run-now", json={"job_id": job(http, tasks=[{**TASKS[0], "max_retries": 1}, TASKS[1]])})
    run = service.runner.submitted[-1]
    thread, result = in_thread(lambda: hook.get_run_tasks(run.run_id))
    wait_until_asked(service, run)
    # What on_kill asks meanwhile is not held behind it.
    assert [task["state"]["life_cycle_state"] for task in hook.get_run_tasks(run.run_id)] == ["PENDING", "PENDING"]
    again = replace(run.tasks[0], run_id=99_000_000, attempt=1, state=State(LifeCycle.RUNNING))
    run.tasks.append(again)
    service.runner.end_task(run, run.tasks[0], Result.FAILED)
    service.runner.end_task(run, again)
    thread.join(10)
    assert [task["state"].get("result_state") for task in result[0]] == ["FAILED", None, "SUCCESS"]
    read = get(http, again.run_id)
    assert (read["attempt_number"], read["original_attempt_run_id"]) == (1, run.tasks[0].run_id)
    # Whether the run goes on is told as it is: the operator would take an earlier attempt for the last one.
    assert not hook.get_run_state(run.run_id).is_terminal
    service.runner.end(run)


def test_an_async_read_with_its_parameters_in_the_body_is_held_until_the_end(
    service: Service, http: httpx2.Client, hook_of: Hooks
) -> None:
    hook = hook_of("DatabricksExecutionTrigger")
    run = submitted(service, http)

    async def poll() -> Any:
        async with hook:
            return await hook.a_get_run_state(run.run_id)

    thread, result = in_thread(lambda: asyncio.run(poll()))
    wait_until_asked(service, run)
    service.runner.end(run)
    thread.join(10)
    assert result[0].result_state == "SUCCESS"


def test_polls_that_are_not_to_be_held_are_answered_at_once_until_a_reset(
    service: Service, http: httpx2.Client, hook_of: Hooks
) -> None:
    assert http.post("/_harness/hold", json={"seconds": 0}).json() == {"seconds": 0}
    hook = hook_of("DatabricksSubmitRunOperator")
    run = submitted(service, http)
    for _ in range(3):
        assert not hook.get_run_state(run.run_id).is_terminal
    service.runner.end(run)
    assert http.post("/_harness/hold", json={"seconds": -1}).status_code == 400
    http.post("/_harness/reset")
    assert service.workspace.hold_seconds == service.workspace.config.hold_seconds


def test_others_are_answered_at_once(service: Service, http: httpx2.Client, w: WorkspaceClient, hook_of: Hooks) -> None:
    run = submitted(service, http)
    hook = hook_of("DatabricksHook")
    started = time.monotonic()
    for _ in range(3):
        assert not hook.get_run_state(run.run_id).is_terminal
        w.jobs.get_run(run.run_id)
        get(http, run.run_id)
    assert time.monotonic() - started < service.workspace.config.hold_seconds / 2


def test_an_unmodified_operator_runs_without_sleeping(service: Service, hook_of: Hooks) -> None:
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator

    hook_of("")  # the connection
    held = DatabricksSubmitRunOperator(
        task_id="held", tasks=TASKS, do_xcom_push=False, databricks_conn_id="databricks_default", durable=False
    )
    while service.runner.taken.acquire(blocking=False):
        pass
    started = time.monotonic()
    thread, _ = in_thread(lambda: held.execute({}))
    run = service.runner.next()
    service.runner.start(run)
    wait_until_asked(service, run)
    service.runner.end(run)
    thread.join(20)
    assert not thread.is_alive()
    assert time.monotonic() - started < 10  # its own poll period is 30 s
