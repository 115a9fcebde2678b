"""Task kinds: which tasks of a job can be run here.

A task kind or field that cannot be honoured is refused by name when the job is made (:func:`supported`), never skipped.
To teach the harness another kind, add it to ``KINDS``, and to what carries it out (attempts.py, commands.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harness.kernel.requirementlines import NotUnderstood, read
from harness.kernel.submitarguments import refused
from harness.runner import conditions, dbtcommands, gitfiles

# Kind of task → the fields of it that we honour.
KINDS = {
    "notebook_task": frozenset({"notebook_path", "base_parameters", "source", "warehouse_id"}),
    "spark_python_task": frozenset({"python_file", "parameters", "source"}),
    "python_wheel_task": frozenset({"package_name", "entry_point", "parameters", "named_parameters"}),
    "spark_jar_task": frozenset({"main_class_name", "parameters", "jar_uri", "run_as_repl"}),
    "spark_submit_task": frozenset({"parameters"}),
    "sql_task": frozenset({"warehouse_id", "file", "query", "parameters"}),
    "dbt_task": dbtcommands.FIELDS,
    "condition_task": frozenset({"op", "left", "right"}),
    "for_each_task": frozenset({"inputs", "task", "concurrency"}),
    "run_job_task": frozenset(
        {"job_id", "job_parameters", "notebook_params", "python_params", "python_named_params", "jar_params",
         "spark_submit_params", "dbt_commands", "sql_params"}
    ),
    "pipeline_task": frozenset(
        {"pipeline_id", "full_refresh", "full_refresh_selection", "refresh_selection", "parameters"}
    ),
}  # fmt: skip
REQUIRED = {
    "run_job_task": ("job_id",),
    "pipeline_task": ("pipeline_id",),
    "python_wheel_task": ("package_name", "entry_point"),
    "spark_jar_task": ("main_class_name",),
    "spark_submit_task": ("parameters",),
    "sql_task": ("warehouse_id",),
}
# Fields of any task that are honoured, or that have no meaning on one machine and are kept and read back.
FIELDS = frozenset(
    {
        "task_key", "description", "depends_on", "run_if", "libraries", "timeout_seconds", "max_retries",
        "min_retry_interval_millis", "retry_on_timeout", "existing_cluster_id", "new_cluster", "job_cluster_key",
        "environment_key", "email_notifications", "webhook_notifications", "notification_settings", "health",
        "disable_auto_optimization", "compute",
    }
)  # fmt: skip
# Kinds of libraries that are for the JVM.
JVM_LIBRARIES = frozenset({"jar", "maven"})
# docs.databricks.com, "Use a For each task to run another task in a loop".
MOST_AT_ONCE = 100


class CannotRun(Exception):
    """A task that is valid but cannot be started. The message is its ``state_message``."""


def supported(task: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """Say why a task cannot be run here.

    Parameters: ``task`` as submitted; ``settings``: of its job. Returns: the reason, naming the kind or field, or None
    when the task can be run.
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
    if kinds[0] == "sql_task" and (reason := _sql(body, settings)):
        return f"Task '{key}': {reason}"
    if kinds[0] == "dbt_task" and (reason := dbtcommands.invalid(body, settings)):
        return f"Task '{key}': {reason}"
    if kinds[0] == "condition_task" and (reason := conditions.invalid(body)):
        return f"Task '{key}': {reason}."
    if missing := [name for name in REQUIRED.get(kinds[0], ()) if not body.get(name)]:
        return f"Task '{key}': {kinds[0]}.{missing[0]} is required."
    if kinds[0] == "for_each_task" and (reason := _loop(key, body, settings)):
        return reason
    if kinds[0] in gitfiles.FILES and (reason := gitfiles.invalid(kinds[0], body, settings)):
        return f"Task '{key}': {kinds[0]}.{reason}"
    if kinds[0] == "spark_python_task" and re.match(r"(?!(file|dbfs):)\w+:", str(body.get("python_file", ""))):
        file = body["python_file"]
        return (
            f"Task '{key}': spark_python_task.python_file {file} is not supported here; use a workspace or DBFS path."
        )
    if kinds[0] == "spark_jar_task" and body.get("run_as_repl") is False:
        return f"Task '{key}': spark_jar_task.run_as_repl false is no longer supported."
    if kinds[0] == "spark_submit_task" and (reason := refused(map(str, body["parameters"]))):
        return f"Task '{key}': spark_submit_task.parameters: {reason}"
    libraries = task.get("libraries") or []
    if kinds[0] == "spark_submit_task" and libraries:
        return f"Task '{key}': a spark_submit_task has no libraries: use --jars and --py-files."
    if kinds[0] == "spark_jar_task":
        libraries = [each for each in libraries if not JVM_LIBRARIES & set(each)]
    try:
        lines = requirement_lines(libraries)
    except CannotRun as error:
        return f"Task '{key}': {error}"
    return _not_understood(f"Task '{key}'", lines)


def _sql(body: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """Say why a ``sql_task`` cannot be run here."""
    file, query = body.get("file") or {}, body.get("query") or {}
    if bool(file) == bool(query):
        return "sql_task must have exactly one of: file, query."
    if query and not query.get("query_id"):
        return "sql_task.query.query_id is required."
    if file and not file.get("path"):
        return "sql_task.file.path is required."
    if file and (reason := gitfiles.invalid("file", file, settings)):
        return f"sql_task.file.{reason}"
    return None


def _loop(key: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
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
    return supported(body["task"], settings)


def supported_job(settings: Mapping[str, Any]) -> str | None:
    """Say why a job (or submitted run) cannot be run here, looking at its tasks and at what they share.

    Returns: the reason, naming the field, or None.
    """
    for environment in settings.get("environments") or []:
        dependencies = (environment.get("spec") or {}).get("dependencies") or []
        reason = _not_understood(f"Environment '{environment.get('environment_key')}'", dependencies)
        if reason:
            return reason
    return next((reason for task in settings.get("tasks") or [] if (reason := supported(task, settings))), None)


def requirement_lines(libraries: list[Mapping[str, Any]]) -> list[str]:
    """Libraries in the lines of a requirements file. Raises: ``CannotRun`` for kinds that are not supported."""
    lines = []
    for library in libraries:
        for kind, value in library.items():
            if kind == "pypi":
                lines += [f"--index-url {value['repo']}"] if value.get("repo") else []
                lines.append(str(value["package"]))
            elif kind == "whl" and str(value).endswith(".whl"):
                lines.append(str(value))
            elif kind == "requirements":
                lines.append(f"-r {value}")
            else:
                raise CannotRun(f"{kind} libraries are not supported here{f': {value}' if kind == 'whl' else ''}.")
    return lines


def jar_lines(libraries: list[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The jars of a task's libraries, and the options of spark-submit that fetch its packages from Maven."""
    jars = [str(each["jar"]) for each in libraries if each.get("jar")]
    packages = [each["maven"] for each in libraries if each.get("maven")]
    options = {
        "--packages": [str(each["coordinates"]) for each in packages],
        "--repositories": [str(each["repo"]) for each in packages if each.get("repo")],
        "--exclude-packages": [str(name) for each in packages for name in each.get("exclusions") or []],
    }
    return jars, [part for name, values in options.items() if values for part in (name, ",".join(values))]


def _not_understood(what: str, lines: list[str]) -> str | None:
    try:
        read(lines, lambda _: "")
    except NotUnderstood as error:
        return f"{what}: library {error}"
    return None
