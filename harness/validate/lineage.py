"""Checks of tables: what is read is made in the project, before it is read, or declared as a source."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.notebooks import included, resolve, uses
from harness.validate.project import Project
from harness.validate.tables import Owner, Tables, gather

# Schemas and catalogs that are there without anybody's doing; and file formats, whose tables are paths.
GIVEN = frozenset({"information_schema", "system", "samples", "global_temp"})
FORMATS = frozenset({"delta", "parquet", "csv", "json", "orc", "text", "avro", "binaryfile", "iceberg", "live"})

Task = tuple[str, str]


def made(project: Project) -> Iterator[Finding]:
    """Tables that are read and that nothing makes, or only what comes after."""
    if not project.complete:
        return
    found = gather(project)
    makers = _Makers(found)
    runs = _runs(project)
    for owner, tables in found:
        for name, at in tables.read:
            parts = name.split(".")
            if len(parts) < 2 or GIVEN.intersection(parts[:-1]) or parts[0] in FORMATS:
                continue
            if any(fnmatchcase(name, pattern.lower()) for pattern in project.config.sources):
                continue
            by = makers.of(parts)
            if not by:
                yield project.finding(
                    "table-not-made",
                    at,
                    f"table {name} is read, and nothing in the project makes it",
                    "Mend the name; or declare it: `sources` in [tool.harness.validate].",
                )
            elif after := _after(project, runs, owner, by):
                yield project.finding(
                    "table-made-later",
                    at,
                    f"table {name} is read, and made only later, by task {after[1]!r} of DAG {after[0]!r}",
                    "Change the order; or declare it, if it is there before: `sources` in [tool.harness.validate].",
                )


class _Makers:
    """Who makes a table. Names that are written out are looked up by their last part."""

    def __init__(self, found: list[tuple[Owner, Tables]]) -> None:
        self._by_name: dict[str, list[tuple[Owner, list[str]]]] = {}
        self._patterns: list[tuple[Owner, list[str]]] = []
        for owner, tables in found:
            for name in tables.made:
                parts = name.split(".")
                if "*" in parts[-1]:
                    self._patterns.append((owner, parts))
                else:
                    self._by_name.setdefault(parts[-1], []).append((owner, parts))

    def of(self, name: list[str]) -> list[Owner]:
        known = [*self._by_name.get(name[-1], ()), *self._patterns]
        return [owner for owner, parts in known if _same(name, parts)]


def _runs(project: Project) -> dict[Path, set[Task]]:
    """Which tasks run a notebook, or one that includes it."""
    found: dict[Path, set[Task]] = {}
    for use in uses(project):
        path = resolve(project, use)
        task = use.task.airflow or str(use.job.task.task_id)
        for part, _ in included(project, project.notebook(path)) if path is not None else ():
            found.setdefault(part.path, set()).add((str(use.job.dag.dag_id), task))
    return found


def _after(project: Project, runs: dict[Path, set[Task]], reader: Owner, makers: list[Owner]) -> Task | None:
    """The first of the makers, if each of them is a task that runs after every task which reads."""
    readers = _tasks(runs, reader)
    making = [_tasks(runs, maker) for maker in makers]
    if not readers or not all(making):
        return None
    later = set.union(*making)
    dags = {str(dag.dag_id): dag for dag in project.dags}
    for dag_id, task_id in readers:
        below = dags[dag_id].get_task(task_id).get_flat_relative_ids(upstream=False)
        if any(maker_dag != dag_id or maker not in below for maker_dag, maker in later):
            return None
    return min(later)


def _tasks(runs: dict[Path, set[Task]], owner: Owner) -> set[Task]:
    """The tasks that an owner is, or is run by; none for what may run at any time."""
    if isinstance(owner, tuple):
        return {owner}
    return runs.get(owner, set()) if owner is not None else set()


def _same(name: list[str], known: list[str]) -> bool:
    """Whether a pattern fits, as far as both say: `a.t` may be `main.a.t`."""
    return all(fnmatchcase(a, b) for a, b in zip(reversed(name), reversed(known), strict=False))


checks = [
    Check(
        made,
        (
            Rule("table-not-made", "A table is read that nothing makes and that is no declared source."),
            Rule("table-made-later", "A table is read by a task before the only tasks that make it."),
        ),
    )
]
