"""What the notebooks' interpreter has: ours, or another one, which is asked, since its packages are its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import InvalidRequirement, Requirement

# Tells the version of a distribution, or None.
Installed = Callable[[str], str | None]

ASK_SECONDS = 60
ASK = """
import json, sys
from importlib import metadata
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


def installed_in(python: str, names: Iterable[str]) -> Installed:
    """What tells the versions of these distributions in an interpreter, which is asked once, now.

    Parameters: ``python``, its executable. Raises: ``OSError`` or ``subprocess.SubprocessError`` when it does not run.
    """
    answer = subprocess.run(
        [python, "-c", ASK, *names], check=True, capture_output=True, text=True, timeout=ASK_SECONDS
    ).stdout
    found: dict[str, str] = json.loads(answer)
    return found.get


def installed_here(name: str) -> str | None:
    """The version of a distribution in this interpreter, or None."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def unmet(text: str, installed: Installed) -> str | None:
    """Why a requirement is not met by what is installed, or None."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return f"Library '{text}' is not a package requirement."
    version = installed(requirement.name)
    if version is not None and requirement.specifier.contains(version, prereleases=True):
        return None
    found = "is not installed" if version is None else f"is not satisfied by the installed {version}"
    return f"Library '{text}' {found}; install it in the kernels' environment."
