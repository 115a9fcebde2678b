"""Task kinds: which tasks of a job can be run here.

A task kind or field that cannot be honoured is refused by name when the job is made (:func:`supported`), never skipped.
To teach the harness another kind, add it to ``KINDS``, and to what carries it out (attempts.py, commands.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from harness.runner import conditions

# Kind of task → the fields of it that we honour.
KINDS = {
    "notebook_task": frozenset({"notebook_path", "base_parameters", "source", "warehouse_id"}),
    "spark_python_task": frozenset({"python_file", "parameters", "source"}),
    "condition_task": frozenset({"op", "left", "right"}),
    "for_each_task": frozenset({"inputs", "task", "concurrency"}),
    "run_job_task": frozenset(
        {"job_id", "job_parameters", "notebook_params", "python_params", "python_named_params", "jar_params",
         "spark_submit_params", "dbt_commands"}
    ),
}  # fmt: skip
# Fields of any task that are honoured, or that have no meaning on one machine and are kept and read back.
FIELDS = frozenset(
    {
        "task_key", "description", "depends_on", "run_if", "libraries", "timeout_seconds", "max_retries",
        "min_retry_interval_millis", "retry_on_timeout", "existing_cluster_id", "new_cluster", "job_cluster_key",
        "environment_key", "email_notifications", "webhook_notifications", "notification_settings", "health",
        "disable_auto_optimization", "compute",
    }
)  # fmt: skip
# docs.databricks.com, "Use a For each task to run another task in a loop".
MOST_AT_ONCE = 100

Installed = Callable[[str], str | None]


class CannotRun(Exception):
    """A task that is valid but cannot be started. The message is its ``state_message``."""


def installed_here(name: str) -> str | None:
    """The version of a distribution in this interpreter, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def supported(task: Mapping[str, Any], installed: Installed | None = installed_here) -> str | None:
    """Say why a task cannot be run here.

    Parameters: ``task`` as submitted; ``installed`` tells the version of a package in the kernels' interpreter, or None
    when that is another interpreter: then libraries are checked by the kernel when it starts.
    Returns: the reason, naming the kind or field, or None when the task can be run.
    """
    key = task.get("task_key") or "?"
    kinds = [field for field in task if field.endswith("_task") and task[field] is not None]
    for kind in kinds:
        if kind not in KINDS:
            return f"Task '{key}': {kind} is not supported here; supported: {', '.join(sorted(KINDS))}."
    if len(kinds) != 1:
        return f"Task '{key}' must have exactly one of: {', '.join(sorted(KINDS))}."
    if task.get("disabled"):
        return f"Task '{key}': disabled is not supported here."
    unknown = sorted(set(task) - FIELDS - set(kinds) - {"disabled"})
    if unknown:
        return f"Task '{key}': {', '.join(unknown)} is not supported here."
    body = task[kinds[0]]
    unknown = sorted(set(body) - KINDS[kinds[0]])
    if unknown:
        return f"Task '{key}': {kinds[0]}.{', '.join(unknown)} is not supported here."
    if kinds[0] == "condition_task" and (reason := conditions.invalid(body)):
        return f"Task '{key}': {reason}."
    if kinds[0] == "for_each_task" and (reason := _loop(key, body, installed)):
        return reason
    if kinds[0] == "run_job_task" and not body.get("job_id"):
        return f"Task '{key}': run_job_task.job_id is required."
    if body.get("source", "WORKSPACE") != "WORKSPACE":
        return f"Task '{key}': {kinds[0]}.source {body['source']} is not supported here; only WORKSPACE is."
    if kinds[0] == "spark_python_task" and re.match(r"(?!file:)\w+:", str(body.get("python_file", ""))):
        file = body["python_file"]
        return f"Task '{key}': spark_python_task.python_file {file} is not supported here; use a workspace path."
    try:
        wanted = requirements(task.get("libraries") or [])
    except CannotRun as error:
        return f"Task '{key}': {error}"
    return _missing(f"Task '{key}'", wanted, installed)


def _loop(key: str, body: Mapping[str, Any], installed: Installed | None) -> str | None:
    """Say why a ``for_each_task`` cannot be run here."""
    for name, kind in (("inputs", str), ("task", dict)):
        if not isinstance(body.get(name), kind):
            return f"Task '{key}': for_each_task.{name} is required."
    if not 1 <= int(body.get("concurrency") or 1) <= MOST_AT_ONCE:
        return f"Task '{key}': for_each_task.concurrency must be between 1 and {MOST_AT_ONCE}."
    if not body["task"].get("task_key"):
        return f"Task '{key}': for_each_task.task.task_key is required."
    if body["task"].get("for_each_task"):
        return f"Task '{key}': a for_each_task cannot be the task of another."
    return supported(body["task"], installed)


def supported_job(settings: Mapping[str, Any], installed: Installed | None = installed_here) -> str | None:
    """Say why a job (or submitted run) cannot be run here, looking at its tasks and at what they share.

    Returns: the reason, naming the field, or None.
    """
    if settings.get("git_source"):
        return "git_source is not supported here: tasks run from the workspace's files."
    for environment in settings.get("environments") or []:
        dependencies = (environment.get("spec") or {}).get("dependencies") or []
        reason = _missing(f"Environment '{environment.get('environment_key')}'", dependencies, installed)
        if reason:
            return reason
    return next((reason for task in settings.get("tasks") or [] if (reason := supported(task, installed))), None)


def requirements(libraries: list[Mapping[str, Any]]) -> list[str]:
    for library in libraries:
        for kind in library:
            if kind != "pypi":
                raise CannotRun(f"{kind} libraries are not supported here.")
    return [str(library["pypi"]["package"]) for library in libraries]


def _missing(what: str, wanted: list[str], installed: Installed | None) -> str | None:
    for text in wanted:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            return f"{what}: library '{text}' is not a package requirement."
        if installed is None:
            continue
        version = installed(requirement.name)
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            found = "is not installed" if version is None else f"is not satisfied by the installed {version}"
            return f"{what}: library '{text}' {found}; install it in the kernels' environment."
    return None
