"""What the Jobs API shows of a run: documents made from records. Reads only.

Required fields are those of wire.md §1.7: a client fails with ``KeyError`` where one is missing.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from harness.runner.loops import GOOD, latest_iterations
from harness.runner.run import LifeCycle, Result, Run, State, TaskRun
from harness.workspace.auth import view_key
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

STATUS = {
    LifeCycle.TERMINATED: "TERMINATED",
    LifeCycle.SKIPPED: "TERMINATED",
    LifeCycle.INTERNAL_ERROR: "TERMINATED",
    LifeCycle.WAITING_FOR_RETRY: "WAITING",
}
# Result → termination code and type (databricks-sdk, jobs.TerminationCodeCode and TerminationTypeType).
TERMINATION = {
    Result.SUCCESS: ("SUCCESS", "SUCCESS"),
    Result.SUCCESS_WITH_FAILURES: ("SUCCESS_WITH_FAILURES", "SUCCESS"),
    Result.FAILED: ("RUN_EXECUTION_ERROR", "CLIENT_ERROR"),
    Result.TIMEDOUT: ("CANCELED", "CLIENT_ERROR"),
    Result.CANCELED: ("USER_CANCELED", "CLIENT_ERROR"),
    Result.UPSTREAM_FAILED: ("SKIPPED", "CLIENT_ERROR"),
    Result.UPSTREAM_CANCELED: ("SKIPPED", "CLIENT_ERROR"),
    Result.EXCLUDED: ("SKIPPED", "SUCCESS"),
}
MAX_CONCURRENT = "MAXIMUM_CONCURRENT_RUNS_REACHED"
CLUSTER_FIELDS = ("existing_cluster_id", "new_cluster", "job_cluster_key")


def run_page_url(workspace: Workspace, run: Run, task: TaskRun | None = None) -> str:
    """The page of a run: ``HOST/?o=ORG#job/JOB/run/RUN`` as on Databricks, with a key that opens this run alone."""
    run_id = task.run_id if task else run.run_id
    key = view_key(workspace.config.token, run.run_id)
    return f"{workspace.url}/?o={workspace.config.org_id}&key={key}#job/{run.job_id}/run/{run_id}"


def state_view(state: State) -> Document:
    """``state``: what the provider reads."""
    # The only runs that are skipped as a whole are those over the job's max_concurrent_runs (launch.py).
    skipped = state.life_cycle is LifeCycle.SKIPPED and state.result is None
    return {
        "life_cycle_state": str(state.life_cycle),
        "result_state": MAX_CONCURRENT if skipped else str(state.result) if state.result and state.ended else None,
        "state_message": state.message,
        "user_cancelled_or_timedout": state.result in (Result.CANCELED, Result.TIMEDOUT),
        "queue_reason": state.message if state.life_cycle is LifeCycle.QUEUED else None,
    }


def status_view(state: State) -> Document:
    """``status``: what newer SDK and CLI versions read."""
    view: Document = {"state": STATUS.get(state.life_cycle, str(state.life_cycle))}
    if state.life_cycle is LifeCycle.QUEUED:
        view["queue_details"] = {"code": "MAX_CONCURRENT_RUNS_REACHED", "message": state.message}
    if state.ended:
        if state.result is not None:
            code, kind = TERMINATION[state.result]
        elif state.life_cycle is LifeCycle.SKIPPED:
            code, kind = "MAX_CONCURRENT_RUNS_EXCEEDED", "CLIENT_ERROR"
        else:
            code, kind = "INTERNAL_ERROR", "INTERNAL_ERROR"
        view["termination_details"] = {"code": code, "type": kind, "message": state.message}
    return view


def times(part: Run | TaskRun) -> Document:
    """Start, end and durations in milliseconds; 0 where not reached, as the service answers."""
    setup = part.setup_duration if isinstance(part, TaskRun) else 0
    execution = part.execution_duration if isinstance(part, TaskRun) else 0
    whole = max(0, part.end_time - part.start_time) if part.end_time and part.start_time else 0
    return {
        "start_time": part.start_time,
        "setup_duration": setup,
        "execution_duration": execution,
        "cleanup_duration": 0,
        "end_time": part.end_time,
        "run_duration": whole,
    }


def task_view(workspace: Workspace, run: Run, task: TaskRun) -> Document:
    """One attempt of a task, as it stands in a run's ``tasks``."""
    return {
        **task.spec,
        **of_kind(task),
        **times(task),
        "run_if": task.spec.get("run_if", "ALL_SUCCESS"),
        "run_id": task.run_id,
        "task_key": task.task_key,
        "attempt_number": task.attempt,
        "run_page_url": run_page_url(workspace, run, task),
        "state": state_view(task.state),
        "status": status_view(task.state),
    }


def of_kind(task: TaskRun) -> Document:
    """What a task of some kind shows beyond its settings (databricks-sdk, jobs.RunConditionTask)."""
    if "condition_task" in task.spec and task.output.outcome:
        return {"condition_task": {**task.spec["condition_task"], "outcome": task.output.outcome}}
    if "for_each_task" in task.spec:
        return {"for_each_task": {**task.spec["for_each_task"], "stats": loop_stats(task)}}
    return {}


