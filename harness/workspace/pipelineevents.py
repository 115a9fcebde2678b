"""The event log of pipelines, ``/api/2.0/pipelines/{id}/events``: what the workspace and the updates' kernels noted.

Source: docs.databricks.com, "Pipeline event log schema"; databricks-sdk, ``PipelineEvent``. ``details`` stands in each
event as the schema gives it.
"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.runner.run import Output
from harness.workspace.errors import InvalidParameter
from harness.workspace.pipelinerecords import find, of_pipeline
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# kernel/pipelines/events.py writes it.
FILE = "events.jsonl"
# docs: api/workspace/pipelines/listpipelineevents: what filters are made of.
FILTER = re.compile(
    r"\s*(?:(?P<field>level|event_type|id|timestamp|message)\s*(?P<op>=|!=|<>|<=|>=|<|>|in)\s*"
    r"(?P<value>'[^']*'|\(\s*'[^']*'(?:\s*,\s*'[^']*')*\s*\)))\s*",
    re.IGNORECASE,
)
ORDERS = {"timestamp asc": False, "timestamp desc": True}
CANCELLED = "Update is CANCELED."


def root(workspace: Workspace) -> Path:
    """Where the kernels of updates work."""
    return workspace.config.directory / "pipelines"


def folder(workspace: Workspace, update: Document) -> Path:
    """Where the kernel of an update works."""
    return root(workspace) / str(update["update_id"])


def moment(milliseconds: int) -> str:
    """A time as the API writes it."""
    text = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def note(
    update: Document, kind: str, message: str, *, details: Document | None = None, level: str = "INFO", error: str = ""
) -> None:
    """Put an event of the workspace's own into an update's record."""
    event: Document = {
        "id": str(uuid.uuid4()),
        "timestamp": moment(int(datetime.now(UTC).timestamp() * 1000)),
        "event_type": kind,
        "level": level,
        "message": message,
        "details": details if details is not None else {kind: {}},
        "origin": {},
    }
    if error:
        event["error"] = {"fatal": True, "exceptions": [{"class_name": "UpdateFailed", "message": error}]}
    update.setdefault("events", []).append(event)


def note_state(update: Document, state: str, error: str = "") -> None:
    """Note that an update has a new state."""
    level = "ERROR" if state == "FAILED" else "INFO"
    details = {"update_progress": {"state": state}}
    note(update, "update_progress", f"Update is {state}.", details=details, level=level, error=error)


def ended(workspace: Workspace, update: Document, state: str, output: Output) -> Document:
    """An update's record once its run has ended. Parameters: ``output``: of its kernel."""
    written = _written(workspace, update)
    update = {**update, "state": state, "events": [*update["events"], *written]}
    if state != _state(written):
        note_state(update, state, error=(output.error or "") if state == "FAILED" else "")
    return update


def reached(workspace: Workspace, update: Document) -> str:
    """The state that an update's kernel has noted last; "" before the first."""
    return _state(_written(workspace, update))


def of_update(workspace: Workspace, update: Document) -> list[Document]:
    """The events of an update, the oldest first."""
    events = list(update.get("events", ()))
    if update["update_id"] in workspace.updates.active:
        events += _written(workspace, update)
    name = update["config"]["name"]
    origin = {
        "pipeline_id": update["pipeline_id"],
        "pipeline_name": name,
        "update_id": update["update_id"],
        "org_id": workspace.config.org_id,
    }
    return [
        {
            **event,
            "origin": {**origin, **event["origin"]},
            "maturity_level": "STABLE",
            "sequence": {"data_plane_id": {"instance": "local", "seq_no": 1000000 * int(update["order"]) + at}},
        }
        for at, event in enumerate(events)
    ]


def _written(workspace: Workspace, update: Document) -> list[Document]:
    path = folder(workspace, update) / FILE
    try:
        text = path.read_text()
    except OSError:
        return []
    # The last line may be half written.
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _state(events: list[Document]) -> str:
    states = [
        event["details"]["update_progress"]["state"] for event in events if event["event_type"] == "update_progress"
    ]
    return str(states[-1]) if states else ""


def list_events(call: Call) -> Document:
    """A pipeline's events, the newest first unless ``order_by`` says otherwise. Raises: ``InvalidParameter``."""
    workspace = call.workspace
    pipeline = find(workspace, call.path["pipeline_id"])
    updates = reversed(of_pipeline(workspace, pipeline["pipeline_id"]))
    events = [event for update in updates for event in of_update(workspace, update)]
    for condition in _conditions(call.text("filter", "")):
        events = [event for event in events if _meets(event, condition)]
    given: Any = call.arguments.get("order_by", ["timestamp desc"])
    order = " ".join(given if isinstance(given, list) else [str(given)]).lower().strip()
    if order not in ORDERS:
        raise InvalidParameter(f"Invalid order_by: {order}. Supported are {', '.join(ORDERS)}.")
    if ORDERS[order]:
        events.reverse()
    shown, following, before = page(events, call, size=25, most=250, field="max_results")
    answer: Document = {"events": shown} if shown else {}
    return {**answer, "next_page_token": following, "prev_page_token": before}


def _conditions(text: str) -> list[re.Match[str]]:
    found = []
    for part in re.split(r"\s+and\s+", text, flags=re.IGNORECASE) if text else []:
        match = FILTER.fullmatch(part)
        if match is None:
            raise InvalidParameter(
                f"Invalid filter: {text}. Supported are comparisons of level, event_type, id, message and timestamp "
                "with strings, and IN lists, combined by AND."
            )
        found.append(match)
    return found


def _meets(event: Document, condition: re.Match[str]) -> bool:
    value = str(event[condition["field"].lower()])
    wanted: list[str] = re.findall(r"'([^']*)'", condition["value"])
    compared = {
        "=": value in wanted,
        "in": value in wanted,
        "!=": value not in wanted,
        "<>": value not in wanted,
        "<": value < wanted[0],
        "<=": value <= wanted[0],
        ">": value > wanted[0],
        ">=": value >= wanted[0],
    }
    return compared[condition["op"].lower()]


routes = [*api("GET", "2.0/pipelines/{pipeline_id}/events", list_events)]
