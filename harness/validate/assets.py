"""Checks of the asset graph: which DAG waits for what, and who makes it."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.project import Project


def graph(project: Project) -> Iterator[Finding]:
    """Assets that nobody produces, and DAGs that start each other for ever."""
    from airflow.sdk import AssetAlias

    made: dict[str, set[str]] = {}
    aliases = False
    for dag, task in project.tasks():
        for outlet in task.outlets:
            aliases = aliases or isinstance(outlet, AssetAlias)
            for name in names_of(outlet):
                made.setdefault(name, set()).add(dag.dag_id)
    followers: dict[str, set[str]] = {}
    for dag in project.dags:
        for asset in waits_for(dag):
            makers = {maker for name in names_of(asset) for maker in made.get(name, ())}
            for maker in makers:
                followers.setdefault(maker, set()).add(dag.dag_id)
            # An alias becomes an asset when its task runs: which one, nobody knows before.
            if makers or aliases or not project.complete or getattr(asset, "watchers", None):
                continue
            if any(fnmatchcase(name, known) for name in names_of(asset) for known in project.config.assets):
                continue
            yield project.finding(
                "asset-not-produced",
                project.where(dag, "schedule"),
                f"DAG {dag.dag_id!r} waits for asset {names_of(asset)[0]!r}, which no task produces",
                "Name it in the `outlets` of a task; or in `assets` of [tool.harness.validate] if others produce it.",
            )
    for circle in _circles(followers):
        dag = next(dag for dag in project.dags if dag.dag_id == circle[0])
        path = " -> ".join([*circle, circle[0]])
        yield project.finding(
            "asset-cycle", project.where(dag, "schedule"), f"these DAGs start each other by assets for ever: {path}"
        )


def waits_for(dag: Any) -> Iterator[Any]:
    """The assets that start a DAG."""
    condition = getattr(dag.timetable, "asset_condition", None)
    waiting = [condition] if condition is not None else []
    while waiting:
        asset = waiting.pop(0)
        if hasattr(asset, "objects"):
            waiting = [*asset.objects, *waiting]
        elif names_of(asset):
            yield asset


def names_of(asset: Any) -> list[str]:
    """Its name and its URI, as far as it has them; an alias has a name."""
    return list(dict.fromkeys(n for n in (getattr(asset, "name", None), getattr(asset, "uri", None)) if n))


def _circles(followers: dict[str, set[str]]) -> Iterator[list[str]]:
    """Each circle once, beginning with the first of its names."""
    for start in sorted(followers):
        paths = [[start]]
        while paths:
            path = paths.pop(0)
            for name in sorted(followers.get(path[-1], ())):
                if name == start:
                    yield path
                    paths = []
                    break
                if name > start and name not in path:
                    paths.append([*path, name])


checks = [
    Check(
        graph,
        (
            Rule("asset-not-produced", "A DAG waits for an asset that no task produces, so it never starts."),
            Rule("asset-cycle", "DAGs start each other by their assets, without end."),
        ),
    )
]
