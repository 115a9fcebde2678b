"""The corpus: every notebook of cases.py imported and run through the Jobs API by the SDK, two runs for all of them."""

from __future__ import annotations

import base64
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import JobParameterDefinition, RunOutput, SubmitTask, Task
from databricks.sdk.service.workspace import ImportFormat, Language

from harness.stack import Stack
from tests.corpus.cases import CASES, Case, source

FOLDER = "/Users/harness@localhost/corpus"
ENDED = ("TERMINATED", "INTERNAL_ERROR", "SKIPPED")
# From this one on they are tasks of a job, with parameters of its own; those before are of a submitted run.
FIRST_OF_THE_JOB = "an exception fails the task"


@dataclass
class Outcome:
    """How a case ended: the result of its last attempt, what runs/get-output tells, all outputs of its cells."""

    state: str
    output: RunOutput
    shown: str


def written(workspace: WorkspaceClient, case: Case) -> dict[str, Any]:
    """Import a case's notebooks. Returns: its task."""
    notebooks = {case.key: (case.cells, case.language), **{n: (cells, "PYTHON") for n, cells in case.beside.items()}}
    for name, (cells, language) in notebooks.items():
        path, content = f"{FOLDER}/{name}", base64.b64encode(source(cells, language).encode()).decode()
        if "/" in name:
            workspace.workspace.mkdirs(posixpath.dirname(path))
        workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=Language(language))
    body = {"notebook_path": f"{FOLDER}/{case.key}", "base_parameters": dict(case.parameters)}
    return {"task_key": case.key, "notebook_task": body, **case.task}


def outcomes(stack: Stack, workspace: WorkspaceClient, run_id: int) -> Iterator[tuple[str, Outcome]]:
    """Wait for a run's end, with held polls, and read what came of each task."""
    headers = {"User-Agent": "tests operator/corpus"}
    query: Mapping[str, Any] = {"run_id": run_id}
    while True:
        run: Any = workspace.api_client.do("GET", "/api/2.1/jobs/runs/get", query=dict(query), headers=headers)
        if run["state"]["life_cycle_state"] in ENDED:
            break
    known = {run["run_id"]: run for run in stack.control("GET", "runs")["runs"]}[run_id]
    directories = {task["run_id"]: Path(task["directory"]) for task in known["tasks"]}
    for task in run["tasks"]:  # the last attempt of each comes last
        executed = directories[task["run_id"]] / "executed.ipynb"
        cells = json.loads(executed.read_text())["cells"] if executed.is_file() else []
        shown = json.dumps([cell.get("outputs", []) for cell in cells])
        output = workspace.jobs.get_run_output(task["run_id"])
        yield task["task_key"], Outcome(task["state"]["result_state"], output, shown)


@pytest.fixture(scope="module")
def corpus(stack: Stack, connected: None) -> dict[str, Outcome]:
    """What came of every case, by its key."""
    stack.reset()
    workspace = WorkspaceClient(host=stack.workspace_url, token=stack.token)
    workspace.workspace.mkdirs(FOLDER)
    tasks = {case.name: written(workspace, case) for case in CASES}
    at = list(tasks).index(FIRST_OF_THE_JOB)
    submitted, of_job = list(tasks.values())[:at], list(tasks.values())[at:]
    first = workspace.jobs.submit(run_name="corpus", tasks=[SubmitTask.from_dict(task) for task in submitted])
    job = workspace.jobs.create(
        name="corpus",
        tasks=[Task.from_dict(task) for task in of_job],
        parameters=[JobParameterDefinition(name="of_the_job", default="given to all")],
    )
    second = workspace.jobs.run_now(job.job_id)
    return {key: outcome for started in (first, second) for key, outcome in outcomes(stack, workspace, started.run_id)}


@pytest.mark.parametrize("case", CASES, ids=[case.name.replace(" ", "_") for case in CASES])
def test_notebooks_behave_as_documented(corpus: dict[str, Outcome], case: Case) -> None:
    found = corpus[case.key]
    output = found.output
    if case.error is None:
        assert (found.state, output.error) == ("SUCCESS", None)
        assert output.notebook_output is not None
        assert output.notebook_output.result == case.result
    else:
        assert found.state == "FAILED"
        assert (output.error or "").startswith(case.error), output.error
    if case.logs is not None:
        assert output.logs == case.logs
    for text in case.shows:
        assert text in found.shown


def test_every_case_has_a_name_of_its_own() -> None:
    assert len({case.key for case in CASES}) == len(CASES)
