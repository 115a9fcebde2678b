"""What a change touches: DAGs, notebooks and tables, and the tests that speak of them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from harness.validate.config import ConfigInvalid
from harness.validate.notebooks import included, resolve, uses
from harness.validate.project import Project
from harness.validate.tables import Tables, of_notebook_file, of_task


@dataclass
class Touched:
    """Names in their order. ``files``: those that changed; ``tests``: as pytest names them."""

    files: list[str] = field(default_factory=list)
    dags: list[str] = field(default_factory=list)
    notebooks: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    tests: list[str] = field(default_factory=list)

    def document(self) -> dict[str, list[str]]:
        """The names as JSON has them."""
        return {name: list(getattr(self, name)) for name in ("files", "dags", "notebooks", "tables", "tests")}

    def __str__(self) -> str:
        lines = []
        for name, values in self.document().items():
            lines.append(f"{name}: {len(values)}")
            lines += [f"  {value}" for value in values]
        return "\n".join(lines)


def touched(project: Project, revision: str) -> Touched:
    """What the changes since a revision touch, those that are not committed included.

    Raises: ``ConfigInvalid`` when git does not know the revision, or the project is not in git.
    """
    changed = _changed(project.root, revision)
    notebooks = _notebooks(project, changed)
    dags = _dags(project, changed, notebooks)
    found = Touched(
        files=sorted(_shown(project, path) for path in changed),
        dags=sorted(dags),
        notebooks=sorted(_shown(project, path) for path in notebooks),
    )
    tables = Tables()
    for path in notebooks:
        if path.exists():
            of_notebook_file(tables, project.notebook(path))
    for dag, task in project.tasks():
        if dag.dag_id in dags:
            of_task(project, tables, task)
    names = {*tables.made, *(name for name, _ in tables.read if "." in name)}
    found.tables = sorted(name for name in names if name != "*")
    found.tests = sorted(_tests(project, changed, dags, notebooks, found.tables))
    return found


def _changed(root: Path, revision: str) -> set[Path]:
    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigInvalid(f"git {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    # A revision that looks like an option would be one.
    commit = git("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}").strip()
    names = git("diff", "--name-only", "--relative", "-z", commit, "--") + git(
        "ls-files", "--others", "--exclude-standard", "-z"
    )
    return {(root / name).resolve() for name in names.split("\0") if name}


def _notebooks(project: Project, changed: set[Path]) -> set[Path]:
    """Notebooks that changed, or that include one that did."""
    return {
        notebook.path
        for notebook in project.notebooks
        if any(part.path in changed for part, _ in included(project, notebook))
    }


def _dags(project: Project, changed: set[Path], notebooks: set[Path]) -> set[str]:
    """DAGs whose file changed, or a module, a template, a notebook or a script that they use."""
    found = set()
    for dag in project.dags:
        file = Path(dag.fileloc).resolve()
        if not changed.isdisjoint({file, *_imported(project, file, set())}):
            found.add(dag.dag_id)
    for dag, task in project.tasks():
        if any((Path(dag.fileloc).parent / name).resolve() in changed for name in project.template_files(task)):
            found.add(dag.dag_id)
    for use in uses(project):
        path = resolve(project, use)
        if path is not None and path.resolve() in notebooks:
            found.add(use.job.dag.dag_id)
    return found


def _imported(project: Project, file: Path, seen: set[Path]) -> set[Path]:
    """The modules of the DAGs folder that a file imports, and those that they import."""
    seen.add(file)
    for node in project.sources.get(file).nodes:
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.ImportFrom):
            package = file.parents[node.level - 1].relative_to(project.dags_folder).parts
            base = ".".join([*package, *([node.module] if node.module else [])])
            names = [base, *(f"{base}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            for length in range(1, len(parts) + 1):
                base_path = project.dags_folder.joinpath(*parts[:length])
                for path in (base_path.with_suffix(".py"), base_path / "__init__.py"):
                    if path.is_file() and path.resolve() not in seen:
                        _imported(project, path.resolve(), seen)
    return seen


def _tests(
    project: Project, changed: set[Path], dags: Iterable[str], notebooks: Iterable[Path], tables: Iterable[str]
) -> Iterator[str]:
    """Tests that changed, or that name what is touched: a DAG's id, a notebook's path, a table."""
    words = {*dags, *tables}
    stems = {path.with_suffix("").name for path in notebooks}
    for path in project.below(project.root, ".py"):
        if not (path.name.startswith("test_") or path.name.endswith("_test.py")):
            continue
        source = project.sources.get(path)
        for node in source.nodes:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test"):
                said = {c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
                ends = {text.rpartition("/")[2].partition(".")[0] for text in said if "/" in text}
                if path.resolve() in changed or words & said or stems & ends:
                    yield f"{_shown(project, path)}::{node.name}"


def _shown(project: Project, path: Path) -> str:
    return path.relative_to(project.root).as_posix() if path.is_relative_to(project.root) else str(path)
