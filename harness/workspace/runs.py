"""Runs: reading, cancelling, deleting them, ``/api/2.2/jobs/runs/…``. What they show is in runviews.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.runner.run import LifeCycle, Result, Run, State, TaskRun, now
from harness.runner.scheduler import latest_tasks
from harness.workspace import arrays, jobs, repair
from harness.workspace.errors import InvalidParameter, InvalidState, NotFound
from harness.workspace.resolved import resolved_values
from harness.workspace.runpage import executed_html
from harness.workspace.runviews import output_view, run_view, single_task_view, task_run_view
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

LAUNCH = "_CreateDatabricksWorkflowOperator"
RUN_OPERATORS = frozenset({"DatabricksSubmitRunOperator", "DatabricksRunNowOperator"})
# Our own kernel, which polls for nothing else (harness/kernel/subruns.py).
SUBRUN = "dbutils.notebook.run"
TASK_OPERATORS = frozenset({"DatabricksNotebookOperator", "DatabricksTaskOperator"})
RETRY_FIELDS = ("max_retries", "min_retry_interval_millis", "retry_on_timeout")
# docs: api/workspace/jobs/listruns, `limit`; 26 is what the service lets through (databricks-cli#464).
LIST_LIMITS = {"2.0": 1000, "2.1": 26, "2.2": 26}
RUN_TYPES = ("JOB_RUN", "SUBMIT_RUN", "WORKFLOW_RUN")
VIEWS = {"CODE": True, "ALL": True, "DASHBOARDS": False}


def find(workspace: Workspace, run_id: int) -> tuple[Run, TaskRun | None]:
    """A run, and the task run if the id is one's.

    Raises: ``NotFound``; the status must be 404, on which a resumed operator submits anew (wire.md §1.3).
    """
    found = workspace.runs.find(run_id)
    if found is None:
        raise NotFound(f"Run {run_id} does not exist.")
    return found


async def hold(call: Call, run: Run, task: TaskRun | None) -> None:
    """Keep a poll waiting until what it polls for has ended, where the caller would only sleep and ask again.

    Who asks stands in the User-Agent; the order of each caller's reads was measured (wire.md §1.3, §1.8):
    triggers send their GETs with a body; SubmitRun and RunNow first read the run's page address, then its state;
    Notebook and Task operators read the parent for its tasks, then poll the last attempt of theirs.
    """
    workspace = call.workspace
    seconds = workspace.hold_seconds
    key = ("run", run.run_id)
    operator = call.operator
    if not operator or operator == LAUNCH:
        return
    first = workspace.runs.first_read(run.run_id, operator)
    if task is not None:
        if call.by_body or operator in TASK_OPERATORS:
            await workspace.signal.wait(key, lambda: task.state.ended, seconds)
    elif call.by_body or operator == SUBRUN or (operator in RUN_OPERATORS and not first):
        await workspace.signal.wait(key, lambda: run.state.ended, seconds)
    elif operator in TASK_OPERATORS and run.run_type == "SUBMIT_RUN":
        # With native retries the operator follows the run, not one attempt (provider, _monitor_submit_run).
        if not first and any(name in run.tasks[0].spec for name in RETRY_FIELDS):
            await workspace.signal.wait(key, lambda: run.state.ended, seconds)
    elif operator in TASK_OPERATORS and not workspace.signal.awaited(key):
        # Shown an attempt that then fails, the operator would sleep until the next one (_monitor_workflow_task).
        # on_kill reads the tasks too, while the poll that it interrupts is still held: it is answered at once.
        await workspace.signal.wait(key, lambda: settled(run), seconds)


def settled(run: Run) -> bool:
    """Whether every task that has native retries has made its last attempt."""
    return all(task.state.ended for task in latest_tasks(run).values() if task.spec.get("max_retries"))


def as_launched(view: Document) -> Document:
    """A run as the operator that launched it must see it: TERMINATED fails it, PENDING costs it 5 s (wire.md §0.5).

    The launch says only that the run started; its tasks are judged by their own operators.
    """
    state = view["state"]["life_cycle_state"]
    if state in (LifeCycle.QUEUED, LifeCycle.SKIPPED):
        return view
    return {
        **view,
        "state": {"life_cycle_state": "RUNNING", "state_message": "", "user_cancelled_or_timedout": False},
        "status": {"state": "RUNNING"},
    }


async def get(call: Call) -> Document:
    run, task = find(call.workspace, call.integer("run_id"))
    await hold(call, run, task)
    view = run_view(call.workspace, run) if task is None else task_run_view(call.workspace, run, task)
    if task is None and call.flag("include_history"):
        view["repair_history"] = repair.history(call.workspace, run)
    if call.flag("include_resolved_values"):
        shown = run.tasks if task is None else [task]
        for document, each in zip(view["tasks"], shown, strict=False):
            document["resolved_values"] = resolved_values(call.workspace, run, each)
    if arrays.version(call) == "2.0" and len(run.tasks) == 1:
        view |= single_task_view(run.tasks[0])
    view, view["next_page_token"] = arrays.paged(view, arrays.OF_A_RUN, call)
    return as_launched(view) if call.operator == LAUNCH else view


def list_runs(call: Call) -> Document:
    """Newest first (docs: api/workspace/jobs/listruns)."""
    job_id = call.integer("job_id", 0)
    active, completed = call.flag("active_only"), call.flag("completed_only")
    if active and completed:
        raise InvalidParameter("active_only and completed_only cannot both be true.")
    kind = call.text("run_type", "")
    if kind and kind not in RUN_TYPES:
        raise InvalidParameter(f"Invalid run_type: {kind}. It must be one of {', '.join(RUN_TYPES)}.")
    since, until = call.integer("start_time_from", 0), call.integer("start_time_to", 0)
    found = [
        run
        for run in reversed(call.workspace.runs.all())
        if (not job_id or run.job_id == job_id)
        and not (active and run.state.ended)
        and not (completed and not run.state.ended)
        and (not kind or run.run_type == kind)
        and run.start_time >= since
        and (not until or run.start_time <= until)
    ]
    most = LIST_LIMITS[arrays.version(call)]
    if call.integer("limit", 20) == 0:
        call.arguments["limit"] = most  # "the service instead uses the maximum limit"
    some, following, previous = page(found, call, size=20, most=most)
    views = [_listed(call, run) for run in some]
    return {
        **({"runs": views} if views else {}),
        "has_more": following is not None,
        "next_page_token": following,
        "prev_page_token": previous,
    }


def _listed(call: Call, run: Run) -> Document:
    if not call.flag("expand_tasks"):
        return run_view(call.workspace, run, tasks=False)
    view, more = arrays.shortened(run_view(call.workspace, run), arrays.OF_A_RUN, call)
    return {**view, "has_more": more or None}


def task_of(call: Call) -> tuple[Run, TaskRun]:
    """The task run a request names; a run of one task stands for it. Raises: ``InvalidParameter``, ``NotFound``."""
    run, task = find(call.workspace, call.integer("run_id"))
    if task is not None:
        return run, task
    if len({t.task_key for t in run.tasks}) > 1:
        raise InvalidParameter(
            "Retrieving the output of runs with multiple tasks is not supported. "
            "Please retrieve the output of each individual task run instead."
        )
    return run, run.tasks[-1]


def get_output(call: Call) -> Document:
    run, task = task_of(call)
    view = output_view(call.workspace, run, task)
    if call.operator and task.output.place:
        # The provider (7.23.0, utils/databricks.py) shows `error` alone in the Airflow log, never `error_trace`:
        # there, and only there, it also says where.
        view["error"] = f"{task.output.error} ({task.output.place})"
    return view


def cancel_run(workspace: Workspace, run: Run) -> None:
    """Ask for a run's end; the runner ends it."""
    if run.state.ended:
        return
    if run.state.life_cycle is LifeCycle.QUEUED and workspace.runs.claim(run):
        # The runner does not have it yet.
        for task in run.tasks:
            task.state = State(LifeCycle.TERMINATED, Result.CANCELED, "Run cancelled.")
        run.end_time = now()
        run.state = State(LifeCycle.TERMINATED, Result.CANCELED, "Run cancelled.")
        workspace.runs.changed(run)
        return
    workspace.runner.cancel(run)


