"""What ``%pip`` and a task's libraries ask for: satisfied by the kernels' environment, else by an overlay beside it."""

from __future__ import annotations

import importlib
import os
import shlex
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable, MutableMapping
from email.parser import HeaderParser
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from harness.kernel.overlays import Overlays, PackageNotInstalled
from harness.kernel.requirementlines import FILES, SOURCES, NotUnderstood, read

HARMLESS_OPTIONS = frozenset({"-q", "-qq", "-qqq", "--quiet", "-U", "--upgrade", "--no-input", "--no-cache-dir"})


class Packages:
    """The packages of one task.

    Parameters: ``cache``: where overlays are kept; ``environment``: that of the workers that run Python functions for
    this task; ``fetch``: the local file behind a path as notebooks name it.
    """

    def __init__(self, cache: Path, environment: MutableMapping[str, str], fetch: Callable[[str], Path]) -> None:
        self._overlays = Overlays(cache)
        self._environment = environment
        self._fetch = fetch
        self._added: list[str] = []

    def provide(self, lines: Iterable[str]) -> list[str]:
        """Make packages importable, here and in Python functions.

        Parameters: ``lines``: requirements, paths of wheels, and options, as in a requirements file. Returns: what has
        been done, for people. Raises: ``PackageNotInstalled`` naming what cannot be had.
        """
        try:
            wanted = read(lines, lambda path: self._local(path).read_text())
        except NotUnderstood as error:
            raise PackageNotInstalled(str(error)) from error
        done = []
        for path in wanted.wheels:
            wheel = self._local(path)
            wanted.requirements += dependencies(wheel)
            self._add(self._overlays.of_wheel(wheel))
            done.append(f"Successfully installed {wheel.name}")
        requirements = [each for each in wanted.requirements if each.marker is None or each.marker.evaluate()]
        missing = [each for each in requirements if not satisfied(each)]
        if missing:
            self._add(self._overlays.of_requirements(map(str, missing), wanted.options))
        for each in requirements:
            how = "Successfully installed" if each in missing else "Requirement already satisfied:"
            done.append(f"{how} {each.name} {metadata.version(each.name)}")
        return done

    def pip(self, line: str, cell: str | None = None) -> None:
        """``%pip install …``. Raises: ``PackageNotInstalled``, also for commands and options that are not served."""
        command, *words = shlex.split(line) or [""]
        if command != "install":
            raise PackageNotInstalled(f"%pip {line} is not supported here: only `%pip install` is.")
        waiting = iter(word for word in words if word not in HARMLESS_OPTIONS)
        lines = [f"{word} {next(waiting, '')}" if word in (*SOURCES, *FILES) else word for word in waiting]
        for done in self.provide(lines):
            print(done)

    def _local(self, path: str) -> Path:
        try:
            file = self._fetch(path)
        except LookupError:
            file = Path(path)
        if not file.is_file():
            raise PackageNotInstalled(f"{path} does not exist, in the workspace or on this machine.")
        return file

    def _add(self, folder: Path) -> None:
        if str(folder) not in sys.path:
            # Before what was there and the environment's packages, after the modules beside the notebook.
            after = ("site-packages", *self._added)
            places = [at for at, path in enumerate(sys.path) if path.endswith(after)]
            self._added.append(str(folder))
            sys.path.insert(min(places, default=0), str(folder))
            known = self._environment.get("PYTHONPATH")
            self._environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(folder), known]))
        importlib.invalidate_caches()


def provide_of_cluster(packages: Packages, libraries: Iterable[list[str]]) -> None:
    """Make a cluster's libraries importable. As there, one that cannot be had is told, and its tasks run without."""
    for lines in libraries:
        try:
            packages.provide(lines)
        except PackageNotInstalled as error:
            print(f"Library {' '.join(lines)} of the cluster is not installed: {error}", file=sys.stderr)


def satisfied(requirement: Requirement) -> bool:
    """Whether what is importable now satisfies a requirement."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


def dependencies(wheel: Path) -> list[Requirement]:
    """What a wheel depends on, without extras. Raises: ``PackageNotInstalled`` when it is no wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            headers = HeaderParser().parsestr(archive.read(name).decode())
    except (zipfile.BadZipFile, StopIteration) as error:
        raise PackageNotInstalled(f"{wheel.name} is not a wheel.") from error
    found = [Requirement(text) for text in headers.get_all("Requires-Dist") or []]
    return [each for each in found if each.marker is None or each.marker.evaluate({"extra": ""})]


def fetcher(local: Callable[[str], Path], copy: Callable[[str, str], object]) -> Callable[[str], Path]:
    """What finds the file behind a path of a task: workspace files, volumes, DBFS, this machine, S3.

    Parameters: ``local``: the file behind a workspace path, raising ``LookupError``; ``copy``: ``dbutils.fs.cp``.
    """

    def fetch(path: str) -> Path:
        if path.startswith("s3"):
            file = Path(tempfile.mkdtemp()) / path.rpartition("/")[2]
            copy(path, f"file:{file}")
            return file
        plain = path.removeprefix("file:")
        try:
            # First, because pip and uv, which are to read it, see no mounts (mounts.py).
            file = local(plain)
        except (LookupError, ValueError):  # a place of this machine, a relative path
            return Path(plain).absolute()
        return file if file.is_file() else Path(plain).absolute()

    return fetch
