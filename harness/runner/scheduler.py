"""Which task of a run may start, which never will, and how the run ends. Pure: states in, decisions out.

The conditions are those of docs.databricks.com, "Configure task dependencies" (Run if), and the roll-up by leaf tasks
is that of "How does Databricks determine job run status?".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from harness.runner.conditions import OUTCOMES
from harness.runner.run import LifeCycle, Result, Run, State, TaskRun

# What a failed notebook's task says, word for word (databricks/cli testserver, "measured on serverless").
WORKLOAD_FAILED = "Workload failed, see run output for details"
CANCELLED = "Run cancelled."


class RunIf(StrEnum):
    """``run_if`` of a task."""

    ALL_SUCCESS = "ALL_SUCCESS"
    ALL_DONE = "ALL_DONE"
    NONE_FAILED = "NONE_FAILED"
    AT_LEAST_ONE_SUCCESS = "AT_LEAST_ONE_SUCCESS"
    ALL_FAILED = "ALL_FAILED"
    AT_LEAST_ONE_FAILED = "AT_LEAST_ONE_FAILED"


HANDLES_FAILURE = frozenset({RunIf.ALL_FAILED, RunIf.AT_LEAST_ONE_FAILED})
FAILED = frozenset({Result.FAILED, Result.TIMEDOUT, Result.UPSTREAM_FAILED})
CANCELED = frozenset({Result.CANCELED, Result.UPSTREAM_CANCELED})
# "Excluded tasks are skipped and are treated as successful."
SUCCEEDED = frozenset({Result.SUCCESS, Result.SUCCESS_WITH_FAILURES, Result.EXCLUDED})


class InvalidGraph(ValueError):
    """The tasks of a job do not form a graph that can run. The message is what the API answers."""


@dataclass
class Plan:
    """What to do next. ``start``: tasks that may run now; ``end``: tasks that will not run, with their state."""

    start: list[TaskRun] = field(default_factory=list)
    end: list[tuple[TaskRun, State]] = field(default_factory=list)


def validate(tasks: Sequence[Mapping[str, Any]]) -> None:
    """Check keys, ``depends_on`` and ``run_if`` of a job's tasks.

    Raises: ``InvalidGraph`` for a missing or repeated ``task_key``, an unknown dependency or ``run_if``, a cycle.
    """
    keys = [str(task.get("task_key") or "") for task in tasks]
    for key in keys:
        if not key:
            raise InvalidGraph("Every task needs a task_key.")
        if keys.count(key) > 1:
            raise InvalidGraph(f"Duplicate task key '{key}'. Task keys must be unique within a job.")
    graph: dict[str, list[str]] = {}
    for key, task in zip(keys, tasks, strict=True):
        dependencies = task.get("depends_on") or []
        graph[key] = [str(dependency["task_key"]) for dependency in dependencies]
        for dependency, upstream in zip(dependencies, graph[key], strict=True):
            if upstream not in keys:
                raise InvalidGraph(f"Task '{key}' depends on task '{upstream}', which does not exist.")
            if dependency.get("outcome") is not None:
                _validate_outcome(key, dependency, tasks[keys.index(upstream)])
        if task.get("run_if", RunIf.ALL_SUCCESS) not in list(RunIf):
            raise InvalidGraph(f"Task '{key}' has an unknown run_if '{task['run_if']}'.")
    if cycle := _cycle(graph):
        raise InvalidGraph(f"The tasks depend on each other in a cycle: {' -> '.join(cycle)}.")


def _validate_outcome(key: str, dependency: Mapping[str, Any], upstream: Mapping[str, Any]) -> None:
    name, outcome = dependency["task_key"], dependency["outcome"]
    if upstream.get("condition_task") is None:
        raise InvalidGraph(f"Task '{key}' depends on an outcome of task '{name}', which is not a condition task.")
    if outcome not in OUTCOMES:
        raise InvalidGraph(
            f"Task '{key}' depends on the outcome '{outcome}' of task '{name}': it must be true or false."
        )


def _cycle(graph: Mapping[str, Sequence[str]]) -> list[str]:
    remaining = dict(graph)
    while free := [key for key, upstream in remaining.items() if not any(u in remaining for u in upstream)]:
        for key in free:
            del remaining[key]
    if not remaining:
        return []
    path = [next(iter(remaining))]
    while path.count(path[-1]) == 1:
        path.append(next(u for u in remaining[path[-1]] if u in remaining))
    return path[path.index(path[-1]) :]


def plan(run: Run) -> Plan:
    """Decide on every task that has neither started nor ended, and whose dependencies have all ended.

    What ends without running may free other tasks: apply the decisions and call again, until there are none.
    """
    latest = latest_tasks(run)
    decisions = Plan()
    for task in latest.values():
        if task.state.life_cycle not in (LifeCycle.PENDING, LifeCycle.BLOCKED) or task.start_time:
            continue
        upstream = [latest[key].state for key in task.depends_on]
        if not all(state.ended for state in upstream):
            continue
        dependencies = task.spec.get("depends_on") or []
        missed = [_missed(latest[d["task_key"]], d.get("outcome")) for d in dependencies]
        state = _without_running(task, upstream, missed)
        if state is None:
            decisions.start.append(task)
        else:
            decisions.end.append((task, state))
    return decisions


def _missed(upstream: TaskRun, outcome: str | None) -> bool:
    """Whether a condition task took the other branch than the one that leads to ``outcome``, or was excluded itself."""
    decided = upstream.state.result in (Result.SUCCESS, Result.EXCLUDED)
    return outcome is not None and decided and upstream.output.outcome != outcome


def _without_running(task: TaskRun, upstream: list[State], missed: list[bool]) -> State | None:
    """The state of a task that its dependencies keep from running, or None when it may run.

    Parameters: ``missed``: which of the dependencies are condition tasks whose outcome is another than the wanted.
    """
    if not upstream:
        return None
    run_if = RunIf(task.spec.get("run_if", RunIf.ALL_SUCCESS))
    # A branch that was not taken is to its tasks as a task that was excluded.
    results = [Result.EXCLUDED if other else state.result for state, other in zip(upstream, missed, strict=True)]
    if all(result is Result.EXCLUDED for result in results):
        # "If all task dependencies are excluded, the task is also excluded, regardless of its Run if condition."
        return State(LifeCycle.SKIPPED, Result.EXCLUDED, "All of this task's dependencies were excluded.")
    failed = [result in FAILED or result in CANCELED for result in results]
    succeeded = [result in SUCCEEDED for result in results]
    met = {
        RunIf.ALL_SUCCESS: all(succeeded),
        RunIf.ALL_DONE: True,
        RunIf.NONE_FAILED: not any(failed),
        RunIf.AT_LEAST_ONE_SUCCESS: any(result in SUCCEEDED and result is not Result.EXCLUDED for result in results),
        RunIf.ALL_FAILED: all(failed),
        RunIf.AT_LEAST_ONE_FAILED: any(failed),
    }[run_if]
    if met and any(missed) and run_if is RunIf.ALL_SUCCESS:
        # "The outcome of the dependent task that must be met for this task to run" (databricks-sdk, TaskDependency).
        return State(LifeCycle.SKIPPED, Result.EXCLUDED, "The outcome of a condition task was not met.")
    if met:
        return None
    if run_if in HANDLES_FAILURE:
        return State(LifeCycle.SKIPPED, Result.EXCLUDED, f"The run condition {run_if} of this task was not met.")
    if any(result in FAILED for result in results):
        return State(LifeCycle.SKIPPED, Result.UPSTREAM_FAILED, "An upstream task failed.")
    return State(LifeCycle.SKIPPED, Result.UPSTREAM_CANCELED, "An upstream task was canceled.")


def latest_tasks(run: Run) -> dict[str, TaskRun]:
    """The latest attempt of each task, by task key, in the order of submission."""
    latest: dict[str, TaskRun] = {}
    for task in run.tasks:
        if task.task_key not in latest or task.attempt >= latest[task.task_key].attempt:
            latest[task.task_key] = task
    return latest


def roll_up(run: Run) -> State | None:
    """The state a run ends with, or None while a task is still to end.

    The leaf tasks decide: all good is SUCCESS, or SUCCESS_WITH_FAILURES when a task before them failed. A failed run is
    ``INTERNAL_ERROR``/``FAILED`` although its tasks are ``TERMINATED`` (peers.md §3.13).
    """
    latest = latest_tasks(run)
    if not all(task.state.ended for task in latest.values()):
        return None
    upstream = {key for task in latest.values() for key in task.depends_on}
    leaves = [task for key, task in latest.items() if key not in upstream]
    failed = [task for task in latest.values() if task.state.result in (Result.FAILED, Result.TIMEDOUT)]
    if any(task.state.result in FAILED for task in leaves):
        return State(LifeCycle.INTERNAL_ERROR, Result.FAILED, _failure(failed, latest))
    if any(task.state.result in CANCELED for task in leaves):
        return State(LifeCycle.TERMINATED, Result.CANCELED, CANCELLED)
    if failed or any(task.state.result in CANCELED for task in latest.values()):
        return State(LifeCycle.TERMINATED, Result.SUCCESS_WITH_FAILURES, _failure(failed, latest) if failed else "")
    return State(LifeCycle.TERMINATED, Result.SUCCESS, "")


def _failure(failed: list[TaskRun], latest: Mapping[str, TaskRun]) -> str:
    if not failed:
        return "An upstream task was canceled."
    first = min(failed, key=lambda task: task.end_time)
    message = f"Task {first.task_key} failed with message: {first.state.message}."
    if any(task.state.result is Result.UPSTREAM_FAILED for task in latest.values()):
        message += " This caused all downstream tasks to get skipped."
    return message


def may_retry(task: TaskRun) -> bool:
    """Whether a task that has just ended gets another attempt. ``max_retries``: -1 is without end."""
    if task.state.result is Result.TIMEDOUT and not task.spec.get("retry_on_timeout"):
        return False
    if task.state.result not in (Result.FAILED, Result.TIMEDOUT):
        return False
    retries = int(task.spec.get("max_retries") or 0)
    return retries < 0 or task.attempt < retries
