"""What this machine needs to run a stack, checked one by one, each with how to mend it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.lake.jars import Jars
from harness.lake.java import JavaNotFound, find_java
from harness.process import ProcessFailed, bind
from harness.settings import Settings

# What a stack and its tables need on disk to be of use; a run on less ends in the middle of a write.
FREE_BYTES = 2 << 30
SIDES = {
    "dags": ("apache-airflow", "apache-airflow-providers-databricks", "apache-airflow-providers-amazon"),
    "workspace": ("pyspark", "delta-spark", "databricks-sql-connector", "databricks-sdk", "moto", "uvicorn"),
}


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it will do, what was seen, and how to mend it if not."""

    name: str
    good: bool
    seen: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding about this machine and project, in the order in which one would mend them."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", (3, 11) <= sys.version_info < (3, 14), version, "Use Python 3.11, 3.12 or 3.13.")
    yield from (_packages(side, names) for side, names in SIDES.items())
    yield _java(settings)
    yield _jars(settings)
    yield from (
        _writable(name, settings.path(path)) for name, path in (("cache", settings.cache), ("state", settings.state))
    )
    yield _folder("DAGs", settings.path(settings.dags), "dags")
    for prefix, folder in settings.mounts.items():
        yield _folder(f"notebooks at {prefix}", settings.path(folder), "mounts")
    yield from (_port(name, port) for name, port in (("port", settings.port), ("s3_port", settings.s3_port)) if port)


def _packages(side: str, names: tuple[str, ...]) -> Finding:
    found, missing = [], []
    for name in names:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            missing.append(name)
    seen = f"missing: {', '.join(missing)}" if missing else ", ".join(found)
    return Finding(f"packages [{side}]", not missing, seen, f"pip install 'airflow-databricks-harness[{side}]'")


def _java(settings: Settings) -> Finding:
    try:
        java = find_java(settings.java_home)
    except JavaNotFound as error:
        return Finding("Java", False, "none that runs Spark", str(error))
    return Finding("Java", True, f"{java.version} at {java.home} (from {java.source})")


def _jars(settings: Settings) -> Finding:
    jars = Jars(settings.cache, settings.mirror)
    missing = jars.missing()
    total = sum(jar.size for jar in missing) / 1e6
    seen = (
        f"{len(missing)} of {len(jars.jars)} missing ({total:.0f} MB)"
        if missing
        else f"{len(jars.jars)} in {jars.directory}"
    )
    return Finding("jars", not missing, seen, "harness fetch")


def _writable(name: str, folder: Path) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    try:
        probe = existing / f".harness-probe-{id(folder)}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return Finding(
            name, False, f"{folder}: {error.strerror}", f"Set HARNESS_{name.upper()} to a folder you can write."
        )
    free = shutil.disk_usage(existing).free
    return Finding(name, free >= FREE_BYTES, f"{folder} ({free / 1e9:.0f} GB free)", "Free some disk space.")


def _folder(name: str, folder: Path, setting: str) -> Finding:
    count = _files(folder)
    return Finding(
        name,
        count > 0,
        f"{folder}: {count} file{'' if count == 1 else 's'}",
        f"Run in the project's folder, or set `{setting}`.",
    )


def _files(folder: Path) -> int:
    """How many files of the project a folder holds: those of ``.venv``, ``.git``, ``__pycache__`` are not its own."""
    count = 0
    for _, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if not each.startswith((".", "__pycache__"))]
        count += len(files)
    return count


def _port(name: str, port: int) -> Finding:
    try:
        bind(port).close()
    except ProcessFailed as error:
        return Finding(name, False, str(error), f"Set HARNESS_{name.upper()} to 0 or to a free port.")
    return Finding(name, True, str(port))
