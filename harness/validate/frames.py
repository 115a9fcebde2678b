"""Which line of the project made an object: noted while DAG files are imported, since operators do not know it."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

from harness.validate.sources import Place, Source, Sources, dotted

HERE = Path(__file__).parent
# Folders within a project that hold other people's code.
FOREIGN = frozenset({"site-packages", "dist-packages", ".venv", "venv", ".tox", "node_modules", "__pycache__"})


class Recorder:
    """Notes the DAGs and tasks that are made while it is entered, each with its place."""

    def __init__(self, root: Path, sources: Sources) -> None:
        self.dags: list[Any] = []
        # (id of the task, field, index within a list) to the name of the file whose contents Airflow puts there.
        self.template_names: dict[tuple[int, str, tuple[str | int, ...]], str] = {}
        self._root = root
        self._sources = sources
        self._places: dict[int, tuple[Any, Place | None]] = {}
        self._own: dict[str, bool] = {}

    def place(self, made: Any) -> Place | None:
        """Where an object was made; ``None`` for one that the project did not make."""
        return self._places.get(id(made), (None, None))[1]

    def caller(self, made: Any = None) -> Place | None:
        """The innermost call within the project, leaving out the constructors of ``made`` itself."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self._is_own(frame.f_code.co_filename) and not _constructs(frame, made):
                return self._at(frame)
            frame = frame.f_back
        return None

    @contextlib.contextmanager
    def noting(self) -> Iterator[None]:
        """Note what is made from here on."""
        from airflow.sdk import DAG

        add_task, post_init = DAG.add_task, DAG.__attrs_post_init__

        def note_task(dag: Any, task: Any) -> None:
            self._places.setdefault(id(task), (task, self.caller(task)))
            add_task(dag, task)

        def note_dag(dag: Any) -> None:
            self.dags.append(dag)
            self._places[id(dag)] = (dag, _decorated(self.caller(dag)))
            post_init(dag)

        resolve = DAG.resolve_template_files

        def note_names(dag: Any) -> None:
            for task in dag.tasks:
                self._note_names(task)
            resolve(dag)

        with (
            patch.object(DAG, "add_task", note_task),
            patch.object(DAG, "__attrs_post_init__", note_dag),
            patch.object(DAG, "resolve_template_files", note_names),
        ):
            yield

    def _note_names(self, task: Any) -> None:
        endings = tuple(task.template_ext or ())
        for field in task.template_fields if endings and not task.is_mapped else ():
            value = getattr(task, field, None)
            for keys, text in [((), value)] if isinstance(value, str) else _indexed(value):
                if isinstance(text, str) and text.endswith(endings):
                    self.template_names[(id(task), field, keys)] = text

    def _is_own(self, filename: str) -> bool:
        if filename not in self._own:
            path = Path(filename)
            self._own[filename] = (
                path.is_relative_to(self._root)
                and not path.is_relative_to(HERE)
                and not FOREIGN.intersection(path.relative_to(self._root).parts)
            )
        return self._own[filename]

    def _at(self, frame: FrameType) -> Place:
        spot = next(islice(frame.f_code.co_positions(), frame.f_lasti // 2, None), (None, None, None, None))
        line, end_line, column, end_column = spot
        source = self._sources.get(Path(frame.f_code.co_filename))
        first = line or frame.f_lineno
        return Place(source, first, (column or 0) + 1, (end_line or first, end_column or 0))


def _constructs(frame: FrameType, made: Any) -> bool:
    return made is not None and frame.f_code.co_name == "__init__" and frame.f_locals.get("self") is made


def _indexed(value: Any) -> list[tuple[tuple[str | int, ...], Any]]:
    return [((at,), item) for at, item in enumerate(value)] if isinstance(value, list) else []


def _decorated(place: Place | None) -> Place | None:
    """The ``@dag(…)`` of a DAG that a call of a decorated function made: its arguments are there."""
    if place is None or place.call is None or not isinstance(place.call.func, ast.Name):
        return place
    function = next(
        (n for n in place.source.nodes if isinstance(n, ast.FunctionDef) and n.name == place.call.func.id), None
    )
    decorator = dag_decorator(function) if function is not None else None
    if decorator is None:
        return place
    end = (decorator.end_lineno or decorator.lineno, decorator.end_col_offset or 0)
    return Place(place.source, decorator.lineno, decorator.col_offset + 1, end)


def dag_decorator(function: ast.FunctionDef) -> ast.expr | None:
    """The ``@dag`` or ``@dag(…)`` above a function."""
    for decorator in function.decorator_list:
        name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if name == "dag" or name.endswith(".dag"):
            return decorator
    return None


def uncalled(source: Source) -> Iterator[ast.FunctionDef]:
    """Functions decorated with ``@dag`` at the top of a file whose name is used nowhere else in it."""
    used = {node.id for node in source.nodes if isinstance(node, ast.Name)}
    used |= {
        str(element.value)
        for node in source.nodes
        if isinstance(node, (ast.List, ast.Tuple))
        for element in node.elts
        if isinstance(element, ast.Constant)
    }
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name not in used and dag_decorator(node) is not None:
            yield node
