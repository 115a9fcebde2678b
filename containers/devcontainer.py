"""The reference client of devcontainers, from npm, kept in the user's cache: ``python -m containers.devcontainer``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from containers.engine import EngineUnavailable
from harness.settings import user_cache

PACKAGE = "@devcontainers/cli@0.89.0"


def cli() -> Path:
    """The program ``devcontainer``, installed if it is neither on PATH nor kept. Raises: ``EngineUnavailable``."""
    if found := shutil.which("devcontainer"):
        return Path(found)
    folder = user_cache() / "devcontainer" / PACKAGE.rpartition("@")[2]
    program = folder / "node_modules" / ".bin" / "devcontainer"
    if not program.exists():
        if shutil.which("npm") is None:
            raise EngineUnavailable("there is no `devcontainer` on PATH, and no `npm` to install it")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), PACKAGE]
        done = subprocess.run(
            command, check=False, stdout=sys.stderr, env={**os.environ, "NPM_CONFIG_UPDATE_NOTIFIER": "false"}
        )
        if done.returncode:
            raise EngineUnavailable(f"npm did not install {PACKAGE} (code {done.returncode})")
    return program


if __name__ == "__main__":
    try:
        print(cli())
    except EngineUnavailable as error:
        sys.exit(str(error))
