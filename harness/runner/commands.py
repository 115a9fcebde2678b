"""Task kinds: which tasks can be run, and what a kernel is told to execute for each.

A task kind or field that cannot be honoured is refused by name when the job is made (:func:`supported`), never skipped.
To teach the harness another kind, add it to ``KINDS`` and to :func:`kernel_spec`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from harness.kernel.spec import Gateway, KernelSpec
from harness.lake.paths import PathNotFound, WorkspacePaths, normal
from harness.runner.references import Context, UnknownReference, resolve
from harness.runner.run import Run, TaskRun
from harness.runner.scheduler import latest_tasks

# Kind of task → the fields of it that we honour.
KINDS = {
    "notebook_task": frozenset({"notebook_path", "base_parameters", "source", "warehouse_id"}),
    "spark_python_task": frozenset({"python_file", "parameters", "source"}),
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
# The runtime a kernel claims to be (DATABRICKS_RUNTIME_VERSION) when the task's cluster names none.
RUNTIME_VERSION = "17.3"

Installed = Callable[[str], str | None]


class CannotRun(Exception):
    """A task that is valid but cannot be started. The message is its ``state_message``."""


@dataclass(frozen=True)
class Surroundings:
    """What is the same for all tasks of a workspace."""

    paths: WorkspacePaths
    workspace_url: str
    token: str
    user: str
    environment: Mapping[str, str]


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
    if body.get("source", "WORKSPACE") != "WORKSPACE":
        return f"Task '{key}': {kinds[0]}.source {body['source']} is not supported here; only WORKSPACE is."
    if kinds[0] == "spark_python_task" and re.match(r"(?!file:)\w+:", str(body.get("python_file", ""))):
        file = body["python_file"]
        return f"Task '{key}': spark_python_task.python_file {file} is not supported here; use a workspace path."
    try:
        requirements = _requirements(task.get("libraries") or [])
    except CannotRun as error:
        return f"Task '{key}': {error}"
    return missing(f"Task '{key}'", requirements, installed)


def supported_job(settings: Mapping[str, Any], installed: Installed | None = installed_here) -> str | None:
    """Say why a job (or submitted run) cannot be run here, looking at its tasks and at what they share.

    Returns: the reason, naming the field, or None.
    """
    if settings.get("git_source"):
        return "git_source is not supported here: tasks run from the workspace's files."
    for environment in settings.get("environments") or []:
        dependencies = (environment.get("spec") or {}).get("dependencies") or []
        reason = missing(f"Environment '{environment.get('environment_key')}'", dependencies, installed)
        if reason:
            return reason
    return next((reason for task in settings.get("tasks") or [] if (reason := supported(task, installed))), None)


def _requirements(libraries: list[Mapping[str, Any]]) -> list[str]:
    for library in libraries:
        for kind in library:
            if kind != "pypi":
                raise CannotRun(f"{kind} libraries are not supported here.")
    return [str(library["pypi"]["package"]) for library in libraries]


def missing(what: str, requirements: list[str], installed: Installed | None) -> str | None:
    for text in requirements:
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


def kernel_spec(run: Run, task: TaskRun, gateway: Gateway, around: Surroundings) -> KernelSpec:
    """What the kernel of one attempt executes.

    Raises: ``CannotRun`` when the notebook or file does not exist or a reference names nothing.
    """
    try:
        jobs = job_parameters(run)
        context = Context(run, task, {}, around.workspace_url)
        jobs = resolve(jobs, context)
        context = Context(run, task, jobs, around.workspace_url)
        if "notebook_task" in task.spec:
            what = _notebook(run, task, context, around)
        else:
            what = _script(run, task, context, around)
    except UnknownReference as error:
        raise CannotRun(str(error)) from error
    return KernelSpec(
        **what,
        directory=task.directory,
        gateway=gateway,
        workspace_url=around.workspace_url,
        token=around.token,
        roots={prefix: str(folder) for prefix, folder in around.paths.roots.items()},
        context=_identity(run, task, around.user),
        environment={**around.environment, "DATABRICKS_RUNTIME_VERSION": _runtime(run, task)},
        libraries=_requirements(task.spec.get("libraries") or []) + _dependencies(run, task),
        task_values={
            key: other.output.task_values for key, other in latest_tasks(run).items() if other.output.task_values
        },
    )


def job_parameters(run: Run) -> dict[str, str]:
    """The run's job parameters: the job's defaults, overridden by what ``run-now`` gave."""
    declared = {str(p["name"]): p.get("default", "") for p in run.settings.get("parameters") or []}
    return {
        name: _string(value) for name, value in {**declared, **(run.parameters.get("job_parameters") or {})}.items()
    }


def _notebook(run: Run, task: TaskRun, context: Context, around: Surroundings) -> dict[str, Any]:
    body = task.spec["notebook_task"]
    path = str(body["notebook_path"])
    try:
        notebook = around.paths.notebook(path)
    except (PathNotFound, ValueError) as error:
        # Word for word what the service says.
        raise CannotRun(
            f'Unable to access the notebook "{path}" in the workspace. Either it does not exist, or the identity '
            f"used to run this job, {around.user}, lacks the required permissions."
        ) from error
    # "notebook_params" override base_parameters; a job parameter takes precedence over a task parameter of its name.
    own = {**(body.get("base_parameters") or {}), **(run.parameters.get("notebook_params") or {})}
    own = {name: _string(value) for name, value in own.items()}
    return {
        "kind": "notebook",
        "path": str(notebook.path),
        "workspace_path": notebook.workspace_path,
        "parameters": {**resolve(own, context), **context.job_parameters},
    }


def _script(run: Run, task: TaskRun, context: Context, around: Surroundings) -> dict[str, Any]:
    body = task.spec["spark_python_task"]
    name = str(body["python_file"]).removeprefix("file:")
    try:
        in_workspace = around.paths.local(name)
    except (PathNotFound, ValueError):
        in_workspace = Path(name)
    file = next((path for path in (in_workspace, Path(name)) if path.is_absolute() and path.is_file()), None)
    if file is None:
        raise CannotRun(f"Cannot read the python file {name}: it does not exist in the workspace or on this machine.")
    # "python_params" of run-now replace the task's own.
    arguments = run.parameters.get("python_params") or body.get("parameters") or []
    return {
        "kind": "python",
        "path": str(file),
        "workspace_path": normal(name) if file == in_workspace and name.startswith("/") else name,
        "arguments": [_string(argument) for argument in resolve(list(arguments), context)],
    }


def _string(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _identity(run: Run, task: TaskRun, user: str) -> dict[str, str]:
    return {
        "job_id": str(run.job_id),
        "run_id": str(run.run_id),
        "task_run_id": str(task.run_id),
        "task_key": task.task_key,
        "run_name": run.name,
        "user": user,
    }


def _runtime(run: Run, task: TaskRun) -> str:
    clusters = {c.get("job_cluster_key"): c.get("new_cluster") for c in run.settings.get("job_clusters") or []}
    shared = clusters.get(task.spec.get("job_cluster_key"))
    existing = (run.settings.get("existing_clusters") or {}).get(task.spec.get("existing_cluster_id"))
    cluster = task.spec.get("new_cluster") or shared or existing or {}
    match = re.match(r"\d+\.\d+", str(cluster.get("spark_version") or ""))
    return match[0] if match else RUNTIME_VERSION


def _dependencies(run: Run, task: TaskRun) -> list[str]:
    for environment in run.settings.get("environments") or []:
        if environment.get("environment_key") == task.spec.get("environment_key"):
            return [str(text) for text in (environment.get("spec") or {}).get("dependencies") or []]
    return []
