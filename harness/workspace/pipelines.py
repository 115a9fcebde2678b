"""Pipelines, ``/api/2.0/pipelines``: made, found by name, changed and deleted. Updates run them (pipelineupdates.py).

The provider looks ``pipeline_task.pipeline_name`` up before it submits a run (wire.md §1.2 #14).
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from databricks.sdk.service.pipelines import PipelineSpec, RunAs

from harness.runner.run import now
from harness.workspace import permissions, pipelineupdates, principals, tables
from harness.workspace.errors import Conflict, InvalidParameter
from harness.workspace.jobspec import typed
from harness.workspace.pipelinerecords import find
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# docs: api/workspace/pipelines/listpipelines, as is how many a page has.
FILTER = re.compile(r"\s*(?:name\s+like\s+'(?P<name>.*)'|notebook\s*=\s*'(?P<notebook>.*)')\s*", re.I | re.S)
# The property of a table that names its pipeline (kernel/pipelines/writing.py).
OWNER = "pipelines.pipelineId"
# Fields of a request that are not of the specification.
BESIDE = ("allow_duplicate_names", "dry_run", "run_as", "expected_last_modified", "pipeline_id", "id")


def create(call: Call) -> Document:
    """Make a pipeline. Raises: ``InvalidParameter``; ``Conflict`` for a name that another one has."""
    store, spec, pipeline_id = call.workspace.store, _spec(call), str(uuid.uuid4())
    if call.flag("dry_run"):
        return {"effective_settings": spec}
    _refuse_taken(call, spec)
    user = principals.caller(call).name
    document = {
        "pipeline_id": pipeline_id,
        "creator_user_name": user,
        "run_as_user_name": _run_as(call) or user,
        "spec": {**spec, "id": pipeline_id},
        "last_modified": now(),
        "order": store.next("pipeline"),
    }
    store.put("pipeline", pipeline_id, document)
    return {"pipeline_id": pipeline_id}


async def get(call: Call) -> Document:
    """One pipeline; a second read by a client during an update waits for news."""
    found = find(call.workspace, call.path["pipeline_id"])
    await pipelineupdates.hold(call, found["pipeline_id"])
    found = find(call.workspace, call.path["pipeline_id"])
    return {**_shown(call.workspace, found), "spec": found["spec"], "last_modified": found["last_modified"]}


def edit(call: Call) -> Document:
    """Replace the settings of a pipeline. Raises: ``NotFound``, ``InvalidParameter``, ``Conflict``."""
    old, spec = find(call.workspace, call.path["pipeline_id"]), _spec(call)
    if call.integer("expected_last_modified", old["last_modified"]) != old["last_modified"]:
        raise Conflict("The pipeline was modified after expected_last_modified.")
    _refuse_taken(call, spec, old["pipeline_id"])
    changed = {
        "run_as_user_name": _run_as(call) or old["run_as_user_name"],
        "spec": {**spec, "id": old["pipeline_id"]},
        "last_modified": max(now(), old["last_modified"] + 1),
    }
    call.workspace.store.update("pipeline", old["pipeline_id"], lambda document: {**document, **changed})
    return {}


def delete(call: Call) -> Document:
    """Delete a pipeline, and with it its tables, unless ``cascade`` is false (databricks-sdk, ``PipelinesAPI``)."""
    store, found = call.workspace.store, find(call.workspace, call.path["pipeline_id"])
    cascades = call.flag("cascade", True)
    pipelineupdates.stop_active(call.workspace, found["pipeline_id"])
    store.delete("pipeline", found["pipeline_id"])
    for table in store.all("table") if cascades else ():
        if (table.get("properties") or {}).get(OWNER) == found["pipeline_id"]:
            tables.drop(call, table["full_name"])
    permissions.forget(store, "pipelines", found["pipeline_id"])
    return {}


def list_pipelines(call: Call) -> Document:
    """The pipelines, oldest first, of a name or with a notebook. Raises: ``InvalidParameter``."""
    found = sorted(call.workspace.store.all("pipeline"), key=lambda pipeline: int(pipeline["order"]))
    if given := call.text("filter", ""):
        asked = FILTER.fullmatch(given)
        if asked is None:
            raise InvalidParameter(
                f"Invalid filter: {given}. Supported are notebook='<path>' and name LIKE '[pattern]'."
            )
        found = [pipeline for pipeline in found if _matches(asked, pipeline["spec"])]
    shown, following, _ = page(found, call, size=25, most=100, field="max_results")
    document: Document = {"statuses": [_shown(call.workspace, pipeline) for pipeline in shown]}
    return {**document, "next_page_token": following} if following else document


def _spec(call: Call) -> Document:
    spec = typed({name: value for name, value in call.arguments.items() if name not in BESIDE}, PipelineSpec)
    if not spec.get("name"):
        raise InvalidParameter("Missing required field: name")
    return spec


def _refuse_taken(call: Call, spec: Document, own: str = "") -> None:
    if call.flag("allow_duplicate_names"):
        return
    for other in call.workspace.store.all("pipeline"):
        if other["spec"]["name"] == spec["name"] and other["pipeline_id"] != own:
            raise Conflict(
                f"The pipeline name '{spec['name']}' is already used by another pipeline. This check can be skipped by "
                "setting `allow_duplicate_names = true` in the request."
            )


def _run_as(call: Call) -> str:
    given = typed(call.mapping("run_as", {}), RunAs)
    return str(given.get("user_name") or given.get("service_principal_name") or "")


def _matches(asked: re.Match[str], spec: Document) -> bool:
    if asked["name"] is not None:
        pattern = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in asked["name"])
        return re.fullmatch(pattern, spec["name"], re.S) is not None
    paths = [(library.get("notebook") or {}).get("path") for library in spec.get("libraries", [])]
    return asked["notebook"] in paths


def _shown(workspace: Workspace, pipeline: Document) -> Document:
    """A pipeline as lists show it."""
    fields = ("pipeline_id", "creator_user_name", "run_as_user_name")
    of_updates = pipelineupdates.shown(workspace, pipeline["pipeline_id"])
    return {**{name: pipeline[name] for name in fields}, "name": pipeline["spec"]["name"], **of_updates}


ONE = "2.0/pipelines/{pipeline_id}"

routes = [
    *api("GET", "2.0/pipelines", list_pipelines),
    *api("POST", "2.0/pipelines", create),
    *api("GET", ONE, get),
    *api("PUT", ONE, edit),
    *api("DELETE", ONE, delete),
]
