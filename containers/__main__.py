"""Prepare what the tests with the marker ``containers`` need, and run them: ``python -m containers [OPTIONS]``.

Without options (they are pytest's), the demo runs afterwards, on MinIO in a container.
"""

from __future__ import annotations

import os
import subprocess
import sys

from containers import devcontainer, harness, minio
from containers.engine import EngineUnavailable, engine

# Images are built within tests, from nothing the first time.
LONG = ["-o", "faulthandler_timeout=3600"]


def main(options: list[str]) -> int:
    with engine():
        print(f"MinIO: {minio.image()}", flush=True)
        try:
            print(f"The harness: {harness.image()}", flush=True)
        except EngineUnavailable as error:
            print(f"The harness's own image is not tested: {error}", flush=True)
        try:
            path = f"{devcontainer.cli().parent}{os.pathsep}{os.environ['PATH']}"
        except EngineUnavailable as error:
            print(f"The devcontainer is not tested: {error}", flush=True)
            path = os.environ["PATH"]
        tests = [sys.executable, "-m", "pytest", "-m", "containers", "-rs", *LONG, *(options or ["tests"])]
        code = subprocess.run(tests, check=False, env={**os.environ, "PATH": path}).returncode
        if code or options:
            return code
        return subprocess.run([sys.executable, "-m", "harness.cli", "demo", "--s3", "minio"], check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EngineUnavailable as error:
        sys.exit(str(error))
