"""What another interpreter has: asked of it, since its packages are its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable

from harness.runner.commands import Installed

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
