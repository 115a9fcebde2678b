"""Checks of job specifications: what Databricks refuses when the job is made, and what it refuses only when it runs."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Mapping
from typing import Any

from harness.runner.scheduler import InvalidGraph, RunIf
from harness.runner.scheduler import validate as validate_graph
from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.jobs import ABSENT, CREATE, RUN_NOW, SUBMIT, Job, JobTask, jobs, templated
from harness.validate.models import Misfit, fields, misfits, request_fields
from harness.validate.project import Project
from harness.validate.quartz import problem

# Kinds of task that run on serverless compute with an environment, or not at all without a cluster.
NEEDS_ENVIRONMENT = ("spark_python_task", "python_wheel_task")
NEEDS_CLUSTER = ("spark_jar_task", "spark_submit_task")
CLUSTERS = ("existing_cluster_id", "new_cluster", "job_cluster_key", "environment_key")
# Beside the fields of the SDK's methods: what the provider itself reads (operators/databricks.py, hooks/databricks.py).
BESIDE = {SUBMIT: {"job_clusters": Any}, CREATE: {}, RUN_NOW: {"job_name": Any}}
RULES_OF_MISFITS = {"key": "databricks-key", "value": "databricks-value", "missing": "databricks-value"}


def specifications(project: Project) -> Iterator[Finding]:
    """Every job against the API's models, and its parts against each other."""
    from databricks.sdk.service.jobs import SubmitTask, Task

    for job in jobs(project):
        known = {**request_fields(job.kind), **BESIDE[job.kind]}
        for misfit in fields(job.settings, known):
            yield _misfit(project, job, misfit)
        for task in job.tasks:
            kind = SubmitTask if job.kind == SUBMIT else Task
            for misfit in misfits(task.spec, kind):
                yield _misfit(project, task, misfit)
            yield from _task(project, job, task)
        yield from _graph(project, job)
        yield from _clusters(project, job)
        yield from _schedule(project, job)
        yield from _which_job(project, job)


def _misfit(project: Project, owner: Job | JobTask, misfit: Misfit) -> Finding:
    rule = RULES_OF_MISFITS[misfit.kind]
    names = [key for key in misfit.keys if isinstance(key, str)]
    if names and names[-1] == "run_if":
        rule = "databricks-run-if"
    elif any(name.endswith("parameters") or name.endswith("_params") for name in names):
        rule = "databricks-parameters"
    return project.finding(rule, owner.where(misfit.keys), misfit.message, misfit.hint)


def _task(project: Project, job: Job, task: JobTask) -> Iterator[Finding]:
    kinds = [name for name, value in task.spec.items() if name.endswith("_task") and value is not None]
    if len(kinds) != 1:
        what = f"has {' and '.join(kinds)}" if kinds else "has no kind of task, such as notebook_task"
        yield project.finding("databricks-task", task.where(()), f"task {task.name!r} {what}: it must have exactly one")
        return
    named = [name for name in CLUSTERS if task.spec.get(name) not in ABSENT]
    if len([name for name in named if name != "environment_key"]) > 1:
        yield project.finding(
            "databricks-cluster",
            task.where((named[1],)),
            f"task {task.name!r} names {' and '.join(named)}: one is enough",
        )
    if not named and kinds[0] in NEEDS_CLUSTER:
        yield project.finding("databricks-cluster", task.where(()), f"task {task.name!r}: a {kinds[0]} needs a cluster")
    if not named and kinds[0] in NEEDS_ENVIRONMENT and job.complete:
        yield project.finding(
            "databricks-cluster",
            task.where(()),
            f"task {task.name!r} names no cluster: a {kinds[0]} needs one, or an environment_key (serverless)",
        )
    yield from _parameters(project, task, kinds[0])


def _parameters(project: Project, task: JobTask, kind: str) -> Iterator[Finding]:
    body = task.spec[kind]
    if not isinstance(body, Mapping):
        return
    for field in ("base_parameters", "named_parameters"):
        given = body.get(field)
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if isinstance(value, (Mapping, list, tuple)):
                continue  # the models say so
            if value is None:
                yield project.finding(
                    "databricks-parameters",
                    task.where((kind, field, name)),
                    f"parameter {name!r} of task {task.name!r} is None: the task is sent no value",
                )
    if body.get("named_parameters") and body.get("parameters"):
        yield project.finding(
            "databricks-parameters",
            task.where((kind, "named_parameters")),
            f"task {task.name!r} has both parameters and named_parameters: it must have one of them",
        )


def _graph(project: Project, job: Job) -> Iterator[Finding]:
    specs = [
        {k: v for k, v in task.spec.items() if k in ("task_key", "depends_on", "run_if", "condition_task")}
        for task in job.tasks
    ]
    keys = [task.key for task in job.tasks]
    sound = True
    for at, task in enumerate(job.tasks):
        run_if = specs[at].pop("run_if", None)
        if run_if is not None and not templated(run_if) and run_if not in list(RunIf):
            sound = False  # the models say so
        if task.key in keys[:at]:
            sound = False
            yield project.finding(
                "databricks-depends-on", task.where(("task_key",)), f"two tasks of the job have the key {task.key!r}"
            )
        for number, dependency in enumerate(task.spec.get("depends_on") or []):
            name = dependency.get("task_key") if isinstance(dependency, Mapping) else None
            if name is None or name not in keys:
                sound = False
            if name is not None and name not in keys and not templated(name) and job.complete:
                at_key = task.where(("depends_on", number, "task_key"))
                yield project.finding(
                    "databricks-depends-on",
                    at_key,
                    f"task {task.name!r} depends on {name!r}, which is no task of the job",
                )
    if sound and all(keys):
        try:
            validate_graph(specs)
        except InvalidGraph as error:
            message = str(error).rstrip(".")
            named = next((task for task in job.tasks if task.key in message), job.tasks[0])
            yield project.finding("databricks-depends-on", named.where(("depends_on",)), message)