def loop_stats(task: TaskRun) -> Document:
    """``ForEachStats``: how the iterations of a loop stand, each by its last attempt."""
    latest = latest_iterations(task)
    ended = [each for each in latest if each.state.ended]
    failed = [each for each in ended if each.state.result not in GOOD]
    begun = [each for each in latest if each.start_time]
    counts = {
        "total_iterations": len(latest),
        "scheduled_iterations": len(begun),
        "active_iterations": sum(not each.state.ended for each in begun),
        "completed_iterations": len(ended),
        "succeeded_iterations": len(ended) - len(failed),
        "failed_iterations": len(failed),
    }
    messages = Counter((e.state.message, TERMINATION[e.state.result or Result.FAILED][0]) for e in failed)
    errors = [
        {"error_message": message, "termination_category": category, "count": count}
        for (message, category), count in messages.items()
    ]
    return {"task_run_stats": counts, **({"error_message_stats": errors} if errors else {})}


def run_view(workspace: Workspace, run: Run, *, tasks: bool = True) -> Document:
    """A run with all its tasks, from the first read on."""
    view: Document = {
        **_common(workspace, run),
        **times(run),
        "run_id": run.run_id,
        "number_in_job": run.number_in_job or run.run_id,
        "original_attempt_run_id": run.run_id,
        "run_page_url": run_page_url(workspace, run),
        "format": "MULTI_TASK",
        "state": state_view(run.state),
        "status": status_view(run.state),
    }
    if tasks:
        view["tasks"] = [task_view(workspace, run, task) for task in run.tasks]
        if "job_clusters" in run.settings:
            view["job_clusters"] = run.settings["job_clusters"]
    return view


def task_run_view(workspace: Workspace, run: Run, task: TaskRun) -> Document:
    """A task run asked for as a run of its own (wire.md §1.7: ``tasks[].run_id`` is fetched like any run)."""
    view = {
        **_common(workspace, run),
        **times(task),
        "run_id": task.run_id,
        "number_in_job": task.run_id,
        "original_attempt_run_id": next(
            t.run_id for t in run.task_runs() if (t.task_key, t.index) == (task.task_key, task.index)
        ),
        "run_name": task.task_key,
        "task_key": task.task_key,
        "attempt_number": task.attempt,
        "run_page_url": run_page_url(workspace, run, task),
        "format": "SINGLE_TASK",
        "state": state_view(task.state),
        "status": status_view(task.state),
        **single_task_view(task),
        "tasks": [task_view(workspace, run, task)],
    }
    if "for_each_task" in task.spec:
        view["iterations"] = [task_view(workspace, run, each) for each in task.iterations]
    return view


def single_task_view(task: TaskRun) -> Document:
    """What a run of one task says of it by itself (docs: Jobs API 2.0, ``runs/get``)."""
    return {
        "task": {name: body for name, body in task.spec.items() if name.endswith("_task")},
        "cluster_spec": {name: task.spec[name] for name in (*CLUSTER_FIELDS, "libraries") if name in task.spec},
    }


def _common(workspace: Workspace, run: Run) -> Document:
    given = run.parameters.get("job_parameters", {})
    declared = {p["name"]: p.get("default", "") for p in run.settings.get("parameters", [])}
    view: Document = {
        "job_id": run.job_id,
        "creator_user_name": run.creator,
        "run_name": run.name,
        "run_type": run.run_type,
        "trigger": run.trigger,
        "run_as_user_name": run.run_as or workspace.config.user,
    }
    if "git_source" in run.settings:
        view["git_source"] = run.settings["git_source"]
    if run.parent_run_id:
        view["trigger_info"] = {"run_id": run.parent_run_id}
    overriding = {name: value for name, value in run.parameters.items() if name != "job_parameters"}
    if overriding:
        view["overriding_parameters"] = overriding
    if declared or given:
        view["job_parameters"] = [
            {"name": name, "default": declared.get(name), "value": given.get(name, declared.get(name))}
            for name in {**declared, **given}
        ]
    return view


def sql_view(workspace: Workspace, run: Run, task: TaskRun) -> Document:
    """``SqlQueryOutput`` of databricks-sdk."""
    sql = task.output.sql
    return {
        "query_text": sql["query_text"],
        "warehouse_id": sql["warehouse_id"],
        "endpoint_id": sql["warehouse_id"],
        "sql_statements": [{"lookup_key": key} for key in sql["statements"]],
        "output_link": run_page_url(workspace, run, task),
    }


def output_view(workspace: Workspace, run: Run, task: TaskRun) -> Document:
    """``runs/get-output`` of a task run."""
    output = task.output
    view: Document = {
        "metadata": task_run_view(workspace, run, task),
        "error": output.error,
        "error_trace": output.error_trace,
        "logs": output.logs,
        "logs_truncated": output.logs_truncated,
    }
    if "notebook_task" in task.spec:
        returned = {"result": output.result, "truncated": output.truncated} if output.result is not None else {}
        view["notebook_output"] = returned
    if output.sql:
        view["sql_output"] = {"query_output": sql_view(workspace, run, task)}
    if output.dbt:
        link = f"{workspace.url}/_artifacts/{task.run_id}/{output.dbt['secret']}"
        view["dbt_output"] = {"artifacts_link": link, "artifacts_headers": {}}
    if output.child_run_id:
        view["run_job_output"] = {"run_id": output.child_run_id}
    return view
