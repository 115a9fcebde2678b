"""The harness's own image, built when it is not there: ``python -m containers.harness``."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from containers.base import NAME as BASE
from containers.base import base
from containers.engine import EngineUnavailable, docker, engine

ROOT = Path(__file__).parents[1]
NAME = "airflow-databricks-harness:dev"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"

LABEL = "airflow-databricks-harness.content"
# What the Dockerfile copies, and itself.
SOURCES = ("Dockerfile", "requirements/demo.txt", "pyproject.toml", "README.md", "containers/warm.py", "harness")


def digest() -> str:
    """What tells the files that the image is built of from those of another image."""
    known = hashlib.sha256()
    for source in SOURCES:
        place = ROOT / source
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.is_file() and "__pycache__" not in path.parts:
                known.update(f"{path.relative_to(ROOT)} {path.stat().st_size}\n".encode() + path.read_bytes())
    return known.hexdigest()


def image() -> str:
    """The image that ``HARNESS_IMAGE`` names, by default one built of these files.

    Raises: ``EngineUnavailable`` where it is not there and cannot be built. One of ours that was built of other files
    is built anew.
    """
    name, content = os.environ.get("HARNESS_IMAGE") or NAME, digest()
    wanted = ["--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', name]
    found = docker("image", "inspect", *wanted, check=False, capture_output=True)
    if found.returncode == 0 and (name != NAME or found.stdout.strip() == content):
        return name
    before = docker("image", "inspect", "--format", "{{.Id}}", name, check=False, capture_output=True).stdout.strip()
    if name != NAME:
        raise EngineUnavailable(f"the image {name} is not here: docker pull it, or unset HARNESS_IMAGE")
    if docker("pull", "--quiet", BASE, check=False, capture_output=True).returncode:
        base()
    command = ["build", "--build-arg", f"SSL_CERT_FILE={CERTIFICATES}", "--label", f"{LABEL}={content}"]
    try:
        # The builder that needs no plugin.
        docker(*command, "--tag", name, str(ROOT), env={**os.environ, "DOCKER_BUILDKIT": "0"}, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        raise EngineUnavailable(f"the image could not be built (code {error.returncode}): see above") from None
    if before:
        # It has lost its name, and is of no more use; a container may still want it.
        docker("image", "rm", before, check=False, capture_output=True)
    return name


if __name__ == "__main__":
    try:
        with engine():
            print(image())
    except EngineUnavailable as error:
        sys.exit(str(error))
