"""What DAGs ask of Databricks' Jobs API, as its requests: one shape for every operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.validate.project import Project
from harness.validate.sources import Position

Keys = tuple[str | int, ...]
# Operators by what they send; those of the workflow group are parts of the group's job.
SUBMIT, CREATE, RUN_NOW = "submit", "create", "run_now"
KINDS = {
    "DatabricksSubmitRunOperator": SUBMIT,
    "DatabricksSubmitRunDeferrableOperator": SUBMIT,
    "DatabricksCreateJobsOperator": CREATE,
    "DatabricksRunNowOperator": RUN_NOW,
    "DatabricksRunNowDeferrableOperator": RUN_NOW,
}
# Fields of the single-task shape that belong to its task.
OF_THE_TASK = frozenset(
    {"existing_cluster_id", "new_cluster", "libraries", "max_retries", "min_retry_interval_millis", "retry_on_timeout"}
)
ABSENT: tuple[object, ...] = (None, "", {}, [])


@dataclass(frozen=True)
class JobTask:
    """A task of a job. ``shared``: parameters that the whole job gives; ``where`` finds a part of ``spec``.

    ``airflow``: the id of the Airflow task that it is made from, whose key in the job is a hash unless it gives one.
    """

    spec: Mapping[str, Any]
    where: Callable[[Keys], Position]
    shared: Mapping[str, Any] = field(default_factory=dict)
    airflow: str = ""

    @property
    def name(self) -> str:
        return self.airflow or self.key

    @property
    def key(self) -> str:
        return str(self.spec.get("task_key") or "")


@dataclass(frozen=True)
class Job:
    """One request. ``settings`` has what is not in ``tasks``; ``complete``: every part of it is known."""

    kind: str
    dag: Any
    task: Any
    settings: Mapping[str, Any]
    tasks: tuple[JobTask, ...]
    where: Callable[[Keys], Position]
    complete: bool = True
    workflow: bool = False


def jobs(project: Project) -> Iterator[Job]:
    """Every request that the DAGs' Databricks operators make, mapped ones left out: their fields come later."""
    for dag, task in project.tasks():
        if task.is_mapped:
            continue
        kind = next((KINDS[c.__name__] for c in type(task).__mro__ if c.__name__ in KINDS), None)
        if kind is not None:
            yield _request(project, dag, task, kind)
        elif hasattr(task, "tasks_to_convert"):
            yield _workflow(project, dag, task)
        elif _is_known(task) and task._databricks_workflow_task_group is None:
            part = _part(project, task)
            yield Job(SUBMIT, dag, task, {}, (part,), part.where)


def _request(project: Project, dag: Any, task: Any, kind: str) -> Job:
    named = dict(task._get_named_json_parameters()) if hasattr(task, "_get_named_json_parameters") else {}
    named = {name: value for name, value in named.items() if value is not None}
    whole = task.json if isinstance(task.json, Mapping) else {}
    settings = {**whole, **named}

    def where(keys: Keys) -> Position:
        if keys and keys[0] in named:
            return project.where(task, str(keys[0]), *keys[1:])
        return project.where(task, "json", *keys)

    parts: list[JobTask] = []
    tasks = settings.pop("tasks", None)
    if isinstance(tasks, list):
        for at, spec in enumerate(tasks):
            if isinstance(spec, Mapping):
                parts.append(JobTask(spec, lambda keys, at=at: where(("tasks", at, *keys))))  # type: ignore[misc]
    elif kind == SUBMIT:
        single = {k: v for k, v in settings.items() if k.endswith("_task") or k in OF_THE_TASK}
        if any(k.endswith("_task") for k in single):
            settings = {k: v for k, v in settings.items() if k not in single}
            parts.append(JobTask({"task_key": "main", **_with_pipeline(single)}, where))
    complete = isinstance(task.json, (Mapping, type(None))) and (tasks is None or isinstance(tasks, list))
    return Job(kind, dag, task, settings, tuple(parts), where, complete)


def _with_pipeline(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec as it is sent: the provider looks a pipeline's id up by ``pipeline_name``."""
    pipeline = spec.get("pipeline_task")
    if not isinstance(pipeline, Mapping) or "pipeline_name" not in pipeline:
        return spec
    others = {key: value for key, value in pipeline.items() if key != "pipeline_name"}
    return {**spec, "pipeline_task": {"pipeline_id": "found by its name", **others}}


def _workflow(project: Project, dag: Any, task: Any) -> Job:
    """The job of a ``DatabricksWorkflowTaskGroup``: its launch task was made where the group ends."""
    extra = task.extra_job_params if isinstance(task.extra_job_params, Mapping) else {}
    settings = {"job_clusters": task.job_clusters, **{k: v for k, v in extra.items() if k != "tasks"}}

    def where(keys: Keys) -> Position:
        if keys and keys[0] in extra:
            return project.where(task, "extra_job_params", *keys)
        return project.where(task, str(keys[0]), *keys[1:]) if keys else project.where(task)

    inside = {k: v for k, v in task.tasks_to_convert.items() if _is_known(v)}
    group = [_part(project, member, task.notebook_params, inside) for member in inside.values()]
    complete = len(inside) == len(task.tasks_to_convert)
    return Job(CREATE, dag, task, settings, tuple(group), where, complete, workflow=True)


def _is_known(task: Any) -> bool:
    """Whether an operator is one that becomes a task of a job, whose specification another task does not make."""
    return hasattr(task, "_get_task_base_json") and isinstance(getattr(task, "task_config", {}), Mapping)


def _part(
    project: Project, task: Any, shared: Mapping[str, Any] | None = None, inside: Mapping[str, Any] | None = None
) -> JobTask:
    """The task of a ``DatabricksNotebookOperator`` or ``DatabricksTaskOperator``."""
    config = getattr(task, "task_config", None)
    if isinstance(config, Mapping):
        spec: dict[str, Any] = dict(config)
    else:
        spec = {
            "notebook_task": {
                "notebook_path": task.notebook_path,
                "source": task.source,
                "base_parameters": task.notebook_params,
            },
            "libraries": task.notebook_packages,
        }
    clusters = {name: getattr(task, name) for name in ("existing_cluster_id", "job_cluster_key", "new_cluster")}
    spec |= {name: value for name, value in clusters.items() if value not in ABSENT}
    spec["task_key"] = task.databricks_task_key
    if inside is not None:
        above = [inside[name] for name in sorted(task.upstream_task_ids) if name in inside]
        spec["depends_on"] = [{"task_key": upstream.databricks_task_key} for upstream in above]
    arguments = {("notebook_task", "base_parameters"): "notebook_params", ("libraries",): "notebook_packages"}

    def where(keys: Keys) -> Position:
        if keys and keys[0] in clusters:
            return project.where(task, str(keys[0]), *keys[1:])
        if isinstance(config, Mapping):
            return project.where(task, "task_config", *keys)
        for prefix, argument in arguments.items():
            if keys[: len(prefix)] == prefix:
                return project.where(task, argument, *keys[len(prefix) :])
        return project.where(task, str(keys[1] if len(keys) > 1 else keys[0])) if keys else project.where(task)

    return JobTask(spec, where, shared if isinstance(shared, Mapping) else {}, task.task_id)


def templated(value: Any) -> bool:
    """Whether a value is only known when the task runs: Jinja, or an object that Airflow resolves."""
    return (isinstance(value, str) and "{{" in value) or not isinstance(
        value, (str, int, float, bool, list, tuple, Mapping, type(None))
    )
