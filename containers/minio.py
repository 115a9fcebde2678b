"""Build the MinIO server from its Go module and put it into a local image: ``python -m containers.minio``.

Upstream is archived, its binaries are withdrawn and its images deleted; the module is still served by Go's proxy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from containers.engine import EngineUnavailable, docker, engine
from harness.settings import Settings, user_cache

# Its last commit, of 12 February 2026. Its releases have no version that Go knows.
MODULE = "github.com/minio/minio@v0.0.0-20260212201848-7aac2a2c5b7c"
FILE = 'FROM scratch\nCOPY minio /minio\nENTRYPOINT ["/minio"]\n'


def binary() -> Path:
    """MinIO's server, built once and kept in the user's cache. Raises: ``EngineUnavailable`` without Go."""
    folder = user_cache() / "minio" / MODULE.rpartition("-")[2]
    path = folder / "minio"
    if path.exists():
        return path
    if shutil.which("go") is None:
        raise EngineUnavailable("MinIO is built from its source, and there is no `go` on PATH (1.24 or newer)")
    print(f"building {MODULE}: minutes, once", flush=True)
    # Static, for an image that has nothing else in it.
    built = {**os.environ, "GOBIN": str(folder / "part"), "CGO_ENABLED": "0", "GOFLAGS": "-trimpath"}
    subprocess.run(["go", "install", "-ldflags", "-s -w", MODULE], env=built, check=True)
    (folder / "part" / "minio").rename(path)
    return path


def image() -> str:
    """The image that the setting ``s3_image`` names, built if it is the default and is not there."""
    name = Settings().s3_image
    if docker("image", "inspect", name, check=False, capture_output=True).returncode == 0:
        return name
    default = Settings.model_fields["s3_image"].default
    if name != default:
        raise EngineUnavailable(f"the image {name} is not here: docker pull it, or unset HARNESS_S3_IMAGE")
    server = binary()
    folder = server.parent
    (folder / "Dockerfile").write_text(FILE)
    docker("build", "--quiet", "--tag", name, str(folder), env={**os.environ, "DOCKER_BUILDKIT": "0"})
    return name


if __name__ == "__main__":
    try:
        with engine():
            print(image())
    except EngineUnavailable as error:
        sys.exit(str(error))
