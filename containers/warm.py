"""While an image is built: start a stack once, so that what a first start makes is in the image.

Made are the catalog shim's classes and the archive of the JVM's loaded classes, by a process in the background.
"""

from __future__ import annotations

import fcntl
import sys
from pathlib import Path

from harness.settings import Settings
from harness.stack import Stack


def main() -> None:
    settings = Settings()
    with Stack(settings) as stack:
        stack.wait_engine()
    archives: Path = settings.cache / "archives"
    # The builder holds this lock until it is done; it outlives the stack.
    with (archives / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    if not list(archives.glob("*.jsa")):
        sys.exit(f"no class archive was made: {[path.read_text() for path in archives.glob('*.failed')]}")


if __name__ == "__main__":
    main()
