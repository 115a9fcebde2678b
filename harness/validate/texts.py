"""SQL texts of a project, each with its place: of operators, notebooks and files. What only a run knows is a hole."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.validate.notebookfacts import Facts, statements
from harness.validate.project import Project
from harness.validate.sources import Position, dotted
from harness.validate.templates import Template, of_task

# Stands for a part that is not known before the run: no text of a project has it.
HOLE = "\ue000"
FIELDS = frozenset({"sql", "statement", "_sql"})
_VALUE = re.compile(r"\{\{(.*?)\}\}", re.S)
_PARAM = re.compile(r"\s*params\.(\w+)\s*")
_COMMENT = re.compile(r"\{#.*?#\}", re.S)
_BOUND = re.compile(r"%\(\w+\)s")
# `spark.sql("… {frame} …", frame=frame)`.
_FRAME = re.compile(r"\{\w*\}")
_WIDGET = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True)
class Statement:
    """One statement. ``at``: where it begins; ``lines``: whether its lines are lines of the file."""

    text: str
    at: Position
    lines: bool = True

    def line(self, number: int) -> Position:
        """Where a line of it is, counted from 1."""
        return Position(self.at.path, self.at.line + number - 1) if self.lines and number > 1 else self.at


def of_operator(project: Project, task: Any) -> Iterator[Statement]:
    """The statements of a Databricks operator or sensor."""
    for template, _ in of_task(project, task):
        if template.field in FIELDS:
            text = known(template)
            if text is not None and not text.endswith(tuple(task.template_ext or ())):
                for statement, line in statements(text):
                    yield Statement(statement, template.at(line), template.lines)


def is_databricks(task: Any) -> bool:
    """Whether Databricks gets what an operator sends."""
    kind = task.operator_class if task.is_mapped else type(task)
    return any(c.__module__.startswith("airflow.providers.databricks.") for c in getattr(kind, "__mro__", ()))


def known(template: Template) -> str | None:
    """A template with the params that are known put in; ``None`` for one with loops or conditions."""
    if "{%" in template.text:
        return None
    params = {**template.dag.params, **(template.task.params if not template.task.is_mapped else {})}

    def value(match: re.Match[str]) -> str:
        name = _PARAM.fullmatch(match[1])
        given = params.get(name[1]) if name else None
        return str(given) if isinstance(given, (str, int, float)) else HOLE + "\n" * match[0].count("\n")

    text = _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), template.text)
    return _BOUND.sub(HOLE, _VALUE.sub(value, text))


def of_notebook(notebook: Facts) -> Iterator[Statement]:
    """The statements of a notebook: its SQL cells, and what its Python gives to ``spark.sql``."""
    for cell_text in notebook.sql:
        yield Statement(_WIDGET.sub(HOLE, cell_text.text), cell_text.at)
    names = Names(tree for tree, _ in notebook.trees)
    assert notebook.lines is not None or not notebook.trees
    for tree, cell in notebook.trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and dotted(node.func) in ("spark.sql", "sql", "self.spark.sql") and node.args:
                text, lines = names.text(node.args[0])
                text = _FRAME.sub(HOLE, text) if text is not None else None
                if text is not None and notebook.lines is not None:
                    at = notebook.lines.at(cell, node.args[0].lineno, node.args[0].col_offset + 1)
                    whole = lines and notebook.path.suffix != ".ipynb"
                    for statement, line in statements(text):
                        yield Statement(statement, Position(at.path, at.line + line - 1) if whole else at, whole)


def of_files(project: Project) -> Iterator[Statement]:
    """The statements of SQL files in the workspace that are no notebooks, dbt's projects left out."""
    notebooks = {notebook.path for notebook in project.notebooks}
    for folder in project.paths.roots.values():
        for path in project.below(folder, ".sql"):
            if path.resolve() in notebooks or any((up / "dbt_project.yml").exists() for up in path.parents):
                continue
            try:
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError):
                continue
            if "{%" not in text:
                text = _VALUE.sub(lambda match: HOLE + "\n" * match[0].count("\n"), text)
                for statement, line in statements(text):
                    yield Statement(statement, Position(path, line))


class Names:
    """What names stand for in some Python, as far as each is assigned once."""

    def __init__(self, trees: Iterator[ast.Module]) -> None:
        found: dict[str, list[ast.expr]] = {}
        for tree in trees:
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign):
                    for target in node.targets:
                        if isinstance(target, ast.Name):
                            found.setdefault(target.id, []).append(node.value)
                elif isinstance(node, (ast.For, ast.AugAssign)) and isinstance(node.target, ast.Name):
                    found.setdefault(node.target.id, []).extend([node.target, node.target])
                elif isinstance(node, ast.arg):
                    found.setdefault(node.arg, []).extend([ast.Constant(0), ast.Constant(0)])
        self._values: Mapping[str, ast.expr] = {name: v[0] for name, v in found.items() if len(v) == 1}

    def text(self, node: ast.expr, depth: int = 5) -> tuple[str | None, bool]:
        """A text with holes, and whether its lines are those of the file; ``None`` for what is no text at all."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value, node.value.count("\n") == (node.end_lineno or 0) - node.lineno
        if isinstance(node, ast.JoinedStr):
            parts = []
            for part in node.values:
                inner = part.value if isinstance(part, ast.FormattedValue) else part
                parts.append(self.text(inner, depth)[0] or HOLE)
            text = "".join(parts)
            return text, text.count("\n") == (node.end_lineno or 0) - node.lineno
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.text(node.left, depth)[0], self.text(node.right, depth)[0]
            return ((left or HOLE) + (right or HOLE), False) if left or right else (None, False)
        if isinstance(node, ast.Name) and depth and node.id in self._values:
            return self.text(self._values[node.id], depth - 1)[0], False
        return None, False


def python_modules(project: Project) -> Iterator[tuple[Path, ast.Module]]:
    """The Python of a project that is neither a notebook nor a DAG file's task: helpers beside both."""
    notebooks = {notebook.path for notebook in project.notebooks}
    folders = [project.dags_folder, *project.paths.roots.values()]
    for path in {path.resolve(): None for folder in folders for path in project.below(folder, ".py")}:
        if path not in notebooks:
            yield path, project.sources.get(path).tree
