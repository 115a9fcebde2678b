"""Checks of notebooks: they are there, they parse, and what they include is there too."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.kernel.source import COMMENTS
from harness.lake.paths import SUFFIXES, PathNotFound, WorkspacePaths
from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.jobs import Job, JobTask, jobs, templated
from harness.validate.notebookfacts import Facts
from harness.validate.project import Project


@dataclass(frozen=True)
class Use:
    """A notebook that a task of a job runs. ``spec`` is the task's, or that of the task within a loop."""

    job: Job
    task: JobTask
    spec: Mapping[str, Any]
    prefix: tuple[str | int, ...]
    path: str


def uses(project: Project) -> Iterator[Use]:
    """Every notebook task whose path is known before it runs."""
    for job in jobs(project):
        for task in job.tasks:
            spec = task.spec
            prefix: tuple[str | int, ...] = ()
            loop = spec.get("for_each_task")
            if isinstance(loop, Mapping) and isinstance(loop.get("task"), Mapping):
                spec, prefix = loop["task"], ("for_each_task", "task")
            body = spec.get("notebook_task")
            path = body.get("notebook_path") if isinstance(body, Mapping) else None
            if isinstance(path, str) and not templated(path):
                yield Use(job, task, spec, prefix, path)


def resolve(project: Project, use: Use) -> Path | None:
    """The file of a notebook that a task runs; ``None`` when it is not there."""
    source = use.spec["notebook_task"].get("source")
    if source == "GIT" or (use.job.settings.get("git_source") and source != "WORKSPACE"):
        return find(WorkspacePaths({"/Workspace": project.root}), "/" + use.path.lstrip("/"))
    return find(project.paths, use.path)


def find(paths: WorkspacePaths, path: str) -> Path | None:
    """The file of a notebook by its workspace path."""
    try:
        return paths.notebook(path).path
    except (PathNotFound, ValueError):
        return None


def included(
    project: Project, notebook: Facts, seen: frozenset[Path] = frozenset()
) -> Iterator[tuple[Facts, Mapping[str, str]]]:
    """A notebook and what it includes, at any depth, each with the widgets that its ``%run`` gives."""
    yield notebook, {}
    for target, arguments, _ in notebook.includes:
        path = _beside(project, notebook.path, target)
        if path is not None and path not in seen and path != notebook.path:
            for inner, given in included(project, project.notebook(path), seen | {notebook.path}):
                yield inner, {**given, **arguments}


def _beside(project: Project, notebook: Path, target: str) -> Path | None:
    """The notebook that another one names: by its workspace path, or relative to itself."""
    if target.startswith("/"):
        return find(project.paths, target)
    base = Path(posixpath.normpath(notebook.parent / target))
    for suffix in ("", *SUFFIXES):
        path = base.with_name(base.name + suffix)
        if path.is_file() and path.suffix in SUFFIXES:
            return path.resolve()
    return None


def _leads_to(project: Project, start: Path, notebook: Path) -> bool:
    """Whether a notebook is another one, or includes it."""
    return any(inner.path == notebook for inner, _ in included(project, project.notebook(start), frozenset({start})))


def present(project: Project) -> Iterator[Finding]:
    """Notebooks that tasks run, against the folders that the workspace shows."""
    for use in uses(project):
        if resolve(project, use) is not None:
            continue
        keys = (*use.prefix, "notebook_task", "notebook_path")
        try:
            looked = project.paths.local(use.path)
            shown = looked.relative_to(project.root) if looked.is_relative_to(project.root) else looked
            hint = f"Looked for {shown} with {', '.join(SUFFIXES)}."
        except PathNotFound:
            hint = f"No folder is mounted there: `mounts` in [tool.harness] has {', '.join(project.settings.mounts)}."
        except ValueError:
            hint = "A path of the workspace begins with /."
        yield project.finding(
            "notebook-missing", use.task.where(keys), f"task {use.task.name!r}: there is no notebook {use.path}", hint
        )


def readable(project: Project) -> Iterator[Finding]:
    """Notebooks that do not parse: those of the workspace, and what tasks run instead."""
    notebooks = {notebook.path: notebook for notebook in project.notebooks}
    for use in uses(project):
        path = resolve(project, use)
        # Notebooks in other languages run on Databricks, and are read nowhere here.
        if path is not None and path.suffix in (*COMMENTS, ".ipynb"):
            notebooks.setdefault(path.resolve(), project.notebook(path))
    for notebook in notebooks.values():
        if notebook.problem is not None:
            message, at = notebook.problem
            yield project.finding("notebook-syntax", at, message)
        for message, at in notebook.broken:
            yield project.finding("notebook-syntax", at, message)
        for target, _, at in notebook.includes:
            path = _beside(project, notebook.path, target)
            if path is None:
                yield project.finding("notebook-include", at, f"%run {target}: there is no such notebook")
            elif _leads_to(project, path, notebook.path):
                yield project.finding("notebook-include", at, f"%run {target} includes this notebook in itself")
        for target, at in notebook.calls:
            if _beside(project, notebook.path, target) is None:
                yield project.finding("notebook-include", at, f"dbutils.notebook.run: there is no notebook {target}")


checks = [
    Check(present, (Rule("notebook-missing", "A task runs a notebook that does not exist."),)),
    Check(
        readable,
        (
            Rule("notebook-syntax", "A notebook, or a cell of it, does not parse."),
            Rule("notebook-include", "`%run` or `dbutils.notebook.run` names a notebook that is not there, or itself."),
        ),
    ),
]
