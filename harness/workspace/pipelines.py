"""Pipelines: ``/api/2.0/pipelines``. The local workspace has none, and says so when it is asked for one.

The provider looks ``pipeline_task.pipeline_name`` up here before it submits a run (wire.md §1.2 #14).
"""

from __future__ import annotations

from harness.workspace.errors import InvalidParameter, NotFound, NotServed
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

# docs: api/workspace/pipelines/listpipelines.
MOST = 100


def list_pipelines(call: Call) -> Document:
    if not 1 <= call.integer("max_results", 25) <= MOST:
        raise InvalidParameter(f"max_results must be between 1 and {MOST}.")
    return {}


def get(call: Call) -> Document:
    raise NotFound(f"The specified pipeline {call.path['pipeline_id']} was not found.")


def create(call: Call) -> Document:
    raise NotServed("Lakeflow Declarative Pipelines are not served by the local workspace.")


routes = [
    *api("GET", "2.0/pipelines", list_pipelines),
    *api("POST", "2.0/pipelines", create),
    *api("GET", "2.0/pipelines/{pipeline_id}", get),
    *api("PUT", "2.0/pipelines/{pipeline_id}", get),
    *api("DELETE", "2.0/pipelines/{pipeline_id}", get),
    *api("GET", "2.0/pipelines/{pipeline_id}/updates", get),
    *api("POST", "2.0/pipelines/{pipeline_id}/updates", get),
    *api("POST", "2.0/pipelines/{pipeline_id}/stop", get),
]
