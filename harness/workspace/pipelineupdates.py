"""Updates of pipelines, ``/api/2.0/pipelines/{id}/updates``: each a record, and a run of its own that no list shows.

Source: databricks-sdk, ``PipelinesAPI``; docs.databricks.com, "Run a pipeline update". What an update executes is in
kernel/pipelines/.
"""

from __future__ import annotations

import shutil
import uuid
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.jobs import PipelineParams

from harness.runner.run import LifeCycle, Result, Run, now
from harness.workspace import pipelineevents, pipelineruns
from harness.workspace.errors import Conflict, InvalidParameter
from harness.workspace.jobspec import typed
from harness.workspace.pipelinerecords import find, find_update, of_pipeline
from harness.workspace.pipelineruns import SELECTIONS
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

ENDED = ("COMPLETED", "FAILED", "CANCELED")
INTERRUPTED = "The workspace stopped during this update."
# Of a request.
FIELDS = frozenset({"pipeline_id", "cause", "development", "full_refresh", "validate_only", "parameters", *SELECTIONS})
# A client that has seen an update's state and asks again is answered when it has another; the SDK gives up after 60 s.
MOST_HELD = 50.0
LATEST = 5


def state(workspace: Workspace, update: Document) -> str:
    """Where an update is."""
    run = workspace.updates.active.get(update["update_id"])
    if run is None:
        return str(update["state"])
    if run.state.life_cycle is LifeCycle.TERMINATING:
        return "STOPPING"
    reached = pipelineevents.reached(workspace, update)
    # Its end is that of its process.
    return "RUNNING" if reached in ENDED else reached or "WAITING_FOR_RESOURCES"


def begin(workspace: Workspace, pipeline: Document, asked: Document, cause: str) -> Run:
    """Start an update.

    Parameters: ``asked``: what to refresh, as requests say it. Returns: its run; ``settings["update_id"]`` is the
    update's id. Raises: ``InvalidParameter`` for what cannot be run, ``Conflict`` during another update.
    """
    spec, pipeline_id = pipeline["spec"], pipeline["pipeline_id"]
    pipelineruns.runnable(spec)
    update_id = str(uuid.uuid4())
    update: Document = {
        "update_id": update_id,
        "pipeline_id": pipeline_id,
        "cause": cause,
        "config": spec,
        "creation_time": now(),
        "order": workspace.store.next("pipeline_update"),
        "state": "CREATED",
        "full_refresh": bool(asked.get("full_refresh")),
        "validate_only": bool(asked.get("validate_only")),
        **{name: asked[name] for name in (*SELECTIONS, "parameters") if asked.get(name)},
    }
    run = pipelineruns.run_of(workspace, pipeline, update)
    with workspace.updates.lock:
        active = next((each for each in workspace.updates.active.values() if each.name == pipeline_id), None)
        if active is not None:
            other = active.settings["update_id"]
            raise Conflict(f"An active update {other} already exists for pipeline '{pipeline_id}'.")
        workspace.updates.active[update_id] = run
    pipelineevents.note(update, "create_update", f"Update {update_id[:6]} started by {cause}.")
    pipelineevents.note_state(update, "WAITING_FOR_RESOURCES")
    workspace.store.put("pipeline_update", update_id, update)
    workspace.runner.submit(run)
    return run


def progressed(workspace: Workspace, run: Run) -> None:
    """Take note of the new state of an update's run."""
    update_id = run.settings["update_id"]
    if run.state.ended and workspace.updates.active.get(update_id) is run:
        ending = {Result.SUCCESS: "COMPLETED", Result.CANCELED: "CANCELED"}.get(run.state.result or Result.FAILED)

        def end(update: Document) -> Document:
            return pipelineevents.ended(workspace, update, ending or "FAILED", run.tasks[-1].output)

        workspace.store.update("pipeline_update", update_id, end)
        with workspace.updates.lock:
            workspace.updates.active.pop(update_id, None)
            workspace.updates.seen = {each for each in workspace.updates.seen if each[0] != update_id}
    workspace.signal.notify(("pipeline", run.name))


def stop_active(workspace: Workspace, pipeline_id: str = "") -> list[Run]:
    """Ask for the end of a pipeline's update, or of all there are. Returns: their runs."""
    runs = [run for run in list(workspace.updates.active.values()) if pipeline_id in ("", run.name)]
    for run in runs:
        workspace.runner.cancel(run)
    return runs


def recover(workspace: Workspace) -> None:
    """Say of the updates of a former process that they have died with it."""
    for update in workspace.store.all("pipeline_update"):
        if update["state"] not in ENDED:
            pipelineevents.note_state(update, "FAILED", error=INTERRUPTED)
            workspace.store.put("pipeline_update", update["update_id"], {**update, "state": "FAILED"})


def forget(workspace: Workspace) -> None:
    """Forget what is kept beside the records."""
    workspace.updates.active.clear()
    workspace.updates.seen.clear()
    shutil.rmtree(pipelineevents.root(workspace), ignore_errors=True)


