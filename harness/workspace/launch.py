"""Starting runs: ``jobs/run-now`` and ``jobs/runs/submit``. A run is made as a record and handed to the runner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from databricks.sdk.service.jobs import JobSettings

from harness.runner.run import LifeCycle, Result, Run, State, TaskRun, now
from harness.runner.scheduler import CANCELLED
from harness.workspace import (
    clusters,
    enforcement,
    gitsource,
    jobs,
    jobspec,
    libraries,
    nesting,
    pipelineruns,
    pipelineupdates,
    sqlfunctions,
)
from harness.workspace.errors import ApiError, InvalidParameter
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api, whole

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

LEGACY_PARAMETERS = {
    "notebook_params": dict,
    "python_named_params": dict,
    "jar_params": list,
    "python_params": list,
    "spark_submit_params": list,
    "dbt_commands": list,
    "sql_params": dict,
}
# docs: api/workspace/jobs/runnow, of each of these fields.
PARAMETER_BYTES = 10_000
# Fields of run-now that would change what runs, and that we cannot honour.
REFUSED = ("only",)
# Sent by dbutils.notebook.run (harness/kernel/subruns.py): the task run that starts this run.
PARENT_HEADER = "X-Harness-Parent-Run"
SKIPPED = "Skipping this run because the limit of maximum concurrent runs has been reached."
QUEUED = "Queued because the limit of maximum concurrent runs has been reached."


def start(workspace: Workspace, run: Run) -> None:
    """Hand a new run to the runner, unless its job's ``max_concurrent_runs`` says to skip or queue it.

    Source: docs.databricks.com, "Configure settings for Lakeflow Jobs" (maximum concurrent runs, queueing), and
    api/workspace/jobs/create ("Setting this value to 0 causes all new runs to be skipped").
    """
    if run.run_type != "JOB_RUN":
        hand_over(workspace, run)
        return
    limit = run.settings.get("max_concurrent_runs", 1)
    if len([other for other in workspace.runs.active(run.job_id) if other.run_id < run.run_id]) < limit:
        hand_over(workspace, run)
    elif limit and run.settings.get("queue", {}).get("enabled"):
        run.state = State(LifeCycle.QUEUED, None, QUEUED)
        workspace.runs.changed(run)
        # The run before it may have ended while this one was on its way into the queue.
        advance(workspace, run.job_id)
    else:
        for task in run.tasks:
            task.state = State(LifeCycle.SKIPPED, None, SKIPPED)
        run.end_time = now()
        run.state = State(LifeCycle.SKIPPED, None, SKIPPED)
        workspace.runs.changed(run)


def advance(workspace: Workspace, job_id: int) -> None:
    """Start the runs of a job's queue for which there is room, the oldest first."""
    while (run := workspace.runs.admit(job_id)) is not None:
        hand_over(workspace, run)


def hand_over(workspace: Workspace, run: Run) -> None:
    """Give a run to the runner. Clusters that it is to use and that are terminated start, as on Databricks.

    A run on a cluster that was deleted for good fails, and one whose files cannot be had from Git.
    """
    waiting = [task for task in run.tasks if not task.state.ended]
    named = [task.spec["existing_cluster_id"] for task in waiting if "existing_cluster_id" in task.spec]
    try:
        clusters.wake(workspace, named)
        gitsource.check_out(workspace, run)
    except ApiError as error:
        end = State(LifeCycle.INTERNAL_ERROR, Result.FAILED, error.message)
        if run.state.life_cycle is LifeCycle.TERMINATING:  # it was cancelled meanwhile
            end = State(LifeCycle.TERMINATED, Result.CANCELED, CANCELLED)
        for task in waiting:
            if not task.state.ended:
                task.state, task.end_time = end, now()
        run.end_time, run.state = now(), end
        workspace.runs.changed(run)
    else:
        if named:
            known = {
                "existing_clusters": clusters.specs(workspace, named),
                "cluster_libraries": libraries.of_clusters(workspace, named),
            }
            run.settings = {**run.settings, **known}
        workspace.runner.submit(run)


def progressed(workspace: Workspace, run: Run) -> None:
    """Take note of a run's new state, and of what follows from it for other runs. Called by the runner."""
    workspace.runs.changed(run)
    if run.run_type == pipelineruns.RUN_TYPE:
        pipelineupdates.progressed(workspace, run)
    for task in run.task_runs():
        # Whatever ended a task, a notebook that it started does not outlive it.
        for child in workspace.runs.children(task) if task.state.ended else ():
            workspace.runner.cancel(child)
    if run.state.ended and run.run_type == "JOB_RUN":
        advance(workspace, run.job_id)


def record(workspace: Workspace, settings: Document, *, job_id: int, name: str, kind: str) -> Run:
    """A new run of these settings, PENDING, with a run for each task. Raises: ``InvalidParameter`` without tasks."""
    tasks = settings["tasks"]
    if not tasks:
        raise InvalidParameter("The run has no tasks. At least one task must be specified.")
    first = workspace.store.next("id", 1 + len(tasks))
    folder = workspace.config.directory / "runs" / str(first)
    return Run(
        run_id=first,
        job_id=job_id,
        name=name,
        settings=settings,
        run_type=kind,
        creator=workspace.config.user,
        run_as=_run_as(workspace, settings),
        tasks=[
            TaskRun(run_id=first + at, task_key=task["task_key"], spec=task, directory=str(folder / str(first + at)))
            for at, task in enumerate(tasks, start=1)
        ],
    )