def _clusters(project: Project, job: Job) -> Iterator[Finding]:
    clusters = job.settings.get("job_clusters") or []
    environments = job.settings.get("environments") or []
    for field, items, what in (
        ("job_cluster_key", clusters, "job_clusters"),
        ("environment_key", environments, "environments"),
    ):
        known = [item.get(field) for item in items if isinstance(item, Mapping)] if isinstance(items, list) else None
        if known is None or not job.complete:
            continue
        for task in job.tasks:
            name = task.spec.get(field)
            if name not in ABSENT and not templated(name) and name not in known:
                yield project.finding(
                    "databricks-cluster",
                    task.where((field,)),
                    f"task {task.name!r} wants {field} {name!r}, which `{what}` of the job does not define",
                )
    for at, item in enumerate(clusters if isinstance(clusters, list) else []):
        if isinstance(item, Mapping) and isinstance(item.get("new_cluster"), Mapping):
            yield from _cluster(project, item["new_cluster"], job, ("job_clusters", at, "new_cluster"))
    for task in job.tasks:
        if isinstance(task.spec.get("new_cluster"), Mapping) and task.spec["new_cluster"]:
            yield from _cluster(project, task.spec["new_cluster"], task, ("new_cluster",))


def _cluster(
    project: Project, cluster: Mapping[str, Any], owner: Job | JobTask, keys: tuple[str | int, ...]
) -> Iterator[Finding]:
    # What is missing, a policy or the kind of compute may give.
    if any(cluster.get(name) for name in ("policy_id", "apply_policy_default_values", "kind")):
        return
    if not cluster.get("spark_version"):
        yield project.finding("databricks-cluster", owner.where(keys), "new_cluster needs a spark_version")
    confs = cluster.get("spark_conf") or {}
    single = cluster.get("is_single_node") or (
        isinstance(confs, Mapping) and confs.get("spark.databricks.cluster.profile") == "singleNode"
    )
    if cluster.get("num_workers") is None and not cluster.get("autoscale") and not single:
        yield project.finding(
            "databricks-cluster", owner.where(keys), "new_cluster needs num_workers or autoscale, else it has no size"
        )
    if not any(
        cluster.get(name)
        for name in ("node_type_id", "instance_pool_id", "node_type_flexibility", "driver_node_type_id")
    ):
        yield project.finding(
            "databricks-cluster", owner.where(keys), "new_cluster needs a node_type_id or instance_pool_id"
        )


def _schedule(project: Project, job: Job) -> Iterator[Finding]:
    schedule = job.settings.get("schedule")
    if not isinstance(schedule, Mapping):
        return
    cron, zone = schedule.get("quartz_cron_expression"), schedule.get("timezone_id")
    if isinstance(cron, str) and not templated(cron) and (reason := problem(cron)):
        at = job.where(("schedule", "quartz_cron_expression"))
        yield project.finding("databricks-cron", at, f"{cron!r} is no Quartz cron expression: {reason}")
    if isinstance(zone, str) and not templated(zone) and zone not in zoneinfo.available_timezones():
        yield project.finding(
            "databricks-cron", job.where(("schedule", "timezone_id")), f"there is no time zone {zone!r}"
        )


def _which_job(project: Project, job: Job) -> Iterator[Finding]:
    """The name of a job that is made, and the one of a job that is to run: the provider asks for them (hooks, 7.23)."""
    named = [name for name in ("job_id", "job_name") if job.settings.get(name) is not None]
    message = ""
    if job.kind == RUN_NOW and not named:
        message = "neither job_id nor job_name says which job is to run"
    elif job.kind == RUN_NOW and len(named) > 1:
        message = "job_id and job_name say which job is to run: one of them is enough"
    elif job.kind == CREATE and not job.workflow and not job.settings.get("name"):
        message = "a job needs a name"
    if message and job.complete:
        yield project.finding("databricks-value", job.where(tuple(named[1:])), message)


checks = [
    Check(
        specifications,
        (
            Rule("databricks-key", "A job specification has a key that the Jobs API does not know, and ignores."),
            Rule("databricks-value", "A value of a job specification is missing, or is none that the Jobs API reads."),
            Rule("databricks-task", "A task of a job has no kind, or more than one."),
            Rule("databricks-cluster", "A task has no cluster that could run it, or one that the job does not define."),
            Rule("databricks-depends-on", "A task depends on one that the job does not have, or on itself."),
            Rule("databricks-run-if", "`run_if` is no condition that Databricks knows."),
            Rule(
                "databricks-cron",
                "The schedule of a job is no Quartz cron expression, or its time zone does not exist.",
            ),
            Rule("databricks-parameters", "Parameters of a task are not of the shape that the Jobs API reads."),
        ),
    )
]
