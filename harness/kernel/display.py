"""``display()`` and ``displayHTML()`` of Databricks notebooks: tables, figures, HTML, and whatever IPython shows."""

from __future__ import annotations

import base64
import datetime
import html
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from IPython.display import display as ipython_display

from harness.kernel.livetables import LiveTable
from harness.kernel.outputs import Outputs

# Rows of a table that are shown. The service shows up to 10,000; a test report is read by eye.
ROWS = 1000
PLAIN_ROWS = 20


class Display:
    """The two functions, bound to the outputs of the running cell. ``live``: the streams that go on. Parameters:
    ``waits``: whether streams are shown once they have taken all there is, and ended then, as in a terminal."""

    def __init__(self, outputs: Outputs, waits: bool = False) -> None:
        self._outputs = outputs
        self._waits = waits
        self.live: list[LiveTable] = []

    def __call__(self, *values: Any, **options: Any) -> None:
        """Show values. Spark DataFrames as tables of their first rows; options of Databricks' charts have no effect.

        Of a streaming one, ``streamName``, ``checkpointLocation`` and a trigger are heeded (livetables.py).
        """
        for value in values:
            if _is_spark_table(value):
                self.table(value, options)
            else:
                ipython_display(value)

    def html(self, text: str) -> None:
        """``displayHTML``: show HTML as it is."""
        self._outputs.data({"text/html": str(text), "text/plain": "<HTML>"})

    def table(self, frame: Any, options: Mapping[str, Any] | None = None) -> None:
        """Show the first rows of a Spark DataFrame. A statement without columns (``CREATE TABLE`` …) shows nothing."""
        if frame.isStreaming:
            self._stream(frame, options or {})
        elif frame.columns:
            rows = frame.limit(ROWS + 1).collect()
            self._outputs.data(_shown(frame.columns, rows[:ROWS], len(rows) > ROWS))

    def _stream(self, frame: Any, options: Mapping[str, Any]) -> None:
        columns, identity = frame.columns, f"live-{uuid.uuid4()}"
        latest = _shown(columns, [], False)
        if not self._waits:
            self._outputs.data(latest, display_id=identity)

        def show(rows: list[Any], more: bool) -> None:
            nonlocal latest
            latest = _shown(columns, rows, more)
            if not self._waits:
                self._outputs.update(identity, latest)

        table = LiveTable(frame, options, show, ROWS)
        if not self._waits:
            self.live.append(table)
            return
        failure = table.end(settle=True)
        if failure is not None:
            raise failure
        self._outputs.data(latest)


def _shown(columns: Sequence[str], rows: Sequence[Any], more: bool) -> dict[str, Any]:
    cells = [[cell_text(value) for value in row] for row in rows]
    note = f"Truncated results, showing first {ROWS} rows." if more else ""
    return {"text/html": html_table(columns, cells, note), "text/plain": plain_table(columns, cells)}


def _is_spark_table(value: Any) -> bool:
    return hasattr(value, "sparkSession") and hasattr(value, "isStreaming")


def cell_text(value: Any) -> str:
    """One value of a row as text, as the notebook's table shows it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    if isinstance(value, list | dict | tuple):
        return json.dumps(_plain(value), ensure_ascii=False, default=cell_text)
    return str(value)


def _plain(value: Any) -> Any:
    if hasattr(value, "asDict"):
        value = value.asDict()
    if isinstance(value, dict):
        return {key if isinstance(key, str) else cell_text(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def html_table(columns: Sequence[str], rows: Sequence[Sequence[str]], note: str = "") -> str:
    """An HTML table, escaped."""
    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    foot = f"<p>{html.escape(note)}</p>" if note else ""
    return f'<table border="0" class="dataframe"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{foot}'


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The first rows in columns of text."""
    shown = [list(columns), *[list(row) for row in rows[:PLAIN_ROWS]]]
    widths = [max(len(row[i]) for row in shown) for i in range(len(columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]
    if len(rows) > PLAIN_ROWS:
        lines.append(f"… {len(rows) - PLAIN_ROWS} more rows")
    return "\n".join(lines)