def _run_as(workspace: Workspace, settings: Document) -> str:
    """Who a run's notebooks are: whom its ``run_as`` names. Nobody else for one that is not known here.

    Production's principals are seldom known: their runs are the workspace's user's, unless privileges are enforced.
    """
    given = settings.get("run_as", {})
    name = str(given.get("user_name") or given.get("service_principal_name") or "")
    known = sqlfunctions.named(workspace.store, name) if name else None
    return known.name if known else name if enforcement.enforced(workspace) else ""


def once(workspace: Workspace, call: Call, run: Run) -> int:
    """Start a run, or find the one that the same ``idempotency_token`` has started. Returns: the run's id.

    Source: docs, api/workspace/jobs/runnow (the token is at most 64 characters; "if a run with the provided token is
    deleted, an error is returned"). Raises: ``InvalidParameter``.
    """
    token = call.text("idempotency_token", "")
    if len(token) > 64:
        raise InvalidParameter("idempotency_token must be at most 64 characters long.")
    # Before the token: whoever is given this run's id may ask for it at once.
    workspace.runs.add(run)
    if token:
        run.idempotency_token = token
        # Submitted runs have no job in common; run-now's tokens are the job's own.
        scope = run.job_id if run.run_type == "JOB_RUN" else "submit"
        try:
            workspace.store.insert("idempotency_token", f"{scope}:{token}", {"run_id": run.run_id})
        except Taken:
            workspace.runs.remove(run.run_id)
            known = int((workspace.store.get("idempotency_token", f"{scope}:{token}") or {})["run_id"])
            if workspace.runs.find(known) is None:
                raise InvalidParameter(f"The run {known} of idempotency_token {token} was deleted.") from None
            return known
    start(workspace, run)
    return run.run_id


def overrides(arguments: Document) -> Document:
    """What run-now overrides, by its own field names. Empty slots are no override: the provider always sends some.

    Raises: ``InvalidParameter`` for the wrong type, for both generations at once, for what we cannot honour.
    """
    for name in REFUSED:
        if arguments.get(name):
            raise InvalidParameter(f"run-now with {name} is not served by the local workspace.")
    given: Document = {}
    for name, kind in LEGACY_PARAMETERS.items():
        value = arguments.get(name)
        if not value:
            continue
        if kind is dict and isinstance(value, dict):
            given[name] = {k: text(v) for k, v in value.items()}
        elif kind is list and isinstance(value, list):
            given[name] = [text(v) for v in value]
        else:
            raise InvalidParameter(f"Expected {name} to be {'an object' if kind is dict else 'a list'}.")
        if len(json.dumps({name: given[name]}, separators=(",", ":")).encode()) > PARAMETER_BYTES:
            raise InvalidParameter(f"The JSON representation of {name} cannot exceed {PARAMETER_BYTES} bytes.")
    if "notebook_params" in given and "jar_params" in given:
        raise InvalidParameter("notebook_params cannot be specified in conjunction with jar_params.")
    if arguments.get("pipeline_params"):
        given["pipeline_params"] = pipelineupdates.parameters(arguments["pipeline_params"])
    job_parameters = arguments.get("job_parameters", {})
    if not isinstance(job_parameters, dict):
        raise InvalidParameter(f"Expected job_parameters to be an object, got {type(job_parameters).__name__}.")
    if job_parameters and given:
        raise InvalidParameter(f"job_parameters cannot be given together with {', '.join(given)}.")
    if job_parameters:
        given["job_parameters"] = {k: text(v) for k, v in job_parameters.items()}
    return given


def text(value: object) -> str:
    """A parameter's value as the string it is passed as: DAG params come with their own JSON types."""
    return value if isinstance(value, str) else json.dumps(value)


def of_job(workspace: Workspace, job: Document, given: Document, **changed: Document) -> Run:
    """A new run of a job as it is now.

    Parameters: ``given``: its :func:`overrides`; ``changed``: settings of this run alone. Raises: ``InvalidParameter``.
    """
    name = job["settings"]["name"]
    settings = {**jobspec.with_tasks(job["settings"], name), **jobspec.typed(changed, JobSettings)}
    jobspec.check(settings)
    run = record(workspace, settings, job_id=job["job_id"], name=name, kind="JOB_RUN")
    run.parameters = given
    return run


def run_now(call: Call) -> Document:
    workspace = call.workspace
    job = jobs.find(workspace, call.integer("job_id"))
    queue = {"queue": call.mapping("queue")} if "queue" in call.arguments else {}
    run = of_job(workspace, job, overrides(call.arguments), **queue)
    run_id = once(workspace, call, run)
    return {"run_id": run_id, "number_in_job": run_id}


def submit(call: Call) -> Document:
    workspace = call.workspace
    settings = jobspec.submit_settings(call.arguments)
    jobspec.check(settings)
    gitsource.check(workspace, settings)
    nesting.check(workspace, settings, (0,))
    clusters.note(workspace, settings)
    name = settings.get("run_name", "Untitled")
    # A submitted run's job is not listed, but it has an id, which clients read.
    parent = whole(call.request.headers.get(PARENT_HEADER))
    kind = "SUBMIT_RUN" if parent is None else "WORKFLOW_RUN"
    run = record(workspace, settings, job_id=workspace.store.next("id"), name=name, kind=kind)
    if parent is not None:
        workspace.runs.adopt(run, parent)
    return {"run_id": once(workspace, call, run)}


routes = [
    *api("POST", "{version}/jobs/run-now", run_now, jobs.VERSIONS),
    *api("POST", "{version}/jobs/runs/submit", submit, jobs.VERSIONS),
]
