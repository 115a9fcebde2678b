"""Checks of the files that tasks name: scripts, SQL, wheels and requirements of the workspace, and entry points."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.lake.paths import PathNotFound
from harness.validate.check import Check
from harness.validate.finding import Finding, Rule
from harness.validate.jobs import Job, JobTask, Keys, jobs, templated
from harness.validate.project import Project


def present(project: Project) -> Iterator[Finding]:
    """Files of the workspace that tasks name. Those in DBFS, volumes and buckets are not in the project."""
    for job in jobs(project):
        for task in job.tasks:
            for keys, path, in_git in _named(job, task):
                file = _file(project, path, in_git)
                if file is not None and not file.exists():
                    shown = file.relative_to(project.root) if file.is_relative_to(project.root) else file
                    message = f"task {task.name!r}: there is no file {path}"
                    yield project.finding("file-missing", task.where(keys), message, f"Looked for {shown}.")
            yield from _entry_point(project, task)


def _named(job: Job, task: JobTask) -> Iterator[tuple[Keys, str, bool]]:
    """Each file that a task names: where, its path, and whether that is one of the repository."""
    git = bool(job.settings.get("git_source"))
    for *way, name in (("spark_python_task", "python_file"), ("sql_task", "file", "path")):
        owner: Any = task.spec
        for key in way:
            owner = owner.get(key) if isinstance(owner, Mapping) else None
        path = owner.get(name) if isinstance(owner, Mapping) else None
        if isinstance(path, str) and not templated(path):
            source = owner.get("source")
            yield (*way, name), path, source == "GIT" or (git and source is None)
    libraries = task.spec.get("libraries")
    for at, library in enumerate(libraries if isinstance(libraries, list) else []):
        for kind in ("whl", "requirements"):
            path = library.get(kind) if isinstance(library, Mapping) else None
            if isinstance(path, str) and not templated(path):
                yield ("libraries", at, kind), path, False


def _file(project: Project, path: str, in_git: bool) -> Path | None:
    """Where a file must be; ``None`` for one that is elsewhere than in the project."""
    if in_git:
        return project.root / path
    # The workspace's own paths begin with its folders; without that, /x may be anything on a cluster's disk.
    if not path.startswith(("/Workspace/", "/Shared/", "/Users/", "/Repos/")):
        return None
    try:
        return project.paths.local(path)
    except PathNotFound:
        return None


def _entry_point(project: Project, task: JobTask) -> Iterator[Finding]:
    wheel = task.spec.get("python_wheel_task")
    if not isinstance(wheel, Mapping) or templated(wheel.get("entry_point")) or not wheel.get("entry_point"):
        return
    package, name = str(wheel.get("package_name")), str(wheel["entry_point"])
    known = _of_wheels(project, task, package)
    where = "the wheel" if known is not None else "pyproject.toml"
    known = known if known is not None else _of_project(project, package)
    if known is not None and name not in known:
        some = f"it has {', '.join(sorted(known))}" if known else "it has none"
        yield project.finding(
            "entry-point-missing",
            task.where(("python_wheel_task", "entry_point")),
            f"task {task.name!r}: package {package!r} has neither an entry point nor a function {name!r}",
            f"Looked in {where}: {some}.",
        )


def _of_wheels(project: Project, task: JobTask, package: str) -> set[str] | None:
    libraries = task.spec.get("libraries")
    for library in libraries if isinstance(libraries, list) else []:
        path = library.get("whl") if isinstance(library, Mapping) else None
        file = _file(project, path, False) if isinstance(path, str) else None
        if file is None or not file.is_file() or _normal(file.name.partition("-")[0]) != _normal(package):
            continue
        try:
            with zipfile.ZipFile(file) as archive:
                names = archive.namelist()
                points = next((n for n in names if n.endswith(".dist-info/entry_points.txt")), None)
                text = archive.read(points).decode() if points else ""
                module = f"{_module(package)}/__init__.py"
                code = archive.read(module).decode() if module in names else ""
        except (zipfile.BadZipFile, UnicodeDecodeError):
            return None
        parser = configparser.ConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(text)
        return {name for section in parser.sections() for name in parser[section]} | _top_level(code)
    return None


def _of_project(project: Project, package: str) -> set[str] | None:
    """Entry points of a package that the project itself builds; ``None`` for another."""
    for file in [project.root / "pyproject.toml", *project.root.glob("*/pyproject.toml")]:
        try:
            table: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
            continue
        if _normal(str(table.get("name", ""))) != _normal(package) or "scripts" in table.get("dynamic", ()):
            continue
        names = {*table.get("scripts", {}), *(n for group in table.get("entry-points", {}).values() for n in group)}
        for folder in (file.parent / "src", file.parent):
            code = folder / _module(package) / "__init__.py"
            if code.is_file():
                names |= _top_level(code.read_text(encoding="utf-8"))
        return names
    return None


def _top_level(code: str) -> set[str]:
    """What the top of a module defines or imports."""
    found: set[str] = set()
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return found
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= {alias.asname or alias.name for alias in node.names}
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _module(package: str) -> str:
    return re.sub(r"[-.]+", "_", package)


checks = [
    Check(
        present,
        (
            Rule("file-missing", "A task names a script, SQL file, wheel or requirements file that does not exist."),
            Rule(
                "entry-point-missing",
                "A package has neither an entry point nor a function of the name that a task gives.",
            ),
        ),
    )
]
