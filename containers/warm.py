"""While an image is built: make what a first start makes, and start a stack to see that it is used.

Made are the catalog shim's classes and the archive of the JVM's loaded classes, for the default size of its heap.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from harness.lake.parts import EngineConfig, gather
from harness.settings import Settings
from harness.stack import Stack


def main() -> None:
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder:
        config = EngineConfig(
            Path(folder), settings.cache, "", "", java_home=settings.java_home, memory=settings.memory
        )
        # Layers of images keep whole seconds, and the archive is keyed by the times of its jars.
        for path in gather(config).classpath:
            seconds = int(path.stat().st_mtime)
            os.utime(path, (seconds, seconds))
        gather(config).archive.build()
    with Stack(settings) as stack:
        used = stack.wait_engine()["archive"]
    if used != "used":
        sys.exit(f"the class archive is {used}, not used")


if __name__ == "__main__":
    main()
