"""Projects of notebooks as their authors write them for Databricks, put into the workspace and run by the SDK."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import JobParameterDefinition, RunOutput, Task
from databricks.sdk.service.workspace import ImportFormat, Language

HERE = Path(__file__).parent
LANGUAGES = {".py": Language.PYTHON, ".sql": Language.SQL}


@pytest.fixture
def deploy(workspace: WorkspaceClient) -> Callable[[str], str]:
    """``deploy(project) -> folder``: put a project's notebooks into the workspace."""

    def put(project: str) -> str:
        folder, source = f"/Workspace/Users/projects/{project}", HERE / project / "notebooks"
        for file in sorted(source.rglob("*")):
            if file.suffix not in LANGUAGES:
                continue
            path = f"{folder}/{file.relative_to(source).with_suffix('')}"
            workspace.workspace.mkdirs(path.rpartition("/")[0])
            content = base64.b64encode(file.read_bytes()).decode()
            language = LANGUAGES[file.suffix]
            workspace.workspace.import_(path, content=content, format=ImportFormat.SOURCE, language=language)
        return folder

    return put


@pytest.fixture
def job(workspace: WorkspaceClient) -> Callable[..., int]:
    """``job(tasks, **parameters) -> job_id``: make a job of tasks, in their order."""

    def make(tasks: list[dict[str, Any]], **parameters: str) -> int:
        chained = [
            {**task, **({"depends_on": [{"task_key": before["task_key"]}]} if before else {})}
            for before, task in zip([None, *tasks], tasks, strict=False)
        ]
        given = [JobParameterDefinition(name=name, default=value) for name, value in parameters.items()]
        made = workspace.jobs.create(
            name="a project", tasks=[Task.from_dict(each) for each in chained], parameters=given
        )
        return int(made.job_id or 0)

    return make


@pytest.fixture
def run(workspace: WorkspaceClient) -> Callable[..., dict[str, RunOutput]]:
    """``run(job_id, **parameters) -> outputs``: run a job to its green end."""

    def now(job_id: int, **parameters: str) -> dict[str, RunOutput]:
        run_id = workspace.jobs.run_now(job_id, job_parameters=parameters).run_id
        while True:
            query = {"run_id": run_id}
            # The workspace holds the poll of an operator; nobody sleeps.
            headers = {"User-Agent": "tests operator/wait"}
            answer: Any = workspace.api_client.do("GET", "/api/2.2/jobs/runs/get", query=query, headers=headers)
            if answer["state"]["life_cycle_state"] in ("TERMINATED", "INTERNAL_ERROR", "SKIPPED"):
                break
        outputs = {task["task_key"]: workspace.jobs.get_run_output(task["run_id"]) for task in answer["tasks"]}
        errors = {key: each.error_trace or each.error for key, each in outputs.items() if each.error}
        assert answer["state"].get("result_state") == "SUCCESS", errors or answer["state"]
        return outputs

    return now
