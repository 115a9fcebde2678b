"""What a repository's DAGs need to run here: found by importing them, as ``harness validate`` does."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from harness.bundles import Bundle, BundleInvalid, read
from harness.dagrun.connections import PLACEHOLDER
from harness.init.look import Repository
from harness.lake.paths import SUFFIXES, normal
from harness.settings import Settings
from harness.stack import USER
from harness.validate.assets import names_of, waits_for
from harness.validate.jobs import jobs
from harness.validate.parameters import used_secrets
from harness.validate.project import Project
from harness.validate.references import FIRST, named, of_sources
from harness.validate.run import opened

CONNECTION = f"{PLACEHOLDER}: a URI, or a table in Airflow's JSON form"
STACKS = {"databricks": "databricks_default", "aws": "aws_default", "s3": "aws_default"}


@dataclass(frozen=True)
class Needs:
    """``dags``: ids; ``mounts``: workspace path to folder; ``connections``, ``variables``, ``secrets``: what is to be
    given, with what stands for it; ``missing``: workspace paths without a notebook; ``broken``: files that do not
    import, and why; ``consumers``: DAGs that assets start; ``producers``: those whose assets start others; ``bundles``:
    path, target and jobs of each; ``unread``: bundles that cannot be resolved here, and why.
    """

    dags: tuple[str, ...]
    sizes: Mapping[str, int]
    mounts: dict[str, str]
    connections: dict[str, str]
    variables: dict[str, str]
    secrets: dict[str, str]
    missing: tuple[str, ...] = ()
    broken: Mapping[str, str] = field(default_factory=dict)
    consumers: frozenset[str] = frozenset()
    producers: frozenset[str] = frozenset()
    bundles: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    def first(self) -> str | None:
        """The DAG to begin with: the one with most tasks of those that nothing else starts."""
        free = [dag for dag in self.dags if dag not in self.consumers] or list(self.dags)
        return max(free, key=lambda dag: (self.sizes[dag], dag), default=None)


def needs(repository: Repository, settings: Settings) -> Needs:
    """Look at the DAGs. ``settings``: with the repository's DAG folder. Raises: ``ConfigInvalid``."""
    with opened(settings) as project:
        early = {name for kind, name, _ in of_sources(project) if kind == "VAR"}
        # So that a file which reads them while it is imported does import.
        given = {f"AIRFLOW_VAR_{name.upper()}": PLACEHOLDER for name in early}
        added = {name: value for name, value in given.items() if name not in os.environ}
        os.environ.update(added)
        try:
            found = _of(project, repository)
        finally:
            for name in added:
                os.environ.pop(name, None)
    return found


def _of(project: Project, repository: Repository) -> Needs:
    broken = {str(file.path.relative_to(project.root)): file.error for file in project.files if file.error}
    mounts, missing = _mounts(_paths(project), repository.notebooks)
    made, unread = _bundles(repository)
    for place, bundle in made.items():
        if bundle.jobs:
            mounts.setdefault(bundle.file_path, place.parent)
    project.settings = project.settings.model_copy(update={"mounts": {**project.settings.mounts, **mounts}})
    uses = list(named(project))
    connections = sorted({name for kind, name, _ in uses if kind == "CONN"} - set(STACKS.values()))
    variables = sorted({name for kind, name, _ in uses if kind == "VAR"})
    secrets = sorted({f"{scope}/{key}" for scope, key, _ in used_secrets(project)})
    led = _led_to(project, connections)
    produced = {
        dag.dag_id: {name for task in dag.tasks for outlet in task.outlets for name in names_of(outlet)}
        for dag in project.dags
    }
    wanted = {dag.dag_id: {name for asset in waits_for(dag) for name in names_of(asset)} for dag in project.dags}
    return Needs(
        dags=tuple(sorted(dag.dag_id for dag in project.dags)),
        sizes={dag.dag_id: len(dag.tasks) for dag in project.dags},
        mounts={prefix: str(folder) for prefix, folder in mounts.items()},
        connections={name: led.get(name, CONNECTION) for name in connections},
        variables={name: f"{PLACEHOLDER}: what tests are to see of it" for name in variables},
        secrets={name: f"{PLACEHOLDER}: a value for tests" for name in secrets},
        missing=tuple(missing),
        broken=broken,
        consumers=frozenset(dag for dag, keys in wanted.items() if keys),
        producers=frozenset(dag for dag, names in produced.items() if any(names & each for each in wanted.values())),
        bundles=tuple((p.as_posix(), each.target, tuple(each.jobs)) for p, each in made.items() if each.jobs),
        unread=unread,
    )


