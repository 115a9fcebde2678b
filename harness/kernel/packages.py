"""What ``%pip`` and a task's libraries ask for, against what the kernels' interpreter has. Nothing is installed."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

HARMLESS_OPTIONS = frozenset({"-q", "-qq", "-qqq", "--quiet", "-U", "--upgrade", "--no-input", "--no-cache-dir"})
INSTALL_IT = "Install it there: tasks share one interpreter, so %pip and task libraries install nothing here."


class PackageNotInstalled(Exception):
    """A notebook or task wants a package, or a version, that the kernels' environment does not have."""


def require(requirements: Iterable[str]) -> list[str]:
    """Check requirements (``name``, ``name==1.2``, ``name[extra]>=3``) against this interpreter.

    Returns: one ``name version`` for each. Raises: ``PackageNotInstalled`` naming the first that is not satisfied.
    """
    found = []
    for text in requirements:
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise PackageNotInstalled(f"'{text}' is not supported here: only names of packages are.") from error
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        try:
            version = metadata.version(requirement.name)
        except metadata.PackageNotFoundError as error:
            raise PackageNotInstalled(
                f"'{text}' is not installed for the notebooks' Python ({sys.executable}). {INSTALL_IT}"
            ) from error
        if not requirement.specifier.contains(version, prereleases=True):
            raise PackageNotInstalled(
                f"'{text}' is wanted, but the notebooks' Python ({sys.executable}) has {requirement.name} {version}. "
                f"{INSTALL_IT}"
            )
        found.append(f"{requirement.name} {version}")
    return found


def pip(line: str, cell: str | None = None) -> None:
    """``%pip install …``: succeed when all of it is there already, and say so; fail by name otherwise."""
    command, *words = shlex.split(line) or [""]
    options = [word for word in words if word.startswith("-") and word not in HARMLESS_OPTIONS]
    if command != "install" or options:
        raise PackageNotInstalled(
            f"%pip {line} is not supported here: only `%pip install` of packages that are installed already is."
        )
    for package in require(word for word in words if not word.startswith("-")):
        print(f"Requirement already satisfied: {package}")
