"""Folders of packages beside the kernels' environment, which itself is never changed: one per wheel or set of
requirements, kept in the user's cache, made whole or not at all by pip or uv.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

# A line of what uv would do; pip tells it as JSON.
_WOULD_INSTALL = re.compile(r"^ \+ ([\w.\-]+)==([^\s(]+)", re.M)
WORDS_OF_ERROR = 2000


class PackageNotInstalled(Exception):
    """A notebook or task wants a package, or a version, that it cannot have. The message names it."""


class Overlays:
    """Parameters: ``cache``: the folder that holds the overlays, for all interpreters and projects."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def of_wheel(self, wheel: Path) -> Path:
        """The folder a wheel is unpacked in, without what it depends on. Raises: ``PackageNotInstalled``."""
        key = hashlib.sha256(wheel.read_bytes())
        key.update(_interpreter())
        return self._made(key.hexdigest(), lambda folder: _install(folder, [str(wheel)], []))

    def of_requirements(self, requirements: Iterable[str], options: list[str]) -> Path:
        """The folder with the packages that this interpreter lacks for some requirements, resolved once and kept.

        Parameters: ``options``: where packages come from, as pip and uv are told. Raises: ``PackageNotInstalled``; also
        for another version of a package whose modules every kernel has loaded already.
        """
        wanted = sorted(requirements)
        here = sorted(f"{distribution.name}=={distribution.version}" for distribution in metadata.distributions())
        key = hashlib.sha256(json.dumps([wanted, options, here]).encode())
        key.update(_interpreter())

        def fill(folder: Path) -> None:
            missing = _missing(wanted, options)
            for name, version in missing:
                _refuse_loaded(name, version, wanted)
            _install(folder, [f"{name}=={version}" for name, version in missing], options)

        return self._made(key.hexdigest(), fill)

    def _made(self, key: str, fill: Callable[[Path], None]) -> Path:
        folder = self._cache / key[:32]
        if folder.is_dir():
            return folder
        self._cache.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=self._cache))
        try:
            fill(part)
            # Another task may have made it meanwhile.
            if not folder.is_dir():
                part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
        return folder


def _interpreter() -> bytes:
    return f"{sys.implementation.cache_tag} {sys.platform} {sys.executable}".encode()


def _missing(requirements: list[str], options: list[str]) -> list[tuple[str, str]]:
    """Name and version of what would have to be installed beside what this interpreter has."""
    tool = _tool()
    if "uv" in Path(tool[0]).name:
        shown = _run(
            [*tool, "install", "--dry-run", "--python", sys.executable, *options, *requirements], requirements
        ).stderr
        return [(match[1], match[2]) for match in _WOULD_INSTALL.finditer(shown)]
    command = [*tool, "install", "--dry-run", "--quiet", "--report", "-", *options, *requirements]
    report = json.loads(_run(command, requirements).stdout)
    return [(each["metadata"]["name"], each["metadata"]["version"]) for each in report["install"]]


def _install(folder: Path, packages: list[str], options: list[str]) -> None:
    if packages:
        tool = _tool()
        interpreter = ["--python", sys.executable] if "uv" in Path(tool[0]).name else []
        command = [*tool, "install", "--quiet", "--no-deps", *interpreter, "--target", str(folder)]
        _run([*command, *options, *packages], packages)


def _tool() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "pip"]
    raise PackageNotInstalled(
        f"Neither is there pip for the notebooks' Python ({sys.executable}), nor uv on PATH, to install packages with."
    )


def _run(command: list[str], packages: list[str]) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()[-WORDS_OF_ERROR:]
        raise PackageNotInstalled(
            f"Installing {' '.join(packages)} failed. Without a network, install them for the notebooks' Python "
            f"({sys.executable}) beforehand.\n{said}"
        )
    return done


def _refuse_loaded(name: str, version: str, wanted: list[str]) -> None:
    """Every kernel begins with some modules loaded: another version of them would lie there unused."""
    try:
        distribution = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return
    tops = {Path(file.parts[0]).stem for file in distribution.files or () if not file.parts[0].endswith(".dist-info")}
    if loaded := sorted(tops & set(sys.modules)):
        raise PackageNotInstalled(
            f"'{_asked(name, wanted)}' wants {name} {version}, but every task shares the notebooks' Python "
            f"({sys.executable}), which has loaded {', '.join(loaded)} of {name} {distribution.version} already. "
            "Install the wanted version there, or give the notebooks another interpreter (kernel_python)."
        )


def _asked(name: str, wanted: list[str]) -> str:
    of_name = [text for text in wanted if canonicalize_name(re.split(r"[^\w.\-]", text)[0]) == canonicalize_name(name)]
    return of_name[0] if of_name else ", ".join(wanted)
