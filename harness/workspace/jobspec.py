"""Settings of jobs and submitted runs: read as the Jobs API reads them, kept as they were sent.

The SDK's dataclasses say which type each field has; keys they do not know are kept verbatim. Numbers may come as
strings and strings as numbers: "Databricks can tolerate either" (airflow/providers/databricks/utils/databricks.py).
"""

from __future__ import annotations

import dataclasses
import enum
import re
import types
import typing
from functools import cache
from typing import Any

from databricks.sdk.service.jobs import JobSettings, SubmitTask

from harness.runner.scheduler import InvalidGraph, validate
from harness.runner.taskkinds import supported_job
from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document
from harness.workspace.wire import whole

# Fields of the single-task shape that belong to its task (provider: OD:2006-2008; Jobs API 2.0).
OF_THE_TASK = frozenset(
    {"existing_cluster_id", "new_cluster", "libraries", "max_retries", "min_retry_interval_millis", "retry_on_timeout"}
)
# Lists that jobs/update merges by key instead of replacing them (docs: api/workspace/jobs/update, `new_settings`).
MERGED = {"tasks": "task_key", "job_clusters": "job_cluster_key", "environments": "environment_key"}
# docs: api/workspace/jobs/create, `max_concurrent_runs`, `parameters.name`, `tasks.max_retries`.
MOST_CONCURRENT = 1000
PARAMETER_NAME = re.compile(r"[\w.-]+", re.ASCII)
LEAST = {"timeout_seconds": 0, "min_retry_interval_millis": 0, "max_retries": -1}
# Not settings: they come along in the same request.
BESIDE = frozenset({"access_control_list", "idempotency_token"})
# Lists whose items have a name of their own within the job.
NAMED = {"job_clusters": "job_cluster_key", "environments": "environment_key", "parameters": "name"}


def job_settings(arguments: Document) -> Document:
    """The settings that jobs/create and jobs/reset were given. Raises: ``InvalidParameter``."""
    settings = typed({k: v for k, v in arguments.items() if k not in BESIDE}, JobSettings)
    return {"name": "Untitled", **settings, "format": "MULTI_TASK" if "tasks" in settings else "SINGLE_TASK"}


def submit_settings(arguments: Document) -> Document:
    """The settings that runs/submit was given, with ``tasks``. Raises: ``InvalidParameter``."""
    given = {k: v for k, v in arguments.items() if k not in BESIDE}
    tasks = given.pop("tasks", None)
    settings = typed(given, JobSettings)
    if "run_name" in settings:
        settings["run_name"] = _scalar(settings["run_name"], str, "run_name")
    if tasks is not None:
        settings["tasks"] = _typed(tasks, list[SubmitTask], "tasks")
    return with_tasks(settings, settings.get("run_name", "Untitled"))


def with_tasks(settings: Document, task_key: str) -> Document:
    """The settings with ``tasks``, also for the single-task shape, whose task is called ``task_key``.

    The provider looks the task of a single-task submit up by its ``run_name`` (wire.md §1.7).
    """
    if "tasks" in settings:
        # It would not run, and the run would be a success all the same.
        if beside := next((name for name in settings if name.endswith("_task")), None):
            raise InvalidParameter(f"{beside} cannot be given beside tasks.")
        return settings
    of_task = {k: v for k, v in settings.items() if k.endswith("_task") or k in OF_THE_TASK}
    if not any(key.endswith("_task") for key in of_task):
        return {**settings, "tasks": []}
    task = _typed({"task_key": task_key, **of_task}, SubmitTask, "")
    return {**{k: v for k, v in settings.items() if k not in of_task}, "tasks": [task]}


def check(settings: Document) -> None:
    """Refuse, by name, what is invalid or cannot be honoured here. Raises: ``InvalidParameter``."""
    tasks = settings.get("tasks", [])
    try:
        validate(tasks)
    except InvalidGraph as error:
        raise InvalidParameter(str(error)) from None
    if not 0 <= settings.get("max_concurrent_runs", 1) <= MOST_CONCURRENT:
        raise InvalidParameter(f"max_concurrent_runs must be between 0 and {MOST_CONCURRENT}.")
    for name in (parameter["name"] for parameter in settings.get("parameters", [])):
        if not PARAMETER_NAME.fullmatch(name):
            raise InvalidParameter(
                f"Invalid job parameter name '{name}': only letters, digits, _, - and . are allowed."
            )
    _check_names(settings)
    for task in [settings, *tasks]:
        for name, least in LEAST.items():
            if task.get(name, least) < least:
                raise InvalidParameter(f"Invalid {name}: {task[name]}. It must be at least {least}.")
    if reason := supported_job(settings):
        raise InvalidParameter(reason)


