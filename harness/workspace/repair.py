"""Repairing a run: ``jobs/runs/repair`` gives failed tasks another attempt within the same run.

Source: docs, api/workspace/jobs/repairrun ("Tasks are re-run as part of the original job run. They use the current job
and task settings"). What each repair ran is kept beside the run, for ``repair_history``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.runner.run import Result, Run, State, TaskRun, now
from harness.runner.scheduler import latest_tasks
from harness.workspace import gitsource, jobs, jobspec
from harness.workspace.errors import InvalidParameter, InvalidState, NotFound
from harness.workspace.launch import hand_over, overrides
from harness.workspace.runviews import state_view, status_view
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

GOOD = (Result.SUCCESS, Result.EXCLUDED)


def history(workspace: Workspace, run: Run) -> list[Document]:
    """A run's ``repair_history``: the original first; the last entry is as the run is now."""
    kept = workspace.store.get("repair", run.run_id) or {"entries": [original(run)]}
    *ended, last = kept["entries"]
    return [*ended, {**last, **_now(run)}]


def original(run: Run) -> Document:
    return {"type": "ORIGINAL", "start_time": run.start_time, "task_run_ids": [task.run_id for task in run.tasks]}


def _now(run: Run) -> Document:
    return {"end_time": run.end_time, "state": state_view(run.state), "status": status_view(run.state)}


def chosen(call: Call, run: Run) -> list[TaskRun]:
    """The tasks to run again, by their last attempts. Raises: ``InvalidParameter`` when there are none."""
    latest = latest_tasks(run)
    names = call.arguments.get("rerun_tasks", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InvalidParameter("Expected rerun_tasks to be a list of task keys.")
    failed = call.flag("rerun_all_failed_tasks")
    if failed == bool(names):
        raise InvalidParameter("Exactly one of rerun_tasks and rerun_all_failed_tasks must be given.")
    for name in names:
        if name not in latest:
            raise InvalidParameter(f"Task '{name}' is not a task of run {run.run_id}.")
    keys = set(names) or {key for key, task in latest.items() if task.state.result not in GOOD}
    if call.flag("rerun_dependent_tasks"):
        while more := {key for key, task in latest.items() if key not in keys and keys & set(task.depends_on)}:
            keys |= more
    if not keys:
        raise InvalidParameter(f"Run {run.run_id} has no failed tasks to repair.")
    return [task for key, task in latest.items() if key in keys]


def current_settings(workspace: Workspace, run: Run) -> Document:
    """The settings that a repair runs by: the job's as they are now; a submitted run keeps its own."""
    job = workspace.store.get("job", jobs.key(run.job_id))
    settings = jobspec.with_tasks(job["settings"], job["settings"]["name"]) if job else run.settings
    jobspec.check(settings)
    return settings


def attempts(workspace: Workspace, run: Run, settings: Document, tasks: list[TaskRun]) -> list[TaskRun]:
    """The next attempt of each task.

    Raises: ``InvalidParameter`` for a task that the job no longer has, or that now waits for one that is not the run's.
    """
    specs, known = {spec["task_key"]: spec for spec in settings["tasks"]}, latest_tasks(run)
    first = workspace.store.next("id", len(tasks))
    made = []
    for run_id, task in enumerate(tasks, start=first):
        if task.task_key not in specs:
            raise InvalidParameter(f"Task '{task.task_key}' is no longer a task of the job.")
        waits_for = [each["task_key"] for each in specs[task.task_key].get("depends_on") or []]
        if gained := [key for key in waits_for if key not in known]:
            raise InvalidParameter(
                f"Task '{task.task_key}' now depends on task '{gained[0]}', which run {run.run_id} does not have: "
                "start a new run of the job."
            )
        directory = str(Path(task.directory).parent / str(run_id))
        made.append(TaskRun(run_id, task.task_key, specs[task.task_key], directory, task.attempt + 1))
    return made


def repair(call: Call) -> Document:
    workspace, run_id = call.workspace, call.integer("run_id")
    found = workspace.runs.find(run_id)
    if found is None or found[1] is not None:
        raise NotFound(f"Run {run_id} does not exist.")
    run = found[0]
    if not run.state.ended:
        raise InvalidState(f"Run {run_id} is still active and cannot be repaired.")
    entries = history(workspace, run)
    latest = entries[-1].get("id", 0)
    if call.integer("latest_repair_id", 0) != latest:
        raise InvalidParameter(f"latest_repair_id must be {latest or 'absent'}: the id of the run's latest repair.")
    given = overrides(call.arguments)
    settings = current_settings(workspace, run)
    made = attempts(workspace, run, settings, chosen(call, run))
    repair_id = workspace.store.next("id")
    entry = {"id": repair_id, "type": "REPAIR", "start_time": now(), "task_run_ids": [task.run_id for task in made]}
    workspace.store.put("repair", run_id, {"entries": [*entries, entry]})
    run.settings = gitsource.same_commit(run.settings, settings)
    run.parameters = given or run.parameters
    run.end_time, run.state = 0, State()
    run.repairs += 1
    run.tasks.extend(made)
    hand_over(workspace, run)
    return {"repair_id": repair_id}


routes = [*api("POST", "{version}/jobs/runs/repair", repair, jobs.VERSIONS)]
