"""The jobs of the corpus: every one of jobs.py made and run through the Jobs API by the SDK, all at once."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import JobParameterDefinition, RunOutput, Task
from databricks.sdk.service.workspace import ImportFormat, Language

from harness.stack import Stack
from tests.corpus.cases import source
from tests.corpus.jobs import JOBS, NOTEBOOKS, SCRIPTS, JobCase

FOLDER = "/Users/harness@localhost/jobs"
ENDED = ("TERMINATED", "INTERNAL_ERROR", "SKIPPED")


@pytest.fixture(scope="module")
def started(stack: Stack, connected: None) -> tuple[WorkspaceClient, dict[str, int]]:
    """A client, and the run of every case by its key; nothing is waited for."""
    stack.reset()
    workspace = WorkspaceClient(host=stack.workspace_url, token=stack.token)
    workspace.workspace.mkdirs(FOLDER)
    for name, cells in NOTEBOOKS.items():
        upload(workspace, name, source(cells), ImportFormat.SOURCE)
    for name, text in SCRIPTS.items():
        upload(workspace, f"{name}.py", text, ImportFormat.AUTO)
    return workspace, {case.key: start(workspace, case) for case in JOBS}


def upload(workspace: WorkspaceClient, name: str, text: str, form: ImportFormat) -> None:
    content = base64.b64encode(text.encode()).decode()
    workspace.workspace.import_(f"{FOLDER}/{name}", content=content, format=form, language=Language.PYTHON)


def start(workspace: WorkspaceClient, case: JobCase) -> int:
    other = 0
    if case.other:
        tasks = [Task.from_dict(placed(each, 0)) for each in case.other]
        parameters = [JobParameterDefinition(name="v", default="nothing")]
        other = workspace.jobs.create(name=f"other of {case.name}", tasks=tasks, parameters=parameters).job_id or 0
    job = workspace.jobs.create(
        name=case.name,
        tasks=[Task.from_dict(placed(each, other)) for each in case.tasks],
        parameters=[JobParameterDefinition(name=name, default=text) for name, text in case.parameters.items()],
    )
    return int(workspace.jobs.run_now(job.job_id or 0, job_parameters=dict(case.given) or None).run_id)


def placed(spec: Any, other: int) -> Any:
    """A specification with the paths and the id that its ``@names`` stand for."""
    if isinstance(spec, dict):
        return {name: placed(value, other) for name, value in spec.items()}
    if isinstance(spec, (list, tuple)):
        return [placed(value, other) for value in spec]
    if isinstance(spec, str) and spec.startswith("@"):
        return other if spec == "@other" else f"{FOLDER}/{spec[1:]}"
    return spec


def ended(workspace: WorkspaceClient, run_id: int) -> dict[str, Any]:
    """Wait for a run's end. The workspace holds the poll."""
    headers = {"User-Agent": "tests operator/corpus"}
    while True:
        run: Any = workspace.api_client.do("GET", "/api/2.2/jobs/runs/get", query={"run_id": run_id}, headers=headers)
        if run["state"]["life_cycle_state"] in ENDED:
            return dict(run)


@pytest.mark.parametrize("case", JOBS, ids=[case.name.replace(" ", "_") for case in JOBS])
def test_tasks_behave_together_as_documented(started: tuple[WorkspaceClient, dict[str, int]], case: JobCase) -> None:
    workspace, runs = started
    run = ended(workspace, runs[case.key])
    tasks = {task["task_key"]: task for task in run["tasks"]}  # the last attempt of each comes last
    found = {key: task["state"].get("result_state") for key, task in tasks.items()}
    assert {key: found[key] for key in case.ends} == dict(case.ends), run["tasks"]
    assert run["state"].get("result_state") == case.state, run["state"]

    def output(key: str) -> RunOutput:
        return workspace.jobs.get_run_output(tasks[key]["run_id"])

    for key, result in case.results.items():
        told = output(key).notebook_output
        assert told is not None
        assert told.result == result
    for key, text in case.logs.items():
        assert output(key).logs == text
    for key, error in case.errors.items():
        assert (output(key).error or "").startswith(error)


def test_each_element_of_a_loop_has_a_task_run_of_its_own(started: tuple[WorkspaceClient, dict[str, int]]) -> None:
    workspace, runs = started
    run = ended(workspace, runs["a_loop_gives_each_element_to_its_task"])
    whole: Any = workspace.api_client.do("GET", "/api/2.2/jobs/runs/get", query={"run_id": run["tasks"][0]["run_id"]})
    results = [workspace.jobs.get_run_output(each["run_id"]).notebook_output for each in whole["iterations"]]
    assert [result.result for result in results if result] == ["x", "y", "z"]


def test_every_job_has_a_name_of_its_own() -> None:
    assert len({case.key for case in JOBS}) == len(JOBS)
