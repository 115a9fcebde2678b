"""The event log of an update, a line of JSON an event, as the kernel writes it and the workspace reads it.

Source: docs.databricks.com, "Pipeline event log schema"; databricks-sdk, ``PipelineEvent``.
"""

from __future__ import annotations

import json
import traceback
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.kernel.pipelines.definitions import Dataset, Flow, PipelineError, Place, SourceFailed

FILE = "events.jsonl"


class Events:
    """Writes the log.

    Parameters: ``path``; ``redacted``: takes secrets out of a document; ``locate``: where a frame of the pipeline's own
    code is, by file name and line; None for others.
    """

    def __init__(self, path: Path, redacted: Callable[[Any], Any], locate: Callable[[str, int], Place | None]) -> None:
        self._path = path
        self._redacted = redacted
        self._locate = locate

    def progress(self, state: str) -> None:
        """The update has a new state."""
        self._write("update_progress", f"Update is {state}.", {"update_progress": {"state": state}})

    def dataset(self, dataset: Dataset, kind: str, schema: Any) -> None:
        """A dataset is defined so."""
        columns = [{"name": field.name, "type": field.dataType.simpleString()} for field in schema.fields]
        details = {
            "dataset_type": kind,
            "schema": columns,
            "expectations": len(dataset.expectations),
            "source_code_location": _place(dataset.place),
        }
        message = f"Dataset '{dataset.name}' defined as {kind}."
        self._write("dataset_definition", message, {"dataset_definition": details}, dataset=dataset.name)

    def flow(self, flow: Flow, inputs: list[str], *, streaming: bool) -> None:
        """A flow is defined so."""
        details = {
            "input_datasets": [{"name": name} for name in inputs],
            "output_dataset": flow.target,
            "flow_type": "APPEND" if streaming or flow.once else "COMPLETE",
            "source_code_location": _place(flow.place),
        }
        message = f"Flow '{flow.name}' defined as {details['flow_type']}."
        self._write("flow_definition", message, {"flow_definition": details}, dataset=flow.target, flow=flow.name)

    def flow_progress(
        self,
        flow: Flow,
        status: str,
        *,
        reason: str = "",
        metrics: Mapping[str, Any] | None = None,
        quality: Mapping[str, Any] | None = None,
        error: BaseException | None = None,
    ) -> None:
        """A flow has a new status. ``reason``: more for the message."""
        details: dict[str, Any] = {"status": status}
        details |= {"metrics": dict(metrics)} if metrics else {}
        details |= {"data_quality": dict(quality)} if quality else {}
        message = f"Flow '{flow.name}' is {status}." if status != "FAILED" else f"Flow '{flow.name}' has FAILED."
        level = {"FAILED": "ERROR", "SKIPPED": "WARN"}.get(status, "INFO")
        where = {"dataset": flow.target, "flow": flow.name}
        shown = self.error(error, flow.place) if error is not None else None
        text = f"{message} {reason}".strip()
        self._write("flow_progress", text, {"flow_progress": details}, level=level, error=shown, **where)

    def failed(self, error: BaseException, place: Place | None = None) -> None:
        """The update has failed, before or beside its flows."""
        self._write(
            "update_progress",
            "Update is FAILED.",
            {"update_progress": {"state": "FAILED"}},
            level="ERROR",
            error=self.error(error, place),
        )

    def error(self, error: BaseException, place: Place | None) -> dict[str, Any]:
        """An exception as the log shows it, with the lines of the pipeline's code that it passed through."""
        if isinstance(error, SourceFailed):
            inner = error.error
            shown = {"class_name": inner.name, "message": inner.value, "stack": [_place(error.place)]}
            return {"fatal": True, "exceptions": [shown]}
        place = error.place if isinstance(error, PipelineError) and error.place else place
        stack = []
        for frame, line in traceback.walk_tb(error.__traceback__):
            found = self._locate(frame.f_code.co_filename, line)
            if found is not None:
                stack.append({**_place(found), "method_name": frame.f_code.co_name})
        if isinstance(error, SyntaxError) and (found := self._locate(error.filename or "", error.lineno or 0)):
            stack.append(_place(found))
        if not stack and place is not None:
            stack.append(_place(place))
        shown = {"class_name": type(error).__name__, "message": message_of(error), "stack": stack[::-1]}
        return {"fatal": True, "exceptions": [shown]}

    def _write(
        self,
        kind: str,
        message: str,
        details: Mapping[str, Any],
        *,
        level: str = "INFO",
        error: Mapping[str, Any] | None = None,
        dataset: str = "",
        flow: str = "",
    ) -> None:
        event = {
            "id": str(uuid.uuid4()),
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "event_type": kind,
            "level": level,
            "message": message,
            "details": details,
            "origin": {**({"dataset_name": dataset} if dataset else {}), **({"flow_name": flow} if flow else {})},
            **({"error": error} if error is not None else {}),
        }
        with self._path.open("a") as log:
            log.write(json.dumps(self._redacted(event)) + "\n")


def message_of(error: BaseException) -> str:
    """An exception's text, without the plan that Spark puts behind it."""
    from pyspark.errors import AnalysisException

    from harness.lake.sql.failures import failure

    return failure(error).message if isinstance(error, AnalysisException) else str(error)


def _place(place: Place) -> dict[str, Any]:
    return {"file_name": place.file, "line_number": place.line}
