"""Checks of Jinja templates: of operators' fields, and of the files that they name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateSyntaxError, meta, nodes

from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.project import Project
from harness.validate.sources import Position

# What dbt's and the kernel's own templates are is none of Airflow's business.
ACCESSORS = ("value", "json")


@dataclass(frozen=True)
class Template:
    """One template of a task. ``start``: where its first line is; ``lines``: whether its lines are the file's."""

    dag: Any
    task: Any
    field: str
    text: str
    start: Position
    lines: bool
    tree: nodes.Template | None = None

    def at(self, line: int) -> Position:
        """Where a line of the template is, counted from 1."""
        if not self.lines or line == 1:
            return self.start
        return Position(self.start.path, self.start.line + line - 1)


def templates(project: Project) -> Iterator[tuple[Template, Environment]]:
    """Every text of a task's template fields, with the environment that renders it."""
    for _, task in project.tasks():
        yield from of_task(project, task)


def of_task(project: Project, task: Any) -> Iterator[tuple[Template, Environment]]:
    """The texts of one task's template fields."""
    dag = task.dag
    environment = project.environment(dag)
    for field in task.template_fields:
        value = getattr(task, field, None) if not task.is_mapped else task.partial_kwargs.get(field)
        for keys, text in _texts(value):
            yield _template(project, dag, task, field, keys, text), environment


def _template(project: Project, dag: Any, task: Any, field: str, keys: tuple[str | int, ...], text: str) -> Template:
    name = project.written(task, field, keys)
    if name is not None and name != text:
        file = _file(project.environment(dag), name)
        if file is not None:
            return Template(dag, task, field, text, Position(file), lines=True)
    position, lines = project.text_at(task, field, *keys)
    return Template(dag, task, field, text, position, lines)


def _file(environment: Environment, name: str) -> Path | None:
    folders = list(getattr(environment.loader, "searchpath", ()))
    return next((path for folder in folders if (path := Path(folder, name)).is_file()), None)


def _texts(value: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield keys, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*keys, key))
    elif isinstance(value, (list, tuple)):
        for at, inner in enumerate(value):
            yield from _texts(inner, (*keys, at))


@cache
def _context() -> frozenset[str]:
    """The names that a task's context has."""
    from airflow.sdk import Context

    return frozenset(Context.__annotations__)


def rendered(project: Project) -> Iterator[Finding]:
    """Templates that are not there, do not parse, or name what is not defined."""
    for template, environment in templates(project):
        task, text = template.task, template.text
        if text.endswith(tuple(task.template_ext or ())) and "\n" not in text:
            yield project.finding(
                "template-missing",
                template.start,
                f"task {task.task_id!r}: there is no template file {text!r}",
                "A text that ends so is the name of a file, relative to the DAG file; end a command with a space.",
            )
            continue
        if "{" not in text:
            continue
        try:
            tree = environment.parse(text)
        except TemplateSyntaxError as error:
            at = template.at(error.lineno)
            yield project.finding("template-syntax", at, f"task {task.task_id!r}: {error.message}")
            continue
        yield from _names(project, template, environment, tree)


def _names(project: Project, template: Template, environment: Environment, tree: nodes.Template) -> Iterator[Finding]:
    undeclared = meta.find_undeclared_variables(tree) - _context() - set(environment.globals)
    seen: set[str] = set()
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name in undeclared and name.name not in seen:
            seen.add(name.name)
            yield project.finding(
                "template-name",
                template.at(name.lineno),
                f"task {template.task.task_id!r}: {name.name!r} is not defined in a template",
            )
    for owner, name, line in references(tree):
        at = template.at(line)
        if owner == "params" and not _given(template, name):
            yield project.finding("template-param", at, f"task {template.task.task_id!r}: there is no param {name!r}")
        if owner == "macros" and not _is_macro(name):
            yield project.finding("template-name", at, f"task {template.task.task_id!r}: there is no macro {name!r}")


def _given(template: Template, name: str) -> bool:
    # A run by hand may bring any param in its conf.
    if template.dag.schedule is None or hasattr(dict, name):
        return True
    own = template.task.partial_kwargs.get("params") if template.task.is_mapped else template.task.params
    return name in template.dag.params or name in (own or {})


def _is_macro(name: str) -> bool:
    from airflow.sdk.execution_time import macros
    from airflow.sdk.plugins_manager import integrate_macros_plugins

    integrate_macros_plugins()
    return hasattr(macros, name)


def references(tree: nodes.Template) -> Iterator[tuple[str, str, int]]:
    """``params.x``, ``macros.x``, ``conn.x``, ``var.value.x`` in a template: owner, name, line."""
    for node in tree.find_all((nodes.Getattr, nodes.Getitem)):
        owner = node.node
        if isinstance(node, nodes.Getattr):
            name = node.attr
        elif isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
            name = node.arg.value
        else:
            continue
        if isinstance(owner, nodes.Name) and owner.name in ("params", "macros", "conn"):
            yield owner.name, name, node.lineno
        if isinstance(owner, nodes.Getattr) and isinstance(owner.node, nodes.Name) and owner.node.name == "var":
            yield "var", name, node.lineno


def pulled(tree: nodes.Template) -> Iterator[tuple[str, int]]:
    """The task ids that ``ti.xcom_pull(task_ids=…)`` names in a template, of this DAG."""
    for call in tree.find_all(nodes.Call):
        if not (isinstance(call.node, nodes.Getattr) and call.node.attr == "xcom_pull"):
            continue
        given = {keyword.key: keyword.value for keyword in call.kwargs}
        ids = given.get("task_ids", call.args[0] if call.args else None)
        if ids is None or "dag_id" in given or len(call.args) > 1:
            continue
        for item in ids.items if isinstance(ids, (nodes.List, nodes.Tuple)) else [ids]:
            if isinstance(item, nodes.Const) and isinstance(item.value, str):
                yield item.value, call.lineno


checks = [
    Check(
        rendered,
        (
            Rule("template-missing", "A field names a template file that does not exist."),
            Rule("template-syntax", "A template is not Jinja."),
            Rule("template-name", "A template names what neither the task's context nor the DAG's macros define."),
            Rule("template-param", "A template of a scheduled DAG names a param that neither DAG nor task has."),
        ),
    )
]
