"""The harness's own image, built when it is not there: ``python -m containers.harness``."""

from __future__ import annotations

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


def image() -> str:
    """The image that ``HARNESS_IMAGE`` names, by default one built of these files.

    Raises: ``EngineUnavailable`` where it is not there and cannot be built. One that is there is not compared with the
    files: remove it to have it anew.
    """
    name = os.environ.get("HARNESS_IMAGE") or NAME
    if docker("image", "inspect", name, check=False, capture_output=True).returncode == 0:
        return name
    if name != NAME:
        raise EngineUnavailable(f"the image {name} is not here: docker pull it, or unset HARNESS_IMAGE")
    if docker("pull", "--quiet", BASE, check=False, capture_output=True).returncode:
        base()
    command = ["build", "--build-arg", f"SSL_CERT_FILE={CERTIFICATES}", "--tag", name, str(ROOT)]
    try:
        # The builder that needs no plugin.
        docker(*command, env={**os.environ, "DOCKER_BUILDKIT": "0"}, stdout=sys.stderr)
    except subprocess.CalledProcessError as error:
        raise EngineUnavailable(f"the image could not be built (code {error.returncode}): see above") from None
    return name


if __name__ == "__main__":
    try:
        with engine():
            print(image())
    except EngineUnavailable as error:
        sys.exit(str(error))
