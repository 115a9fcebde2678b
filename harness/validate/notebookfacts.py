"""What a notebook reads, gives and calls, as far as its text says so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from harness.kernel.runline import Unsupported, run_arguments
from harness.kernel.source import Cell, NotNotebook, read
from harness.lake.sql.split import split
from harness.lake.sql.tokens import Kind, UnclosedToken, tokens
from harness.validate.cells import CellBroken, Lines, python
from harness.validate.sources import Position, dotted

HANDED_ON = frozenset({"dbutils", "dbutils.widgets", "dbutils.widgets.get", "dbutils.jobs", "dbutils.jobs.taskValues"})
MAKERS = frozenset({"text", "dropdown", "combobox", "multiselect"})
_WIDGET = re.compile(r"\s*CREATE\s+WIDGET\s+\w+\s+(`[^`]+`|\w+)", re.I)
# `${spark.…}` is a setting of Spark, and `$name` may be any text.
_VARIABLE = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_DOLLAR = re.compile(r"\$([A-Za-z_]\w*)")
_ARGUMENT = re.compile(r"\bgetArgument\(\s*['\"](\w+)['\"]", re.I)


@dataclass(frozen=True)
class Text:
    """An SQL text. ``exact``: it holds no part that is only known at run time; ``lines``: its lines are the file's."""

    text: str
    at: Position
    exact: bool = True
    lines: bool = True


@dataclass(frozen=True)
class Value:
    """A task value that is read: ``default`` tells whether there is one for when it was not set."""

    task: str
    key: str
    default: bool
    at: Position


@dataclass
class Facts:
    """What one notebook says, without what it includes. Names map to the place where they are first met."""

    path: Path
    problem: tuple[str, Position] | None = None
    broken: list[tuple[str, Position]] = field(default_factory=list)
    defines: dict[str, Position] = field(default_factory=dict)
    reads: dict[str, Position] = field(default_factory=dict)
    may_read: set[str] = field(default_factory=set)
    # Some widget, or task value, is named by what only the run knows.
    any_widget: bool = False
    any_value: bool = False
    includes: list[tuple[str, Mapping[str, str], Position]] = field(default_factory=list)
    calls: list[tuple[str, Position]] = field(default_factory=list)
    secrets: list[tuple[str, str, Position]] = field(default_factory=list)
    sets: set[str] = field(default_factory=set)
    gets: list[Value] = field(default_factory=list)
    sql: list[Text] = field(default_factory=list)
    trees: list[tuple[ast.Module, Cell]] = field(default_factory=list)
    lines: Lines | None = None


def facts(path: Path) -> Facts:
    """Read a notebook."""
    found = Facts(path)
    try:
        notebook = read(path)
        lines = Lines(notebook, path.read_text(encoding="utf-8-sig"))
    except (NotNotebook, OSError) as error:
        line = re.search(r"line (\d+)", str(error))
        message = str(error).replace(f"{path} is", "this is").removeprefix(f"{path}: ")
        found.problem = (message, Position(path, int(line[1]) if line else 1))
        return found
    found.lines = lines
    for cell in notebook.cells:
        if cell.language == "run":
            _include(found, cell, lines)
        elif cell.language == "python":
            _python(found, cell, lines)
        elif cell.language == "sql":
            _sql(found, cell, lines)
        elif cell.language in ("scala", "r"):
            found.any_widget = found.any_value = True
    return found


def _include(found: Facts, cell: Cell, lines: Lines) -> None:
    try:
        target, arguments = run_arguments(cell.text)
    except (Unsupported, ValueError) as error:
        found.broken.append((str(error), lines.at(cell)))
        return
    found.includes.append((target, arguments, lines.at(cell)))