def cancel(call: Call) -> Document:
    run, task = find(call.workspace, call.integer("run_id"))
    if task is None or run.tasks == [task]:
        cancel_run(call.workspace, run)
    elif not task.state.ended:
        call.workspace.runner.cancel(run, task)
    return {}


def cancel_all(call: Call) -> Document:
    if not call.flag("all_queued_runs") or "job_id" in call.arguments:
        job_id = jobs.find(call.workspace, call.integer("job_id"))["job_id"]
    else:
        job_id = 0
    queued_only = call.flag("all_queued_runs")
    for run in call.workspace.runs.all():
        queued = run.state.life_cycle is LifeCycle.QUEUED
        if (not job_id or run.job_id == job_id) and (queued or not queued_only):
            cancel_run(call.workspace, run)
    return {}


def delete(call: Call) -> Document:
    run, task = find(call.workspace, call.integer("run_id"))
    if task is not None:
        raise InvalidParameter(f"Run {task.run_id} is a task run; delete the run {run.run_id} instead.")
    if not run.state.ended:
        raise InvalidState(f"Run {run.run_id} is still active; cancel it before deleting it.")
    call.workspace.runs.remove(run.run_id)
    return {}


def export(call: Call) -> Document:
    """The executed notebook, as Databricks exports a run's "code" view."""
    _, task = task_of(call)
    if "notebook_task" not in task.spec:
        raise InvalidParameter("Only runs of notebook tasks can be exported.")
    views = call.text("views_to_export", "CODE")
    if views not in VIEWS:
        raise InvalidParameter(f"Invalid views_to_export: {views}. It must be one of {', '.join(VIEWS)}.")
    if not VIEWS[views]:
        return {}  # no notebook here has a dashboard
    html = executed_html(call.workspace, task)
    if html is None:
        raise NotFound(f"Run {task.run_id} has no executed notebook (its state is {task.state.life_cycle}).")
    name = str(task.spec["notebook_task"].get("notebook_path", task.task_key)).rpartition("/")[2]
    return {"views": [{"content": html, "name": name, "type": "NOTEBOOK"}]}


routes = [
    *api("GET", "{version}/jobs/runs/get", get, jobs.VERSIONS),
    *api("GET", "{version}/jobs/runs/list", list_runs, jobs.VERSIONS),
    *api("GET", "{version}/jobs/runs/get-output", get_output, jobs.VERSIONS),
    *api("GET", "{version}/jobs/runs/export", export, jobs.VERSIONS),
    *api("POST", "{version}/jobs/runs/cancel", cancel, jobs.VERSIONS),
    *api("POST", "{version}/jobs/runs/cancel-all", cancel_all, jobs.VERSIONS),
    *api("POST", "{version}/jobs/runs/delete", delete, jobs.VERSIONS),
]
