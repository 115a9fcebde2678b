"""What a cell puts out: text, rich data, errors, as nbformat outputs; text also goes to the task's log, live.

Both are bounded, so that a loop that prints cannot fill a disk: the service, too, limits what a cell may put out.
"""

from __future__ import annotations

import base64
import io
import os
import threading
from collections.abc import Callable
from typing import Any

from harness.kernel.redaction import Redaction

CELL_LIMIT = 20_000_000
LOG_LIMIT = 20_000_000
# What of an output is text that the notebook made.
SHOWN = ("text", "data", "evalue", "traceback")


class Outputs:
    """The outputs of the cell that runs now, as nbformat dictionaries. Threads of the notebook may write at once."""

    def __init__(self, limit: int = CELL_LIMIT) -> None:
        self.limit = limit
        self.redaction = Redaction()
        self.items: list[dict[str, Any]] = []
        self._size = 0
        self._displays: dict[str, dict[str, Any]] = {}
        self._lock = threading.RLock()

    def begin(self) -> list[dict[str, Any]]:
        """Start a cell. Returns: the list that its outputs will be put in."""
        with self._lock:
            self.items = []
            self._size = 0
            return self.items

    def stream(self, name: str, text: str) -> None:
        """Add text of ``stdout`` or ``stderr``."""
        with self._lock:
            room = self.limit - self._size
            if room <= 0:
                return
            self._size += len(text)
            if len(text) > room:
                text = f"{text[:room]}\n[the output of this cell was cut at {self.limit} characters]\n"
            last = self.items[-1] if self.items else {}
            if last.get("output_type") == "stream" and last["name"] == name:
                last["parts"].append(text)
            else:
                self.items.append({"output_type": "stream", "name": name, "parts": [text]})

    def data(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        count: int | None = None,
        display_id: str | None = None,
    ) -> None:
        """Add rich data by MIME type. ``count`` makes it the result of the cell's last expression."""
        with self._lock:
            item: dict[str, Any] = {"output_type": "display_data", "data": _encoded(data), "metadata": metadata or {}}
            if count is not None:
                item |= {"output_type": "execute_result", "execution_count": count}
            size = sum(len(str(value)) for value in item["data"].values())
            if self._size + size > self.limit:
                note = f"[an output of {size} characters was left out: a cell may put out {self.limit}]"
                item["data"] = {"text/plain": note}
            else:
                self._size += size
            self.items.append(item)
            if display_id is not None:
                self._displays[display_id] = item

    def update(self, display_id: str, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Replace the data that was displayed under ``display_id``."""
        with self._lock:
            if item := self._displays.get(display_id):
                item["data"] = _encoded(data)
                item["metadata"] = metadata or {}

    def error(self, name: str, value: str, trace: str) -> None:
        with self._lock:
            item = {
                "output_type": "error",
                "ename": name,
                "evalue": value,
                "traceback": self.redaction(trace).splitlines(),
            }
            self.items.append(item)

    def clear(self) -> None:
        with self._lock:
            self.items.clear()
            self._size = 0


def finished(items: list[dict[str, Any]], redaction: Redaction | None = None) -> list[dict[str, Any]]:
    """A cell's outputs as nbformat wants them, without the secrets of ``redaction``."""
    whole = [
        {"output_type": "stream", "name": item["name"], "text": "".join(item["parts"])} if "parts" in item else item
        for item in items
    ]
    if redaction is None:
        return whole
    return [{key: redaction.within(item[key]) if key in SHOWN else item[key] for key in item} for item in whole]


def _encoded(data: dict[str, Any]) -> dict[str, Any]:
    return {
        kind: base64.b64encode(value).decode() if isinstance(value, bytes) else value for kind, value in data.items()
    }


class Log:
    """The end of the task's log file that both streams share, and the count of what may still go there."""

    def __init__(
        self, descriptor: int = 1, limit: int = LOG_LIMIT, redaction: Callable[[str], str] | None = None
    ) -> None:
        self.descriptor = descriptor
        self.redaction = redaction or str
        self.limit = limit
        self._left = limit
        self._lock = threading.RLock()

    def write(self, text: str) -> None:
        with self._lock:
            if self._left <= 0:
                return
            text = self.redaction(text)
            self._left -= len(text)
            if self._left <= 0:
                text += f"\n[the log was cut at {self.limit} characters]\n"
            view = memoryview(text.encode("utf-8", "backslashreplace"))
            while view:
                view = view[os.write(self.descriptor, view) :]


class Stream(io.TextIOBase):
    """``sys.stdout`` or ``sys.stderr`` of a task: into the cell's outputs at once, into the log line by line."""

    def __init__(self, name: str, outputs: Outputs, log: Log) -> None:
        self._name = name
        self._outputs = outputs
        self._log = log
        self._pending: list[str] = []
        self._lock = threading.RLock()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return {"stdout": 1, "stderr": 2}[self._name]

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        with self._lock:
            self._outputs.stream(self._name, text)
            self._pending.append(text)
            if "\n" in text:
                self.flush()
        return len(text)

    def flush(self) -> None:
        with self._lock:
            text, self._pending = "".join(self._pending), []
            if text:
                self._log.write(text)
