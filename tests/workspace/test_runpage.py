"""The run's page: the link that operators log opens that run and nothing else."""

from __future__ import annotations

import re
import urllib.parse
from pathlib import Path

import httpx2
import pytest

from harness.runner.loops import iterations
from harness.runner.run import Output, Result, Run
from tests.workspace.conftest import TOKEN, Service

TASKS = [{"task_key": "<b>a</b>", "notebook_task": {"notebook_path": "/Shared/pipelines/load"}}]


@pytest.fixture
def run(service: Service, http: httpx2.Client) -> Run:
    answer = http.post("/api/2.2/jobs/runs/submit", json={"run_name": "<script>x</script>", "tasks": TASKS})
    run = next(r for r in service.runner.submitted if r.run_id == answer.json()["run_id"])
    run.tasks[0].output = Output(error="ValueError: <img>", error_trace="Trace", logs="log", result="7")
    service.runner.end(run, Result.FAILED, "Workload failed, see run output for details")
    return run


def link(http: httpx2.Client, run_id: int) -> urllib.parse.SplitResult:
    url: str = http.get("/api/2.2/jobs/runs/get", params={"run_id": run_id}).json()["run_page_url"]
    return urllib.parse.urlsplit(url)


def test_the_link_opens_without_the_token_and_does_not_carry_it(
    service: Service, http: httpx2.Client, run: Run
) -> None:
    url = link(http, run.run_id)
    assert TOKEN not in url.geturl()
    page = httpx2.get(f"{service.url}/?{url.query}")
    assert page.status_code == 200
    assert "<title>Run</title>" in page.text
    key = urllib.parse.parse_qs(url.query)["key"][0]
    document = httpx2.get(f"{service.url}/_view/runs/{run.run_id}", params={"key": key}).json()
    assert document["run_name"] == "<script>x</script>"
    output = document["tasks"][0]["output"]
    assert (output["error"], output["error_trace"], output["logs"]) == ("ValueError: <img>", "Trace", "log")


def test_the_page_shows_the_iterations_of_a_loop_too(service: Service, http: httpx2.Client) -> None:
    loop = {"inputs": "[1, 2]", "task": {**TASKS[0], "task_key": "inner"}}
    answer = http.post("/api/2.2/jobs/runs/submit", json={"tasks": [{"task_key": "loop", "for_each_task": loop}]})
    run = next(r for r in service.runner.submitted if r.run_id == answer.json()["run_id"])
    run.tasks[0].iterations = iterations(run.tasks[0], [1, 2])
    run.tasks[0].iterations[1].output = Output(error="ValueError: 2")
    key = urllib.parse.parse_qs(link(http, run.run_id).query)["key"][0]
    tasks = httpx2.get(f"{service.url}/_view/runs/{run.run_id}", params={"key": key}).json()["tasks"]
    assert [task["task_key"] for task in tasks] == ["loop", "inner[0]", "inner[1]"]
    assert tasks[2]["output"]["error"] == "ValueError: 2"
    shown = http.get("/api/2.2/jobs/runs/get", params={"run_id": tasks[2]["run_id"]}).json()
    assert (shown["run_name"], shown["original_attempt_run_id"]) == ("inner", tasks[2]["run_id"])


def test_the_key_of_one_run_opens_no_other_and_no_key_opens_none(
    service: Service, http: httpx2.Client, run: Run
) -> None:
    other = http.post("/api/2.2/jobs/runs/submit", json={"tasks": TASKS}).json()["run_id"]
    key = urllib.parse.parse_qs(link(http, other).query)["key"][0]
    for wrong in (key, "", TOKEN):
        answer = httpx2.get(f"{service.url}/_view/runs/{run.run_id}", params={"key": wrong})
        assert answer.status_code == 403
    assert httpx2.get(f"{service.url}/_view/runs/424242", params={"key": key}).status_code == 403
    assert httpx2.get(f"{service.url}/api/2.2/jobs/list", headers={"Authorization": f"Bearer {key}"}).status_code == 403


def test_the_page_runs_its_own_script_only_and_builds_no_markup_from_data(service: Service) -> None:
    page = httpx2.get(f"{service.url}/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[^']+'", policy)
    assert "unsafe-inline" not in policy
    for builder in ("innerHTML", "insertAdjacentHTML", "document.write", "outerHTML"):
        assert builder not in page.text
    assert not re.search(r"(src|href)=[\"']?https?:", page.text)


def test_the_executed_notebook_is_shown_in_an_origin_of_its_own(
    service: Service, http: httpx2.Client, run: Run
) -> None:
    task = run.tasks[0]
    Path(task.directory).mkdir(parents=True)
    (Path(task.directory) / "executed.html").write_text("<script>alert(1)</script>")
    key = urllib.parse.parse_qs(link(http, task.run_id).query)["key"][0]
    shown = httpx2.get(f"{service.url}/_view/runs/{task.run_id}/notebook", params={"key": key})
    assert shown.text == "<script>alert(1)</script>"
    assert shown.headers["content-security-policy"] == "sandbox allow-scripts"
    assert httpx2.get(f"{service.url}/_view/runs/{task.run_id}/notebook").status_code == 403
