"""Pipelines through the unmodified SDK, run on the session's stack, their tables read by delta-rs."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.pipelines import UpdateInfo
from databricks.sdk.service.workspace import ImportFormat

from harness.lake.tables import LakeReader
from harness.stack import Stack

HOME = "/Users/harness@localhost/pipelines"
ENDED = ("COMPLETED", "FAILED", "CANCELED")


@dataclass
class Pipelines:
    """Makes pipelines of sources and updates them."""

    w: WorkspaceClient
    lake: LakeReader
    count: int = field(default=0)

    def make(self, sources: dict[str, str], **spec: Any) -> str:
        """A pipeline of files, by name, in a folder of its own; its tables are in main.<schema>."""
        self.count += 1
        folder = f"{HOME}/{self.count}"
        self.w.workspace.mkdirs(folder)
        for name, text in sources.items():
            self.w.workspace.upload(f"{folder}/{name}", io.BytesIO(text.encode()), format=ImportFormat.RAW)
        libraries = [{"glob": {"include": f"{folder}/**"}}]
        body = {"name": f"pipeline {self.count}", "catalog": "main", "schema": "sales", "libraries": libraries, **spec}
        made: Any = self.w.api_client.do("POST", "/api/2.0/pipelines", body=body)
        return str(made["pipeline_id"])

    def update(self, pipeline_id: str, **asked: Any) -> UpdateInfo:
        """Start an update and wait for its end; the workspace holds the poll."""
        return self.wait(pipeline_id, str(self.w.pipelines.start_update(pipeline_id, **asked).update_id))

    def wait(self, pipeline_id: str, update_id: str) -> UpdateInfo:
        """Wait for an update's end."""
        while True:
            update = self.w.pipelines.get_update(pipeline_id, update_id).update
            assert update is not None
            assert update.state is not None
            if update.state.value in ENDED:
                return update

    def events(self, pipeline_id: str) -> list[dict[str, Any]]:
        """The event log, the oldest first, with the details that the SDK's class leaves out."""
        query = {"max_results": 250, "order_by": "timestamp asc"}
        found: Any = self.w.api_client.do("GET", f"/api/2.0/pipelines/{pipeline_id}/events", query=query)
        return list(found.get("events", []))

    def flows(self, pipeline_id: str, status: str) -> dict[str, Any]:
        """The progress events of a status, by flow."""
        events = [event for event in self.events(pipeline_id) if event["event_type"] == "flow_progress"]
        return {e["origin"]["flow_name"]: e for e in events if e["details"]["flow_progress"]["status"] == status}

    def errors(self, pipeline_id: str) -> list[dict[str, Any]]:
        """The exceptions in the log, the oldest first."""
        return [each for event in self.events(pipeline_id) for each in event.get("error", {}).get("exceptions", [])]

    def rows(self, table: str, *order: str) -> list[dict[str, Any]]:
        """A table's rows, read by delta-rs."""
        rows: list[dict[str, Any]] = self.lake.table(table).to_arrow().to_pylist()
        return sorted(rows, key=lambda row: tuple(str(row[name]) for name in order))


@pytest.fixture
def pipelines(clean_stack: Stack, workspace: WorkspaceClient, lake: LakeReader) -> Pipelines:
    clean_stack.wait_engine()
    return Pipelines(workspace, lake)


Make = Callable[..., Any]
