"""Checks of what tasks and notebooks hand each other: widgets and parameters, task values, secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.jobs import Job, JobTask, jobs
from harness.validate.notebookfacts import Facts
from harness.validate.notebooks import Use, included, resolve, uses
from harness.validate.project import Project
from harness.validate.sources import Position

_SECRET = re.compile(r"\{\{\s*secrets/([^/}\s]+)/([^}\s]+)\s*\}\}")


def widgets(project: Project) -> Iterator[Finding]:
    """Widgets that a notebook reads and nobody gives; parameters that a task gives and nobody reads."""
    groups: dict[int, _Group] = {}
    for use in uses(project):
        path = resolve(project, use)
        job = use.job
        group = groups.setdefault(id(job.task), _Group(job))
        parts = list(included(project, project.notebook(path))) if path is not None else []
        if not parts or any(part.problem or part.broken for part, _ in parts):
            continue
        given = use.spec["notebook_task"].get("base_parameters") or {}
        given = given if isinstance(given, Mapping) else {}
        read = {name for part, _ in parts for name in {*part.reads, *part.may_read}}
        if job.complete and not any(part.any_widget for part, _ in parts):
            group.known += 1
            group.read |= read
            yield from _not_read(project, use, given, read)
        yield from _not_given(project, use, parts, {*given, *use.task.shared, *_job_parameters(job)})
    for group in groups.values():
        yield from _shared_not_read(project, group)


@dataclass
class _Group:
    """What the notebooks of a job read. ``known``: how many of them say it all."""

    job: Job
    read: set[str] = field(default_factory=set)
    known: int = 0


def _shared_not_read(project: Project, group: _Group) -> Iterator[Finding]:
    job = group.job
    if group.known < sum("notebook_task" in task.spec for task in job.tasks):
        return
    for name in {name: None for task in job.tasks for name in task.shared}:
        if name not in group.read:
            yield project.finding(
                "parameter-not-read",
                job.where(("notebook_params", name)),
                f"no notebook of the group reads parameter {name!r}",
            )


def _not_read(project: Project, use: Use, given: Mapping[str, Any], read: set[str]) -> Iterator[Finding]:
    for name in given:
        if name not in read:
            yield project.finding(
                "parameter-not-read",
                use.task.where((*use.prefix, "notebook_task", "base_parameters", name)),
                f"task {use.task.name!r} passes {name!r}, which notebook {use.path} does not read",
            )


def _not_given(
    project: Project, use: Use, parts: list[tuple[Facts, Mapping[str, str]]], passed: set[str]
) -> Iterator[Finding]:
    defined = {name for part, _ in parts for name in part.defines}
    for part, arguments in parts:
        for name, at in part.reads.items():
            if name not in defined and name not in passed and name not in arguments:
                yield project.finding(
                    "widget-not-given",
                    at,
                    f"widget {name!r} is read; the notebook does not make it, and task {use.task.name!r} of DAG "
                    f"{use.job.dag.dag_id!r} does not pass it",
                )


def _job_parameters(job: Job) -> set[str]:
    given = job.settings.get("parameters") or []
    return {str(item.get("name")) for item in given if isinstance(item, Mapping)} if isinstance(given, list) else set()


def task_values(project: Project) -> Iterator[Finding]:
    """Task values that a notebook reads and no task before it sets."""
    known = {(id(use.job.task), use.task.key): use for use in uses(project)}
    for use in known.values():
        path = resolve(project, use)
        if path is None or not use.job.complete:
            continue
        keys = {task.key: task for task in use.job.tasks}
        above = _above(use.task, keys)
        for part, _ in included(project, project.notebook(path)):
            for value in part.gets:
                reason = None
                if value.task not in keys:
                    reason = "the job has no such task"
                elif value.task not in above:
                    reason = f"task {use.task.name!r} does not depend on it"
                elif not value.default and _never_sets(project, known.get((id(use.job.task), value.task)), value.key):
                    reason = "its notebook sets no such value"
                if reason is not None:
                    yield project.finding(
                        "task-value-not-set", value.at, f"value {value.key!r} of task {value.task!r} is read: {reason}"
                    )


def _above(task: JobTask, keys: Mapping[str, JobTask]) -> set[str]:
    found: set[str] = set()
    waiting = [task]
    while waiting:
        for dependency in waiting.pop().spec.get("depends_on") or []:
            name = str(dependency.get("task_key")) if isinstance(dependency, Mapping) else ""
            if name in keys and name not in found:
                found.add(name)
                waiting.append(keys[name])
    return found


def _never_sets(project: Project, use: Use | None, key: str) -> bool:
    path = resolve(project, use) if use is not None else None
    if path is None:
        return False
    parts = [part for part, _ in included(project, project.notebook(path))]
    if any(part.any_value or part.problem or part.broken for part in parts):
        return False
    return all(key not in part.sets for part in parts)


def secrets(project: Project) -> Iterator[Finding]:
    """Secrets that notebooks and job specifications use and nobody declares."""
    declared = [*project.settings.secrets, *project.config.secrets]
    for scope, key, at in used_secrets(project):
        if not any(fnmatchcase(f"{scope}/{key}", pattern) for pattern in declared):
            yield project.finding(
                "secret-undefined",
                at,
                f"secret {scope}/{key} is not declared",
                "Give it a value for tests in `secrets` of [tool.harness], or name it in [tool.harness.validate].",
            )


def used_secrets(project: Project) -> Iterator[tuple[str, str, Position]]:
    """Scope and key of every secret that notebooks and job specifications use, and where."""
    for notebook in project.notebooks:
        yield from notebook.secrets
    for job in jobs(project):
        parts = [(job.where, job.settings), *((task.where, task.spec) for task in job.tasks)]
        for where, value in parts:
            for keys, text in _texts(value):
                for scope, key in _SECRET.findall(text):
                    yield scope, key, where(keys)


def _texts(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield keys, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*keys, key))
    elif isinstance(value, (list, tuple)):
        for at, inner in enumerate(value):
            yield from _texts(inner, (*keys, at))


checks = [
    Check(
        widgets,
        (
            Rule("widget-not-given", "A notebook reads a widget that neither it makes nor a task passes: it fails."),
            Rule("parameter-not-read", "A task passes a parameter that its notebook does not read."),
        ),
    ),
    Check(task_values, (Rule("task-value-not-set", "A notebook reads a task value that no task before it sets."),)),
    Check(secrets, (Rule("secret-undefined", "A notebook or a cluster uses a secret that nothing declares."),)),
]