def _python(found: Facts, cell: Cell, lines: Lines) -> None:
    try:
        tree = python(cell)
    except CellBroken as error:
        found.broken.append((f"cell {cell.number}: {error}", lines.at(cell, error.line)))
        return
    found.trees.append((tree, cell))
    parents = {id(child): node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            _call(found, node, lines.at(cell, node.lineno, node.col_offset + 1))
        # `dbutils`, or a part of it, handed on to what cannot be seen from here.
        name = dotted(node) if isinstance(node, (ast.Name, ast.Attribute)) else ""
        above = parents.get(id(node))
        called = isinstance(above, ast.Call) and above.func is node
        if name in HANDED_ON and not isinstance(above, ast.Attribute) and not called:
            found.any_widget = found.any_value = True
        if name in ("dbutils.widgets.getAll", "dbutils.notebook.entry_point"):
            found.any_widget = True


def _call(found: Facts, call: ast.Call, where: Position) -> None:
    name = dotted(call.func)
    group, _, verb = name.rpartition(".")
    if group == "dbutils.widgets" and verb in MAKERS:
        _note(found, found.defines, _text(call, 0, "name"), where)
    elif (group == "dbutils.widgets" and verb in ("get", "getArgument")) or name == "getArgument":
        widget = _text(call, 0, "name")
        if verb != "get" and (len(call.args) > 1 or call.keywords):
            _note(found, found.defines, widget, where)
        _note(found, found.reads, widget, where)
    elif name == "dbutils.notebook.run":
        path = _text(call, 0, "path")
        if path is not None:
            found.calls.append((path, where))
    elif name in ("dbutils.secrets.get", "dbutils.secrets.getBytes"):
        scope, key = _text(call, 0, "scope"), _text(call, 1, "key")
        if scope is not None and key is not None:
            found.secrets.append((scope, key, where))
    elif name == "dbutils.jobs.taskValues.set":
        key = _text(call, 0, "key")
        if key is None:
            found.any_value = True
        else:
            found.sets.add(key)
    elif name == "dbutils.jobs.taskValues.get":
        task, key = _text(call, 0, "taskKey"), _text(call, 1, "key")
        if task is not None and key is not None:
            default = len(call.args) > 2 or any(k.arg == "default" for k in call.keywords)
            found.gets.append(Value(task, key, default, where))


def _note(found: Facts, names: dict[str, Position], name: str | None, where: Position) -> None:
    if name is None:
        found.any_widget = True
    else:
        names.setdefault(name, where)


def _text(call: ast.Call, position: int, name: str) -> str | None:
    node = next((k.value for k in call.keywords if k.arg == name), None)
    if node is None and position < len(call.args):
        node = call.args[position]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _sql(found: Facts, cell: Cell, lines: Lines) -> None:
    """An SQL cell: its statements, and the widgets that they make and read."""
    for statement, line in statements(cell.text):
        where = lines.at(cell, line)
        if match := _WIDGET.match(statement):
            found.defines.setdefault(match[1].strip("`"), where)
            continue
        if re.match(r"\s*REMOVE\s+WIDGET\b", statement, re.I):
            continue
        found.sql.append(Text(statement, where, exact="$" not in statement))
        read = [*_VARIABLE.findall(statement), *markers(statement), *_ARGUMENT.findall(statement)]
        for name in read:
            found.reads.setdefault(name, where)
        found.may_read.update(_DOLLAR.findall(statement))


def statements(text: str) -> Iterator[tuple[str, int]]:
    """The statements of a text, each with the line of its first word, counted from 1. An unclosed text is one."""
    try:
        parts = split(text)
    except UnclosedToken:
        yield text, 1
        return
    position = 0
    for statement in parts:
        start = text.index(statement, position)
        position = start + len(statement)
        skipped = next(tokens(statement)).start
        yield statement[skipped:], 1 + text.count("\n", 0, start + skipped)


def markers(statement: str) -> Iterator[str]:
    """The names of ``:name`` parameters in a statement."""
    try:
        found = list(tokens(statement))
    except UnclosedToken:
        return
    for at, token in enumerate(found[:-1]):
        following = found[at + 1]
        joined = token.end == following.start and following.kind is Kind.WORD
        # `a:b` is a field of a JSON text, and `x::int` a cast, whose mark is another.
        apart = at == 0 or found[at - 1].end < token.start or found[at - 1].kind is Kind.MARK
        if token.is_mark(":") and joined and apart and not following.text[0].isdigit():
            yield following.text
