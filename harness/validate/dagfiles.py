"""Checks of DAG files as such: they import, quickly and without the network, and their DAGs are whole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.frames import uncalled
from harness.validate.parsing import DagFile
from harness.validate.project import Project
from harness.validate.sources import Position

_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)', re.M)
_CYCLE = re.compile(r"Cycle detected in Dag: (?P<dag>\S+)\. Faulty task: (?P<task>\S+)", re.I)
_DUPLICATE = re.compile(r"Ignoring Dag (?P<dag>\S+) from \S+ - also found in (?P<other>\S+)", re.I)


def imports(project: Project) -> Iterator[Finding]:
    """Files that do not import, each for the reason that Airflow gives."""
    for file in project.files:
        if file.network:
            yield from _network(project, file)
        elif file.error:
            yield _error(project, file)
        if file.seconds > project.config.import_seconds:
            yield project.finding(
                "dag-import-time",
                Position(file.path),
                f"importing takes {file.seconds:.1f} s, more than {project.config.import_seconds:g} s",
                "Move work out of the top level into tasks: the DAG processor imports the file every 30 seconds.",
            )


def _network(project: Project, file: DagFile) -> Iterator[Finding]:
    attempt = file.network[0]
    yield project.finding(
        "network-at-import",
        attempt.place.position if attempt.place else Position(file.path),
        f"the file connects to {attempt.host} while it is imported",
        "Do it in a task: the file is imported every 30 seconds, and before every try of a task.",
    )


def _error(project: Project, file: DagFile) -> Finding:
    last = file.error.strip().splitlines()[-1]
    if match := _CYCLE.search(file.error):
        dag = next((d for d in project.made if d.dag_id == match["dag"]), None)
        task = dag.task_dict.get(match["task"]) if dag is not None else None
        at = project.where(task) if task is not None else Position(file.path)
        return project.finding("task-cycle", at, f"task {match['task']!r} of DAG {match['dag']!r} depends on itself")
    if match := _DUPLICATE.search(file.error):
        dag = next((d for d in project.made if d.dag_id == match["dag"] and Path(d.fileloc) == file.path), None)
        at = project.where(dag) if dag is not None else Position(file.path)
        other = Path(match["other"])
        shown = other.relative_to(project.root) if other.is_relative_to(project.root) else other
        return project.finding("dag-id-duplicate", at, f"DAG id {match['dag']!r} is also used in {shown}")
    if "Timetable" in last or "cron" in last.lower():
        dag = next((d for d in project.made if Path(d.fileloc or "") == file.path and _unschedulable(d)), None)
        at = project.where(dag, "schedule") if dag is not None else _raised_at(project, file)
        return project.finding("dag-schedule", at, last.partition(": ")[2] or last)
    return project.finding("dag-import", _raised_at(project, file), last)


def _unschedulable(dag: object) -> bool:
    try:
        dag.timetable.validate()  # type: ignore[attr-defined]
    except Exception:
        return True
    return False


def _raised_at(project: Project, file: DagFile) -> Position:
    """The innermost line of the project in a traceback, or that of a syntax error."""
    own = [
        Position(Path(path), int(line))
        for path, line in _FRAME.findall(file.error)
        if Path(path).is_relative_to(project.dags_folder) or Path(path) == file.path
    ]
    return own[-1] if own else Position(file.path)


def identities(project: Project) -> Iterator[Finding]:
    """DAGs of one file under one id, of which Airflow silently keeps the last; and DAGs that are never made."""
    first: dict[tuple[str, str], object] = {}
    for dag in project.made:
        key = (dag.dag_id, str(dag.fileloc))
        if first.setdefault(key, dag) is not dag:
            line = project.where(first[key]).line
            yield project.finding(
                "dag-id-duplicate", project.where(dag), f"DAG id {dag.dag_id!r} is also used in line {line}"
            )
    imported = {
        alias.name
        for source in project.python
        for node in source.nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for file in project.files:
        if file.error:
            continue
        source = project.sources.get(file.path)
        for function in uncalled(source):
            if function.name in imported:
                continue  # made elsewhere
            yield project.finding(
                "dag-not-called",
                Position(file.path, function.lineno, function.col_offset + 1),
                f"@dag function {function.name!r} is never called, so there is no such DAG",
                f"Add `{function.name}()` at the end of the file.",
            )


checks = [
    Check(
        imports,
        (
            Rule("dag-import", "A DAG file does not import, so none of its DAGs exists."),
            Rule("dag-import-time", "A DAG file takes longer to import than `import-seconds` allows."),
            Rule("network-at-import", "A DAG file opens a connection while it is imported; here that is refused."),
            Rule("task-cycle", "Tasks of a DAG depend on each other in a circle."),
            Rule("dag-schedule", "A DAG's schedule is not one: a cron expression that does not parse."),
        ),
    ),
    Check(
        identities,
        (
            Rule("dag-id-duplicate", "Two DAGs have one id; Airflow keeps one of them."),
            Rule("dag-not-called", "A function is decorated with `@dag` and never called, so its DAG does not exist."),
        ),
    ),
]
