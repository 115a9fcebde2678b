"""Dynamic value references: ``{{job.id}}``, ``{{tasks.load.values.rows}}`` … in the parameters of a task.

docs.databricks.com, "What is a dynamic value reference?": syntax errors and unknown namespaces are left as literal
text; an unknown name within a known namespace is an error.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from harness.runner.run import Result, Run, TaskRun
from harness.runner.scheduler import latest_tasks

NAMESPACES = frozenset({"job", "task", "tasks", "workspace", "input"})
_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_](?:[\w.\- ]|`[^`]*`)*?)\s*\}\}")
_PART = re.compile(r"`([^`]*)`|([^.`]+)")


class UnknownReference(ValueError):
    """A reference of a known namespace that names nothing. The message names it."""


@dataclass(frozen=True)
class Context:
    """What references of one attempt of one task may speak of.

    ``job_parameters``: the run's, defaults applied. ``workspace``: what ``{{workspace.…}}`` knows: ``id`` and ``url``.
    ``{{input}}`` is the element of the loop whose iteration the task is.
    """

    run: Run
    task: TaskRun
    job_parameters: Mapping[str, str]
    workspace: Mapping[str, str]


def context_of(run: Run, task: TaskRun, workspace: Mapping[str, str]) -> Context:
    """What the references of one attempt may speak of, the run's job parameters replaced themselves.

    Raises: ``UnknownReference``.
    """
    given = resolve(job_parameters(run), Context(run, task, {}, workspace))
    return Context(run, task, given, workspace)


def job_parameters(run: Run) -> dict[str, str]:
    """The run's job parameters: the job's defaults, overridden by what ``run-now`` gave."""
    declared = {str(p["name"]): p.get("default", "") for p in run.settings.get("parameters") or []}
    given = {**declared, **(run.parameters.get("job_parameters") or {})}
    return {name: as_text(value) for name, value in given.items()}


def as_text(value: Any) -> str:
    """A value as the text it is passed as."""
    return value if isinstance(value, str) else json.dumps(value)


def resolve(value: Any, context: Context) -> Any:
    """Replace the references in every string of ``value`` (a string, or lists and dicts of them).

    Raises: ``UnknownReference``.
    """
    if isinstance(value, str):
        return _REFERENCE.sub(lambda match: _text(match[0], match[1], context), value)
    if isinstance(value, list):
        return [resolve(item, context) for item in value]
    if isinstance(value, dict):
        return {key: resolve(item, context) for key, item in value.items()}
    return value


def _text(literal: str, name: str, context: Context) -> str:
    parts = [match[1] if match[1] is not None else match[2] for match in _PART.finditer(name)]
    legacy = _legacy(context).get(name)
    if legacy is not None:
        return legacy
    if parts == ["input"] and context.task.input:
        return as_text(context.task.input[0])
    if len(parts) < 2 or parts[0] not in NAMESPACES or (parts[0] == "input" and not context.task.input):
        return literal
    of = {"job": _job, "task": _task, "tasks": _tasks, "workspace": _workspace, "input": _input}[parts[0]]
    value = of(parts[1:], context)
    if value is None:
        raise UnknownReference(f"Unknown dynamic value reference {literal}")
    return value


def _legacy(context: Context) -> dict[str, str]:
    """The single-word references that the dotted ones replaced, and that still work."""
    start = _time(context.run.start_time)
    return {
        "job_id": str(context.run.job_id),
        "run_id": str(context.task.run_id),
        "parent_run_id": str(context.run.run_id),
        "task_key": context.task.task_key,
        "start_date": start.date().isoformat(),
        "start_time": str(context.run.start_time),
        "task_retry_count": str(context.task.attempt),
    }


def _job(parts: list[str], context: Context) -> str | None:
    run = context.run
    match parts:
        case ["id"]:
            return str(run.job_id)
        case ["name"]:
            return run.name
        case ["run_id"]:
            return str(run.run_id)
        case ["trigger", "type"]:
            return run.trigger.lower()
        case ["repair_count"]:
            return str(run.repairs)
        case ["start_time", argument]:
            return _moment(run.start_time, argument)
        case ["parameters", name]:
            return context.job_parameters.get(name)
    return None


def _task(parts: list[str], context: Context) -> str | None:
    return _about(context.task, parts)


def _tasks(parts: list[str], context: Context) -> str | None:
    task = latest_tasks(context.run).get(parts[0])
    if task is None:
        return None
    match parts[1:]:
        case ["values", key] if key in task.output.task_values:
            value = task.output.task_values[key]
            return value if isinstance(value, str) else json.dumps(value)
        case ["result_state"] if task.state.result:
            return task.state.result.lower()
        case ["output", "rows"] if "rows" in task.output.sql:
            return json.dumps(task.output.sql["rows"])
        case ["output", "first_row", column] if column in (task.output.sql.get("rows") or [{}])[0]:
            return as_text(task.output.sql["rows"][0][column])
        case ["error_code"] if task.state.ended:
            # Documented are examples, and that it is empty when no error occurred while the task ran.
            return "RunExecutionError" if task.state.result in (Result.FAILED, Result.TIMEDOUT) else ""
    return _about(task, parts[1:])


def _about(task: TaskRun, parts: list[str]) -> str | None:
    match parts:
        case ["name"]:
            return task.task_key
        case ["run_id"]:
            return str(task.run_id)
        case ["execution_count"]:
            return str(task.attempt + 1)
        case ["notebook_path"]:
            path = (task.spec.get("notebook_task") or {}).get("notebook_path")
            return str(path) if path else None
    return None


def _input(parts: list[str], context: Context) -> str | None:
    value = context.task.input[0]
    for part in parts:
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return as_text(value)


def _workspace(parts: list[str], context: Context) -> str | None:
    return context.workspace.get(".".join(parts))


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _moment(milliseconds: int, argument: str) -> str | None:
    """``{{job.start_time.<argument>}}``, in UTC."""
    time = _time(milliseconds)
    return {
        "iso_weekday": str(time.isoweekday()),
        "is_weekday": str(time.isoweekday() < 6).lower(),
        "iso_date": time.date().isoformat(),
        "iso_datetime": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "year": str(time.year),
        "month": str(time.month),
        "day": str(time.day),
        "hour": str(time.hour),
        "minute": str(time.minute),
        "second": str(time.second),
        "timestamp_ms": str(milliseconds),
    }.get(argument)