def _bundles(repository: Repository) -> tuple[dict[Path, Bundle], dict[str, str]]:
    found, unread = {}, {}
    for path in repository.bundles:
        try:
            found[path] = read(repository.root / path, user=USER)
        except BundleInvalid as error:
            unread[path.as_posix()] = str(error)
    return found, unread


def _led_to(project: Project, names: Iterable[str]) -> dict[str, str]:
    """Connections that lead to the stack: by the argument that they are given as, else by their own names."""
    found = {name: stack for name in names for word, stack in STACKS.items() if word in name.lower()}
    for argument, value in _given(project):
        for word, stack in STACKS.items():
            if argument.strip("_") == f"{word}_conn_id" and isinstance(value, str):
                found[value] = stack
    return found


def _given(project: Project) -> Iterator[tuple[str, Any]]:
    """Arguments of tasks, and of the calls in DAG files, with their values."""
    for _, task in project.tasks():
        yield from (task.partial_kwargs if task.is_mapped else vars(task)).items()
    for source in project.python:
        for name, call in source.calls():
            for keyword in call.keywords:
                if keyword.arg and isinstance(keyword.value, ast.Constant):
                    yield keyword.arg, keyword.value.value
            first = FIRST.get(name.rpartition(".")[2])
            if first and call.args and isinstance(call.args[0], ast.Constant):
                yield first, call.args[0].value


def _paths(project: Project) -> list[str]:
    """Workspace paths of notebooks and Python files that the DAGs' Databricks tasks name."""
    found: dict[str, None] = {}
    for job in jobs(project):
        for task in job.tasks:
            found |= dict.fromkeys(_named(task.spec))
    for _, task in project.tasks():
        if task.is_mapped and isinstance(path := task.partial_kwargs.get("notebook_path"), str):
            found[path] = None
    return [path for path in found if path.startswith("/") and "{" not in path]


def _named(spec: Mapping[str, Any]) -> Iterator[str]:
    for body, field_ in (("notebook_task", "notebook_path"), ("spark_python_task", "python_file")):
        value = spec.get(body)
        if isinstance(value, Mapping) and isinstance(value.get(field_), str):
            yield value[field_]


def _mounts(paths: Iterable[str], files: Iterable[Path]) -> tuple[dict[str, Path], list[str]]:
    """Folders by the workspace paths that they are to be seen at, so that each path leads to the file that ends alike.

    Returns: these, and the paths that no file ends like.
    """
    bare = {file: file.with_suffix("").parts if file.suffix in SUFFIXES else file.parts for file in files}
    mounts: dict[str, Path] = {}
    missing = []
    for path in paths:
        parts = PurePosixPath(normal(path)).with_suffix("").parts
        most, best = 0, Path()
        for file, ends in bare.items():
            same = next((n for n in range(min(len(parts), len(ends)), 0, -1) if parts[-n:] == ends[-n:]), 0)
            if same > most:
                most, best = same, file
        # A folder of the workspace's own, such as /Workspace/Shared, is mounted at its deepest.
        most = min(most, len(parts) - 2)
        if most < 1:
            missing.append(path)
            continue
        mounts[str(PurePosixPath(*parts[:-most]))] = Path(*best.parts[:-most])
    return mounts, missing
