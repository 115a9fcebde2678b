"""Pipelines and their updates as records, and the updates under way."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.runner.run import Run
from harness.workspace.errors import NotFound
from harness.workspace.store import Document

if TYPE_CHECKING:
    from harness.workspace.state import Workspace


@dataclass
class Updates:
    """The updates under way, by id, with their runs; and which client has read what at which path."""

    active: dict[str, Run] = field(default_factory=dict)
    seen: set[tuple[str, str, str]] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


def find(workspace: Workspace, pipeline_id: str) -> Document:
    """The record of a pipeline. Raises: ``NotFound``."""
    document = workspace.store.get("pipeline", pipeline_id)
    if document is None:
        raise NotFound(f"The specified pipeline {pipeline_id} was not found.")
    return document


def find_update(workspace: Workspace, pipeline_id: str, update_id: str) -> Document:
    """The record of an update. Raises: ``NotFound``."""
    find(workspace, pipeline_id)
    update = workspace.store.get("pipeline_update", update_id)
    if update is None or update["pipeline_id"] != pipeline_id:
        raise NotFound(f"The specified update {update_id} of pipeline {pipeline_id} was not found.")
    return update


def of_pipeline(workspace: Workspace, pipeline_id: str) -> list[Document]:
    """A pipeline's updates, the newest first."""
    updates = [each for each in workspace.store.all("pipeline_update") if each["pipeline_id"] == pipeline_id]
    return sorted(updates, key=lambda update: int(update["order"]), reverse=True)
