"""Executed notebooks as HTML: by nbconvert, in one process of its own at the lowest priority.

nbconvert takes a second to import and a quarter of a second for a notebook (engine.md §5): too much for a task's
process, and nothing for the workspace's.
"""

from __future__ import annotations

import itertools
import json
import os
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from harness.process import Lifeline
from harness.runner.channel import Channel, ChannelClosed, requests

RENDER_SECONDS = 60.0
# No page loads anything from elsewhere; without MathJax formulas stay as they are written.
OFFLINE = {"mathjax_url": "", "require_js_url": "", "jquery_url": "", "mermaid_js_url": ""}


class RenderFailed(Exception):
    """A notebook could not be made into HTML. The message says why."""


class Renderer:
    """Makes ``executed.html`` beside ``executed.ipynb``. Its process starts with the first request."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._channel: Channel | None = None
        self._waiting: dict[int, Future[None]] = {}
        self._by_path: dict[Path, Future[None]] = {}
        self._stopped = False

    def request(self, notebook: Path) -> Future[None]:
        """Have a notebook rendered in the background. Returns: what ends when it is, or tells why it could not be."""
        with self._lock:
            if notebook in self._by_path:
                return self._by_path[notebook]
            number = next(self._numbers)
            future = self._by_path[notebook] = self._waiting[number] = Future()
            future.add_done_callback(lambda _: self._by_path.pop(notebook, None))
        try:
            self._serving().send({"id": number, "path": str(notebook)})
        except (ChannelClosed, OSError) as error:
            self._end(number, str(error))
        return future

    def html(self, notebook: Path) -> Path:
        """The HTML file of an executed notebook, rendered now if it is not there.

        Raises: ``RenderFailed``.
        """
        page = notebook.with_suffix(".html")
        if not page.is_file() or page.stat().st_mtime_ns < notebook.stat().st_mtime_ns:
            self.request(notebook).result(RENDER_SECONDS)
        return page

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            channel, self._channel = self._channel, None
        if channel is not None:
            channel.stop()

    def _serving(self) -> Channel:
        """The process, begun if there is none. Raises: ``ChannelClosed`` once stopped; ``OSError`` if none begins."""
        with self._lock:
            if self._stopped:
                raise ChannelClosed("The runner has been stopped.")
            if self._channel is not None:
                return self._channel
            log = self._directory / "renderer.log"
            channel = Channel(
                "The renderer", "harness.runner.render", log=log, take=self._take, lost=lambda: self._lost(channel)
            )
            self._channel = channel
            return channel

    def _take(self, report: dict[str, Any]) -> None:
        self._end(report["id"], report.get("error", ""))

    def _lost(self, channel: Channel) -> None:
        with self._lock:
            if self._channel is channel:
                self._channel = None
            lost = list(self._waiting)
        for number in lost:
            self._end(number, "The renderer ended.")

    def _end(self, number: int, error: str) -> None:
        with self._lock:
            future = self._waiting.pop(number, None)
        if future is None:
            return
        if error:
            future.set_exception(RenderFailed(error))
        else:
            future.set_result(None)


def main() -> None:
    """The process: render what is asked for until the parent is gone."""
    os.nice(19)
    lifeline = Lifeline.adopt()
    from nbconvert import HTMLExporter

    exporter = HTMLExporter(**OFFLINE)
    lifeline.ready(pid=os.getpid())
    (sock,) = lifeline.sockets
    for request in requests(lifeline):
        report: dict[str, Any] = {"id": request["id"]}
        try:
            _render(exporter, Path(request["path"]))
        except Exception as error:
            report["error"] = f"{request['path']}: {type(error).__name__}: {error}"
        sock.sendall(json.dumps(report).encode() + b"\n")


def _render(exporter: Any, notebook: Path) -> None:
    html, _ = exporter.from_filename(str(notebook))
    part = notebook.with_suffix(".html.part")
    part.write_text(html)
    part.replace(notebook.with_suffix(".html"))


if __name__ == "__main__":
    main()
