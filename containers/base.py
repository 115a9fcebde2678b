"""Make a base image where none can be pulled, under the name that the Dockerfile wants: ``python -m containers.base``.

Debian 12 by debootstrap (root only, from its mirror), with Python 3.11 and the authorities that this machine trusts.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from containers.engine import EngineUnavailable, docker, engine

NAME = "python:3.11-slim-bookworm"
PACKAGES = "python3,python3-venv,python3-pip,ca-certificates"
MIRROR = "http://deb.debian.org/debian"
AUTHORITIES = Path("/usr/local/share/ca-certificates")


def base() -> str:
    """The image, made if it is not there. Raises: ``EngineUnavailable`` where it cannot be."""
    if docker("image", "inspect", NAME, check=False, capture_output=True).returncode == 0:
        return NAME
    if os.getuid() != 0 or shutil.which("debootstrap") is None:
        raise EngineUnavailable(f"{NAME} is not here: docker pull it, or let root make one (Debian: debootstrap)")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "root")
        command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(root), MIRROR]
        subprocess.run(command, check=True, stdout=sys.stderr)
        if AUTHORITIES.is_dir():
            shutil.copytree(AUTHORITIES, root / AUTHORITIES.relative_to("/"), dirs_exist_ok=True)
            # None of our environment: TMPDIR, for one, names a place that is not in there.
            alone = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
            subprocess.run(["chroot", str(root), "update-ca-certificates"], check=True, stdout=sys.stderr, env=alone)
        for unneeded in ("var/cache/apt/archives", "var/lib/apt/lists"):
            shutil.rmtree(root / unneeded)
        archive = subprocess.Popen(["tar", "--create", "--directory", str(root), "."], stdout=subprocess.PIPE)
        docker("import", "-", NAME, stdin=archive.stdout)
        if archive.wait():
            raise EngineUnavailable("tar did not pack what debootstrap made")
    return NAME


if __name__ == "__main__":
    try:
        with engine():
            print(base())
    except EngineUnavailable as error:
        sys.exit(str(error))
