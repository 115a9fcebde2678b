"""Files as text and syntax tree, and where in them a value was written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True)
class Position:
    """A place in a file, counted from 1."""

    path: Path
    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class Source:
    """A Python file."""

    path: Path
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree; an empty one when it does not parse, which the DAG parser reports."""
        try:
            return ast.parse(self.text)
        except (SyntaxError, ValueError):
            return ast.Module(body=[], type_ignores=[])

    @cached_property
    def nodes(self) -> list[ast.AST]:
        return list(ast.walk(self.tree))

    @cached_property
    def assigned(self) -> dict[str, ast.expr]:
        """The value of each name that is assigned exactly once in the file."""
        found: dict[str, list[ast.expr]] = {}
        for node in self.nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(node.value)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
                found.setdefault(node.target.id, []).append(node.value)
        return {name: values[0] for name, values in found.items() if len(values) == 1}

    def at(self, node: ast.AST) -> Position:
        """Where a node begins."""
        return Position(self.path, getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1)

    def call_at(self, line: int, column: int, end: tuple[int, int]) -> ast.Call | None:
        """The call that ends at a place (column counted from 0): where it begins differs between Pythons.

        What a context manager makes as it ends is made by the ``with`` statement, which begins and ends there.
        """
        for node in self.nodes:
            if isinstance(node, ast.With) and (node.lineno, node.col_offset + 1) == (line, column):
                made = node.items[-1].context_expr
                return made if isinstance(made, ast.Call) else None
        return next(
            (n for n in self.nodes if isinstance(n, ast.Call) and (n.end_lineno, n.end_col_offset) == end), None
        )

    def calls(self) -> Iterator[tuple[str, ast.Call]]:
        """Every call with the dotted name of what is called; ``""`` for what has none."""
        for node in self.nodes:
            if isinstance(node, ast.Call):
                yield dotted(node.func), node


@dataclass
class Sources:
    """The project's Python files, each read once."""

    _read: dict[Path, Source] = field(default_factory=dict)

    def get(self, path: Path) -> Source:
        if path not in self._read:
            try:
                text = path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError):
                text = ""
            self._read[path] = Source(path, text)
        return self._read[path]


@dataclass(frozen=True)
class Place:
    """The call that made an operator or a DAG. ``end``: line, and column from 0, where the call ends."""

    source: Source
    line: int
    column: int
    end: tuple[int, int]

    @property
    def position(self) -> Position:
        return Position(self.source.path, self.line, self.column)

    @cached_property
    def call(self) -> ast.Call | None:
        return self.source.call_at(self.line, self.column, self.end)

    def argument(self, name: str, *keys: str | int) -> Position:
        """Where an argument of the call was written, or the part of it at ``keys``: as near as can be seen."""
        node = self._node(name, *keys)
        return self.source.at(node) if node is not None else self.position

    def text(self, name: str, *keys: str | int) -> tuple[Position, bool]:
        """:meth:`argument`, and whether the text that is there has as many lines in the file as it has itself."""
        node = self._node(name, *keys)
        if node is None:
            return self.position, False
        node = self._resolved(node)
        lines = isinstance(node, ast.Constant) and isinstance(node.value, str)
        same = lines and node.value.count("\n") == (node.end_lineno or 0) - node.lineno  # type: ignore[attr-defined]
        return self.source.at(node), same

    def _node(self, name: str, *keys: str | int) -> ast.AST | None:
        node: ast.AST | None = self._value(name)
        if node is None:
            return None
        for key in keys:
            inner = _part(self._resolved(node), key)
            if inner is None:
                break
            node = inner
        return node

    def _value(self, name: str) -> ast.expr | None:
        call: ast.expr | None = self.call
        # The arguments of `Operator.partial(…).expand(…)` are in either call.
        while isinstance(call, ast.Call):
            for keyword in call.keywords:
                if keyword.arg == name:
                    return keyword.value
                if keyword.arg is None and (part := _part(self._resolved(keyword.value), name)) is not None:
                    return part
            call = call.func.value if isinstance(call.func, ast.Attribute) else None
        return None

    def _resolved(self, node: ast.AST) -> ast.AST:
        return self.source.assigned.get(node.id, node) if isinstance(node, ast.Name) else node


def _part(node: ast.AST, key: str | int) -> ast.expr | None:
    """The value at a key of a dict display or ``dict(…)``, at an index of a list; of a dict's key its own place."""
    if isinstance(node, ast.Dict):
        for name, value in zip(node.keys, node.values, strict=True):
            if isinstance(name, ast.Constant) and name.value == key:
                return value
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        return next((keyword.value for keyword in node.keywords if keyword.arg == key), None)
    if isinstance(node, (ast.List, ast.Tuple)) and isinstance(key, int) and key < len(node.elts):
        return node.elts[key]
    return None


def dotted(node: ast.AST) -> str:
    """``a.b.c`` of a name or an attribute of one; ``""`` for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (before := dotted(node.value)):
        return f"{before}.{node.attr}"
    return ""


def constant(call: ast.Call, position: int | None, name: str) -> ast.Constant | None:
    """An argument that is written as a string, by position or by name."""
    node: ast.expr | None = next((k.value for k in call.keywords if k.arg == name), None)
    if node is None and position is not None and position < len(call.args):
        node = call.args[position]
    return node if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
