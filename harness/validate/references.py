"""Checks of what DAGs name and others define: connections, variables, pools, tasks to pull from."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from jinja2 import TemplateSyntaxError

from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.parsing import STAND_INS, names
from harness.validate.project import Project
from harness.validate.sources import Position, constant
from harness.validate.templates import pulled, references, templates

DEFAULT_POOL = "default_pool"
_IN_URL = re.compile(r"^\w+://([\w.-]+)@")
# Hooks whose first argument is the connection's id.
FIRST = {"S3Hook": "aws_conn_id", "DatabricksHook": "databricks_conn_id", "DatabricksSqlHook": "databricks_conn_id"}
_DECLARE = "in [tool.harness.validate], or in the environment as"


def defined(project: Project) -> Iterator[Finding]:
    """Connections, variables and pools that nothing defines."""
    connections = {*names(project.config.connections), *STAND_INS}
    variables = set(names(project.config.variables))
    reported = set()
    for kind, name, at in named(project):
        known = connections if kind == "CONN" else variables
        if name in known or f"AIRFLOW_{kind}_{name.upper()}" in project.declared or (kind, name, at.line) in reported:
            continue
        reported.add((kind, name, at.line))
        rule, word = ("connection-undefined", "connection") if kind == "CONN" else ("variable-undefined", "variable")
        hint = f"Declare it: `{word}s` {_DECLARE} AIRFLOW_{kind}_{name.upper()}."
        yield project.finding(rule, at, f"{word} {name!r} is not defined", hint)
    for _, task in project.tasks():
        if task.pool not in (DEFAULT_POOL, *project.config.pools):
            yield project.finding(
                "pool-undefined",
                project.where(task, "pool"),
                f"task {task.task_id!r}: pool {task.pool!r} is not defined",
                "Declare it: `pools` in [tool.harness.validate].",
            )


def named(project: Project) -> Iterator[tuple[str, str, Position]]:
    """Every connection (``CONN``) and variable without a default (``VAR``) that DAGs name, and where."""
    yield from _of_tasks(project)
    yield from _of_templates(project)
    yield from of_sources(project)


def _of_tasks(project: Project) -> Iterator[tuple[str, str, Position]]:
    for _, task in project.tasks():
        given: dict[str, Any] = dict(task.partial_kwargs) if task.is_mapped else vars(task)
        place = project.place(task)
        for field, value in sorted(given.items()):
            # An operator may keep one id under two names: the one that was written is the one to show.
            if field.endswith("conn_id") and not field.startswith("_") and isinstance(value, str) and value:
                same = [f for f, v in given.items() if f.endswith("conn_id") and v == value]
                shown = next((f for f in same if place and place.argument(f) != place.position), field)
                if "{" not in value:
                    yield "CONN", value, project.where(task, shown)


def _of_templates(project: Project) -> Iterator[tuple[str, str, Position]]:
    for template, environment in templates(project):
        if "{" not in template.text:
            continue
        try:
            tree = environment.parse(template.text)
        except TemplateSyntaxError:
            continue
        for owner, name, line in references(tree):
            if owner == "conn" and name != "get":
                yield "CONN", name, template.at(line)
            if owner == "var" and name != "get":
                yield "VAR", name, template.at(line)


def of_sources(project: Project) -> Iterator[tuple[str, str, Position]]:
    """Those that the text of the DAG files names: what they read while they are imported is among them."""
    for source in project.python:
        for name, call in source.calls():
            last = name.rpartition(".")[2]
            if last == "get_connection" or name.endswith("Connection.get"):
                node = constant(call, 0, "conn_id")
                if node is not None:
                    yield "CONN", str(node.value), source.at(node)
            if name.endswith("Variable.get") and len(call.args) < 2:
                node = constant(call, 0, "key")
                if node is not None and not any(k.arg in ("default", "default_var") for k in call.keywords):
                    yield "VAR", str(node.value), source.at(node)
            url = constant(call, 0, "path") if last == "ObjectStoragePath" else None
            if url is not None and (match := _IN_URL.match(str(url.value))):
                yield "CONN", match[1], source.at(url)
            # Hooks within tasks; operators are looked at as objects.
            first = constant(call, 0, "") if last in FIRST else None
            if first is not None and first.value:
                yield "CONN", str(first.value), source.at(first)
            if last.endswith("Hook"):
                for keyword in call.keywords:
                    if keyword.arg and keyword.arg.endswith("conn_id"):
                        node = constant(call, None, keyword.arg)
                        if node is not None and node.value:
                            yield "CONN", str(node.value), source.at(node)


def pulls(project: Project) -> Iterator[Finding]:
    """``xcom_pull`` from tasks that are not there."""
    for template, environment in templates(project):
        if "xcom_pull" not in template.text:
            continue
        try:
            tree = environment.parse(template.text)
        except TemplateSyntaxError:
            continue
        for name, line in pulled(tree):
            if name not in template.dag.task_dict:
                yield _unknown_task(project, template.at(line), name)
    known = {task_id for dag in project.made for task_id in dag.task_dict}
    for source in project.python if project.complete else ():
        for name, call in source.calls():
            if name.endswith(".xcom_pull") and not any(k.arg == "dag_id" for k in call.keywords):
                ids = next((k.value for k in call.keywords if k.arg == "task_ids"), None)
                for node in ids.elts if isinstance(ids, (ast.List, ast.Tuple)) else [ids]:
                    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in known:
                        yield _unknown_task(project, source.at(node), node.value)


def _unknown_task(project: Project, at: Position, name: str) -> Finding:
    return project.finding("task-unknown", at, f"an XCom is pulled from task {name!r}, which does not exist")


checks = [
    Check(
        defined,
        (
            Rule("connection-undefined", "A DAG uses a connection that nothing declares."),
            Rule("variable-undefined", "A DAG reads an Airflow variable that nothing declares, without a default."),
            Rule("pool-undefined", "A task wants a pool that nothing declares, so it never starts."),
        ),
    ),
    Check(pulls, (Rule("task-unknown", "An XCom is pulled from a task that does not exist: the value is `None`."),)),
]