def shown(workspace: Workspace, pipeline_id: str) -> Document:
    """What a pipeline says of its updates."""
    updates = of_pipeline(workspace, pipeline_id)
    fields: Document = {"state": "IDLE", "health": "HEALTHY"}
    if not updates:
        return fields
    states = [state(workspace, update) for update in updates[:LATEST]]
    if states[0] not in ENDED:
        starting = states[0] in ("CREATED", "QUEUED", "WAITING_FOR_RESOURCES", "INITIALIZING")
        fields["state"] = states[0] if states[0] in ("STOPPING", "RESETTING") else "STARTING" if starting else "RUNNING"
    last = next((each for each in states if each in ("COMPLETED", "FAILED")), "COMPLETED")
    fields["health"] = "HEALTHY" if last == "COMPLETED" else "UNHEALTHY"
    fields["latest_updates"] = [
        {
            "update_id": update["update_id"],
            "state": each,
            "creation_time": pipelineevents.moment(update["creation_time"]),
        }
        for update, each in zip(updates, states, strict=False)
    ]
    return fields


async def hold(call: Call, pipeline_id: str) -> None:
    """Keep a client waiting that has read where a pipeline's update is, until it is somewhere else."""
    workspace = call.workspace
    active = next((run for run in workspace.updates.active.values() if run.name == pipeline_id), None)
    if active is None:
        return
    before = active.state.life_cycle.value
    client = f"{call.request.headers.get('user-agent', '')} {call.request.url.path}"
    reader = (active.settings["update_id"], client, before)
    if reader not in workspace.updates.seen:
        workspace.updates.seen.add(reader)
        return

    def moved() -> bool:
        run = workspace.updates.active.get(active.settings["update_id"])
        return run is not active or run.state.life_cycle.value != before

    await workspace.signal.wait(("pipeline", pipeline_id), moved, min(workspace.hold_seconds, MOST_HELD))


# -- operations --------------------------------------------------------------------------------------


def start(call: Call) -> Document:
    """Begin an update. Raises: ``NotFound``, ``InvalidParameter``, ``Conflict`` during another one."""
    pipeline = find(call.workspace, call.path["pipeline_id"])
    if unknown := sorted(set(call.arguments) - FIELDS):
        raise InvalidParameter(f"{', '.join(unknown)} is not supported here.")
    run = begin(call.workspace, pipeline, _asked(call), call.text("cause", "API_CALL"))
    return {"update_id": run.settings["update_id"]}


def _asked(call: Call) -> Document:
    asked: Document = {name: call.flag(name) for name in ("full_refresh", "validate_only")}
    for name in SELECTIONS:
        asked[name] = call.arguments.get(name, [])
        if not isinstance(asked[name], list) or not all(isinstance(each, str) for each in asked[name]):
            raise InvalidParameter(f"Expected {name} to be a list of names of tables.")
    asked["parameters"] = call.mapping("parameters", {})
    if not all(isinstance(value, str) for value in asked["parameters"].values()):
        raise InvalidParameter("Expected the values of parameters to be strings.")
    return checked(asked)


def parameters(given: object) -> Document:
    """``pipeline_params`` of run-now. Raises: ``InvalidParameter``."""
    asked = typed(given, PipelineParams) if isinstance(given, dict) else None
    if asked is None:
        raise InvalidParameter("Expected pipeline_params to be an object.")
    if unknown := sorted(set(asked) - {"full_refresh", *SELECTIONS}):
        raise InvalidParameter(f"pipeline_params.{', '.join(unknown)} is not supported here.")
    return checked(asked)


def checked(asked: Document) -> Document:
    """What to refresh. Raises: ``InvalidParameter`` for what contradicts itself."""
    if asked.get("full_refresh") and any(asked.get(name) for name in SELECTIONS):
        raise InvalidParameter(f"full_refresh cannot be combined with {' or '.join(SELECTIONS)}.")
    return asked


async def get(call: Call) -> Document:
    """One update; a second read by a client waits for news."""
    workspace, pipeline_id, update_id = call.workspace, call.path["pipeline_id"], call.path["update_id"]
    if find_update(workspace, pipeline_id, update_id)["update_id"] in workspace.updates.active:
        await hold(call, pipeline_id)
    return {"update": _view(workspace, find_update(workspace, pipeline_id, update_id))}


def list_updates(call: Call) -> Document:
    """A pipeline's updates, the newest first; up to ``until_update_id``, if given."""
    workspace, pipeline_id = call.workspace, find(call.workspace, call.path["pipeline_id"])["pipeline_id"]
    found = of_pipeline(workspace, pipeline_id)
    if until := call.text("until_update_id", ""):
        order = find_update(workspace, pipeline_id, until)["order"]
        found = [update for update in found if update["order"] >= order]
    updates, following, before = page(found, call, size=25, most=100, field="max_results")
    answer: Document = {"updates": [_view(workspace, update) for update in updates]} if updates else {}
    return {**answer, "next_page_token": following, "prev_page_token": before}


def stop(call: Call) -> Document:
    """Ask for the end of the active update, if there is one."""
    stop_active(call.workspace, find(call.workspace, call.path["pipeline_id"])["pipeline_id"])
    return {}


def _view(workspace: Workspace, update: Document) -> Document:
    hidden = ("order", "events")
    shown = {name: value for name, value in update.items() if name not in hidden}
    mode: Any = "CONTINUOUS" if update["config"].get("continuous") else "DEFAULT"
    return {**shown, "state": state(workspace, update), "mode": mode}


ONE = "2.0/pipelines/{pipeline_id}"

routes = [
    *api("POST", f"{ONE}/updates", start),
    *api("GET", f"{ONE}/updates", list_updates),
    *api("GET", f"{ONE}/updates/{{update_id}}", get),
    *api("POST", f"{ONE}/stop", stop),
]
