"""Where a ``dbt_task`` runs: an environment of its own, since dbt's pins are not the notebooks'; made once, kept."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from packaging.utils import canonicalize_name

from harness.kernel.requirementlines import NotUnderstood, Wanted, read
from harness.lake.paths import PathNotFound, WorkspacePaths
from harness.runner.taskkinds import CannotRun

WORDS_OF_ERROR = 2000
ADAPTER = "dbt-databricks"


def environment(cache: Path, lines: Sequence[str], paths: WorkspacePaths) -> Path:
    """The Python of an environment with what a task's libraries ask for.

    Parameters: ``cache``: the user's, where environments are kept; ``lines``: as in a requirements file. Raises:
    ``CannotRun`` when dbt-databricks is not among them, or cannot be installed.
    """
    try:
        wanted = read(lines, lambda path: _file(paths, path).read_text())
    except NotUnderstood as error:
        raise CannotRun(f"Library {error}") from error
    wheels = [_file(paths, path) for path in wanted.wheels]
    if not _has_adapter(wanted, wheels):
        raise CannotRun(
            f"A dbt_task needs {ADAPTER}: there is none among the libraries of the task or of its cluster, nor among "
            "the dependencies of its environment."
        )
    packages = [*sorted(map(str, wanted.requirements)), *map(str, wheels)]
    asked = [sorted(map(str, wanted.requirements)), wanted.options, sys.version, sys.executable]
    key = hashlib.sha256(json.dumps(asked).encode())
    for wheel in wheels:  # by what is in them: one of the same bytes may lie anywhere
        key.update(hashlib.sha256(wheel.read_bytes()).digest())
    folder = cache / "dbt" / key.hexdigest()[:32]
    if not folder.is_dir():
        _make(folder, packages, wanted.options)
    return folder / "bin" / "python"


def _has_adapter(wanted: Wanted, wheels: Sequence[Path]) -> bool:
    names = {canonicalize_name(each.name) for each in wanted.requirements}
    return ADAPTER in names or any(wheel.name.startswith("dbt_databricks-") for wheel in wheels)


def _file(paths: WorkspacePaths, name: str) -> Path:
    try:
        found = [paths.local(name), Path(name)]
    except (PathNotFound, ValueError):
        found = [Path(name)]
    file = next((path for path in found if path.is_absolute() and path.is_file()), None)
    if file is None:
        raise CannotRun(f"Library {name} does not exist in the workspace or on this machine.")
    return file


def _make(folder: Path, packages: Sequence[str], options: Sequence[str]) -> None:
    """Make an environment whole, or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    uv = shutil.which("uv")
    python = str(part / "bin" / "python")
    try:
        if uv:
            _run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(part)], packages)
            # Else each command compiles what it imports: 50 s on a busy machine (measured).
            install = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]
            _run([*install, *options, *packages], packages)
        else:
            _run([sys.executable, "-m", "venv", str(part)], packages)
            _run([python, "-m", "pip", "install", "--quiet", *options, *packages], packages)
        # Another task may have made it meanwhile.
        if not folder.is_dir():
            part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run(command: list[str], packages: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-WORDS_OF_ERROR:]
        raise CannotRun(f"dbt cannot be installed: installing {' '.join(packages)} failed.\n{said}")
