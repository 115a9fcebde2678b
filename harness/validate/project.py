"""A project under validation: what its files hold, read once and shared by all checks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.dagrun.connections import Endpoints
from harness.lake.paths import SOURCE_MARKS, WorkspacePaths
from harness.settings import Settings
from harness.validate.config import Config
from harness.validate.finding import Finding
from harness.validate.frames import FOREIGN, Recorder
from harness.validate.notebookfacts import Facts, facts
from harness.validate.parsing import DagFile, parse
from harness.validate.sources import Place, Position, Source, Sources


@dataclass
class Project:
    """A project's settings and its files. ``declared``: names of environment variables that production is known by;
    ``endpoints``: a stack whose Spark may be asked."""

    settings: Settings
    config: Config
    declared: frozenset[str] = frozenset()
    endpoints: Endpoints | None = None
    sources: Sources = field(default_factory=Sources)
    _facts: dict[Path, Facts] = field(default_factory=dict)
    _environments: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def root(self) -> Path:
        return self.settings.project.resolve()

    @cached_property
    def dags_folder(self) -> Path:
        return self.settings.path(self.settings.dags).resolve()

    @cached_property
    def paths(self) -> WorkspacePaths:
        """Where workspace paths rest: the harness's own mounts."""
        return WorkspacePaths({prefix: self.settings.path(at).resolve() for prefix, at in self.settings.mounts.items()})

    @cached_property
    def _parsed(self) -> tuple[list[DagFile], Recorder]:
        return parse(self.root, self.dags_folder, self.config, self.sources)

    @property
    def files(self) -> list[DagFile]:
        """The DAG files, imported."""
        return self._parsed[0]

    @property
    def made(self) -> list[Any]:
        """Every DAG object that was made, taken by Airflow or not."""
        return self._parsed[1].dags

    @cached_property
    def dags(self) -> list[Any]:
        """The DAGs that Airflow took."""
        return [dag for file in self.files for dag in sorted(file.dags, key=lambda dag: str(dag.dag_id))]

    @property
    def complete(self) -> bool:
        """Whether every DAG is known: else what one of them does not have, a broken file may."""
        return not any(file.error for file in self.files)

    def tasks(self) -> Iterator[tuple[Any, Any]]:
        """Every DAG and task."""
        for dag in self.dags:
            for task in dag.tasks:
                yield dag, task

    def place(self, made: Any) -> Place | None:
        """The call that made a task or a DAG."""
        return self._parsed[1].place(made)

    def where(self, made: Any, argument: str = "", *keys: str | int) -> Position:
        """Where a task or DAG, or one of its arguments, was written."""
        place = self.place(made)
        if place is None:
            dag = made if hasattr(made, "fileloc") else made.dag
            return Position(Path(dag.fileloc))
        return place.argument(argument, *keys) if argument else place.position

    def text_at(self, made: Any, argument: str, *keys: str | int) -> tuple[Position, bool]:
        """Where a text was written, and whether its lines are lines of the file."""
        place = self.place(made)
        if place is None:
            return self.where(made), False
        return place.text(argument, *keys)

    def written(self, task: Any, field: str, keys: tuple[str | int, ...]) -> str | None:
        """What a template field said before Airflow put the contents of the file there that it names."""
        return self._parsed[1].template_names.get((id(task), field, keys))

    def environment(self, dag: Any) -> Any:
        """What renders a DAG's templates."""
        if dag.dag_id not in self._environments:
            self._environments[dag.dag_id] = dag.get_template_env()
        return self._environments[dag.dag_id]

    def template_files(self, task: Any) -> list[str]:
        """The names of the template files of a task."""
        return [name for (made, _, _), name in self._parsed[1].template_names.items() if made == id(task)]

    def finding(self, rule: str, at: Position, message: str, hint: str = "") -> Finding:
        """A finding, with its path as the project names it."""
        path = at.path.resolve()
        shown = path.relative_to(self.root) if path.is_relative_to(self.root) else path
        return Finding(shown.as_posix(), at.line, at.column, rule, message, hint)

    @cached_property
    def python(self) -> list[Source]:
        """The Python files of the DAGs folder, its helper modules included."""
        return [self.sources.get(path) for path in self.below(self.dags_folder, ".py")]

    @cached_property
    def notebooks(self) -> list[Facts]:
        """What each notebook says that is seen in the workspace: marked source files and ``.ipynb``."""
        found: dict[Path, None] = {}
        for folder in self.paths.roots.values():
            for path in self.below(folder, ".py", ".sql", ".ipynb"):
                if path.suffix == ".ipynb" or _is_marked(path):
                    found[path.resolve()] = None
        return [self.notebook(path) for path in found]

    def notebook(self, path: Path) -> Facts:
        """What the notebook at a path says, read once."""
        path = path.resolve()
        if path not in self._facts:
            self._facts[path] = facts(path)
        return self._facts[path]

    def below(self, folder: Path, *suffixes: str) -> list[Path]:
        """The files under a folder with one of some suffixes, without other people's and hidden ones."""
        found: list[Path] = []
        for at, folders, files in os.walk(folder):
            folders[:] = sorted(name for name in folders if name not in FOREIGN and not name.startswith("."))
            found += [Path(at, name) for name in sorted(files) if name.endswith(suffixes)]
        return found


def _is_marked(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8-sig") as lines:
            return lines.readline().rstrip() in SOURCE_MARKS
    except (OSError, UnicodeDecodeError):
        return False