def _check_names(settings: Document) -> None:
    """Refuse two items of one name, and tasks that name a cluster or an environment which is not there."""
    known = {field: [item[key] for item in settings.get(field, [])] for field, key in NAMED.items()}
    for field, names in known.items():
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InvalidParameter(f"Duplicate {NAMED[field]} '{twice}' in field '{field}'.")
    tasks = settings.get("tasks", [])
    for task in [*tasks, *(task["for_each_task"]["task"] for task in tasks if _loops(task))]:
        for what, field in (("Job cluster", "job_clusters"), ("Environment", "environments")):
            name = task.get(NAMED[field])
            if name is not None and name not in known[field]:
                raise InvalidParameter(
                    f"{what} '{name}' is not defined in field '{field}' (task '{task.get('task_key')}')."
                )


def _loops(task: Document) -> bool:
    return isinstance((task.get("for_each_task") or {}).get("task"), dict)


def merged(settings: Document, new: Document, removed: list[str]) -> Document:
    """The settings after jobs/update: fields replaced whole, keyed lists merged, ``fields_to_remove`` taken away.

    Parameters: ``removed``: names of fields, or ``tasks/<task_key>`` and the like. Raises: ``InvalidParameter``.
    """
    result = dict(settings)
    for name in removed:
        field, _, key = name.partition("/")
        if not key:
            result.pop(field, None)
        elif field in MERGED:
            result[field] = [item for item in result.get(field, []) if item.get(MERGED[field]) != key]
        else:
            raise InvalidParameter(f"Cannot remove '{name}': only entries of {', '.join(MERGED)} can be named.")
    for field, value in typed(new, JobSettings).items():
        if field in MERGED:
            kept = {item.get(MERGED[field]): item for item in result.get(field, [])}
            result[field] = [*{**kept, **{item.get(MERGED[field]): item for item in value}}.values()]
        else:
            result[field] = value
    return result


def typed(document: Document, kind: type) -> Document:
    """A document whose values have the types that an SDK dataclass gives its fields; other keys are left as they are.

    Raises: ``InvalidParameter`` naming the field whose value cannot be read.
    """
    result: Document = _typed(document, kind, "")
    return result


@cache
def _fields(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


@cache
def _required(kind: type) -> tuple[str, ...]:
    """The fields that the API demands: those without a default in the SDK's dataclass."""
    fields = dataclasses.fields(typing.cast(Any, kind))
    given = dataclasses.MISSING
    return tuple(field.name for field in fields if field.default is given and field.default_factory is given)


def _typed(value: Any, kind: Any, where: str) -> Any:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _typed(value, next(arg for arg in args if arg is not type(None)), where)
    if origin is list:
        if not isinstance(value, list):
            raise _unreadable(where, "a list", value)
        return [_typed(item, args[0], f"{where}[{at}]") for at, item in enumerate(value)]
    if origin is dict:
        if not isinstance(value, dict):
            raise _unreadable(where, "an object", value)
        return {key: _typed(item, args[1], f"{where}.{key}") for key, item in value.items()}
    if dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise _unreadable(where, "an object", value)
        if missing := next((name for name in _required(typing.cast(type, kind)) if name not in value), None):
            raise InvalidParameter(f"Missing required field: {where}.{missing}".replace(": .", ": "))
        known = _fields(typing.cast(type, kind))
        return {
            key: _typed(item, known[key], f"{where}.{key}".lstrip(".")) if key in known else item
            for key, item in value.items()
        }
    return _scalar(value, kind, where)


def _scalar(value: Any, kind: Any, where: str) -> Any:
    if kind is int:
        number = whole(value)
        if number is None or not -(2**63) <= number < 2**63:
            raise _unreadable(where, "an integer", value)
        return number
    if kind is bool:
        if value in ("true", "false"):
            return value == "true"
        if not isinstance(value, bool):
            raise _unreadable(where, "a boolean", value)
    if kind is str or (isinstance(kind, type) and issubclass(kind, enum.Enum)):
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float)):
            return str(value)
        if not isinstance(value, str):
            raise _unreadable(where, "a string", value)
    return value


def _unreadable(where: str, wanted: str, value: object) -> InvalidParameter:
    return InvalidParameter(f"Expected {where or 'the body'} to be {wanted}, got {type(value).__name__}.")
