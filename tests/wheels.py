"""Wheels made on the spot, and a package index on loopback that serves them."""

from __future__ import annotations

import contextlib
import functools
import http.server
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path


def wheel(folder: Path, name: str, version: str, code: str, *requires: str, **entry_points: str) -> Path:
    """A wheel of one module.

    Parameters: ``requires``: what it depends on; ``entry_points``: name to ``module:function``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    scripts = "[console_scripts]\n" + "".join(f"{key}={value}\n" for key, value in entry_points.items())
    files = {
        f"{name}.py": code,
        f"{name}-{version}.dist-info/METADATA": "\n".join(metadata) + "\n",
        f"{name}-{version}.dist-info/WHEEL": tags,
        f"{name}-{version}.dist-info/entry_points.txt": scripts,
    }
    record = f"{name}-{version}.dist-info/RECORD"
    files[record] = "".join(f"{file},,\n" for file in (*files, record))
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(zipfile.ZipInfo(file), text)  # the same bytes each time: the user's cache keeps them
    return path


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def index(folder: Path) -> Iterator[str]:
    """Serve ``<folder>/<name>/*.whl`` as a package index. Yields: its URL."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
