"""Which tables a project makes and reads, as far as its text says so.

A name counts as read only where it is written out. A name that a run puts together may make any table of that pattern,
and text that cannot be followed any table at all (``*``).
"""

from __future__ import annotations

import ast
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.validate.jobs import RUN_NOW, jobs
from harness.validate.notebookfacts import Facts
from harness.validate.notebooks import resolve, uses
from harness.validate.project import Project
from harness.validate.sources import Position, dotted
from harness.validate.texts import (
    HOLE,
    Names,
    Statement,
    is_databricks,
    of_files,
    of_notebook,
    of_operator,
    python_modules,
)

WRITERS = frozenset(
    {"saveAsTable", "insertInto", "writeTo", "toTable", "tableName", "createTable", "createExternalTable"}
)
# Kinds of task whose code is not in the project.
ELSEWHERE = ("spark_jar_task", "python_wheel_task", "dbt_task", "pipeline_task")
READERS = frozenset({"spark.table", "spark.read.table", "spark.readStream.table", "table", "DeltaTable.forName"})
_MAKES = re.compile(
    r"^\s*(?:CREATE\s+(?:OR\s+(?:REPLACE|REFRESH)\s+)?(?:\w+\s+)*?(?:TABLE|VIEW)|COPY\s+INTO|INSERT\s+(?:INTO|OVERWRITE)(?:\s+TABLE)?"
    r"|MERGE\s+(?:WITH\s+SCHEMA\s+EVOLUTION\s+)?INTO|ALTER\s+(?:TABLE|VIEW)\s+\S+\s+RENAME\s+TO)\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    rf"(?P<name>[\w.`{HOLE}-]+|IDENTIFIER\s*\()",
    re.I,
)


# A task (DAG and task id), a notebook, or what is neither.
Owner = tuple[str, str] | Path | None


@dataclass
class Tables:
    """What a project makes (patterns), and what it reads by name."""

    made: set[str] = field(default_factory=set)
    read: list[tuple[str, Position]] = field(default_factory=list)


def gather(project: Project) -> list[tuple[Owner, Tables]]:
    """The tables of everything that makes or reads some: a task, a notebook, or other code."""
    found: list[tuple[Owner, Tables]] = []
    for dag, task in project.tasks():
        of_task(project, tables := Tables(), task)
        found.append(((str(dag.dag_id), str(task.task_id)), tables))
    for notebook in project.notebooks:
        of_notebook_file(tables := Tables(), notebook)
        found.append((notebook.path, tables))
    others = Tables()
    found.append((None, others))
    for statement in of_files(project):
        _statement(others, statement)
    by_operators = {name for owner, tables in found if isinstance(owner, tuple) for name in tables.made}
    dag_files = {file.path.resolve() for file in project.files}
    for path, tree in python_modules(project):
        names = Names(iter([tree]))
        texts = Tables()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _writer(others, node, names)
            # A text may become a statement anywhere; in a DAG file it mostly has become an operator's.
            if isinstance(node, (ast.Constant, ast.JoinedStr)) and (text := names.text(node)[0]):
                _makes(texts, text)
        others.made |= texts.made - by_operators if path in dag_files else texts.made
    if _elsewhere(project):
        others.made.add("*")
    return found


def _elsewhere(project: Project) -> bool:
    """Whether some code that runs is not to be seen, so that it may make any table."""
    if any(project.below(project.root, "dbt_project.yml")):
        return True
    if any(task.is_mapped and is_databricks(task) for _, task in project.tasks()):
        return True
    seen = {(id(use.job.task), use.task.key) for use in uses(project) if resolve(project, use) is not None}
    for job in jobs(project):
        if job.kind == RUN_NOW or not job.complete:
            return True
        for task in job.tasks:
            if any(kind in task.spec for kind in ELSEWHERE):
                return True
            script = task.spec.get("spark_python_task")
            if isinstance(script, Mapping) and not str(script.get("python_file", "")).startswith("/Workspace/"):
                return True
            if "notebook_task" in task.spec and (id(job.task), task.key) not in seen:
                return True
    return False


def of_notebook_file(found: Tables, notebook: Facts) -> None:
    """What a notebook makes and reads, without what it includes."""
    for statement in of_notebook(notebook):
        _statement(found, statement)
    _calls(found, notebook)


def of_task(project: Project, found: Tables, task: Any) -> None:
    """What a Databricks operator makes and reads by its own statements."""
    if not is_databricks(task):
        return
    for statement in of_operator(project, task):
        _statement(found, statement)
    given = task.partial_kwargs if task.is_mapped else vars(task)
    name = given.get("table_name") or given.get("_table_name")
    if name is not None or "COPY" in str(task.task_type).upper():
        found.made.add(_pattern(name) if isinstance(name, str) and "{{" not in name else "*")
    # Statements that come from another task, or from a condition, may make any table.
    for name in ("sql", "statement"):
        value = given.get(name, "")
        for text in value if isinstance(value, list) else [value]:
            if not isinstance(text, str) or "{%" in text or (task.is_mapped and name not in given):
                found.made.add("*")


def _statement(found: Tables, statement: Statement) -> None:
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    target = _makes(found, statement.text)
    if HOLE in statement.text:
        return
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        trees = [tree for tree in sqlglot.parse(statement.text, dialect="databricks") if tree is not None]
    except SqlglotError:
        return
    for tree in trees:
        if isinstance(tree, exp.Command):
            continue
        local = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
        for table in tree.find_all(exp.Table):
            parts = [part.name.lower() for part in table.parts]
            name = ".".join(parts)
            at = statement.line(1)
            if isinstance(table.this, exp.Identifier) and name != target and name not in local:
                found.read.append((name, at))


def _makes(found: Tables, text: str) -> str:
    """Note what a statement makes. Returns: its name."""
    match = _MAKES.match(text)
    if match is None:
        return ""
    name = _pattern(match["name"])
    found.made.add("*" if "(" in name else name)
    return name


def _pattern(name: str) -> str:
    return name.replace("`", "").replace(HOLE, "*").lower()


def _calls(found: Tables, notebook: Facts) -> None:
    names = Names(tree for tree, _ in notebook.trees)
    for tree, cell in notebook.trees:
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            _writer(found, node, names)
            name = dotted(node.func)
            if name in READERS or name.endswith(".DeltaTable.forName"):
                at = 1 if name.endswith("forName") else 0
                text = names.text(node.args[at])[0] if len(node.args) > at else None
                if text and HOLE not in text and notebook.lines is not None:
                    found.read.append((_pattern(text), notebook.lines.at(cell, node.lineno, node.col_offset + 1)))


def _writer(found: Tables, call: ast.Call, names: Names) -> None:
    if isinstance(call.func, ast.Attribute) and call.func.attr in WRITERS:
        value = (
            call.args[0]
            if call.args
            else next((k.value for k in call.keywords if k.arg in ("name", "tableName")), None)
        )
        text = names.text(value)[0] if value is not None else None
        found.made.add(_pattern(text) if text else "*")
