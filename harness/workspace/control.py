"""The tests' own interface, under a prefix that Databricks will never use: ``/_harness/…``."""

from __future__ import annotations

import math
import shutil
import threading
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from harness.workspace import (
    catalogs,
    dbfs,
    faults,
    files,
    knownapis,
    pipelineupdates,
    principals,
    secretscopes,
    volumes,
    warehouses,
)
from harness.workspace.capabilities import capabilities as known_capabilities
from harness.workspace.errors import InvalidParameter
from harness.workspace.runs import cancel_run
from harness.workspace.runviews import run_view
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from harness.runner.run import Run
    from harness.workspace.state import Workspace

# How long a reset waits for what it cancels: processes are killed, so it does not take long.
CANCEL_SECONDS = 10.0
SETTLED = ("ready", "warm", "failed", "stopped")
PACKAGES = ("pyspark", "delta-spark", "databricks-sdk", "databricks-sql-connector", "starlette", "uvicorn")


def seed(workspace: Workspace) -> None:
    """Make what every workspace has from the start: its folders, catalogs, principals, secrets and warehouses."""
    files.seed(workspace)
    catalogs.seed(workspace)
    principals.seed(workspace)
    secretscopes.seed(workspace)
    dbfs.seed(workspace)
    volumes.seed(workspace)
    warehouses.seed(workspace)
    pipelineupdates.recover(workspace)


def status(call: Call) -> Document:
    workspace = call.workspace
    return {
        "url": workspace.url,
        "versions": {name: metadata.version(name) for name in PACKAGES},
        "folders": {prefix: str(folder) for prefix, folder in workspace.paths.roots.items()},
        "engine": engine_status(workspace),
        "sql": workspace.sql.status(),
        "runner": workspace.runner.status(),
        "runs": len(workspace.runs.all()),
        "active_runs": sum(not run.state.ended for run in workspace.runs.all()),
    }


def engine_status(workspace: Workspace) -> Document:
    """The engine's facts; ``state`` is starting, ready, failed or stopped, ``reason`` says why it failed."""
    facts = workspace.engine.status()
    state = "ready" if facts["state"] == "warm" else facts["state"]
    return {**facts, "state": state, "warm": facts["state"] == "warm", "reason": facts.get("error")}


async def engine(call: Call) -> Document:
    """The engine's status; with ``wait`` seconds, once it is ready or has failed, or that time has passed."""
    workspace = call.workspace
    try:
        seconds = float(call.text("wait", "0"))
    except ValueError:
        raise InvalidParameter("Expected wait to be a number of seconds.") from None
    await workspace.signal.wait("engine", lambda: workspace.engine.status()["state"] in SETTLED, seconds)
    return engine_status(workspace)


def requests(call: Call) -> Document:
    return {"requests": call.workspace.requests.entries()}


def unserved(call: Call) -> Document:
    """What was asked for in vain; ``known``: what that is to the clients that ask for it."""
    entries = call.workspace.requests.unserved()
    return {"unserved": [{**entry, "known": knownapis.names(*entry["request"].split(" ", 1))} for entry in entries]}


def capabilities(call: Call) -> Document:
    """Every operation that is served, and every other that clients know (docs/capabilities.md)."""
    return {"capabilities": [row.document() for row in known_capabilities(call.request.app.routes)]}


def runs(call: Call) -> Document:
    """Every run, oldest first, whole, with each task's output."""
    shown = []
    for run in call.workspace.runs.all():
        view = run_view(call.workspace, run)
        for task, document in zip(list(run.tasks), view["tasks"], strict=True):
            document["directory"] = task.directory
            document["output"] = {
                "error": task.output.error,
                "error_trace": task.output.error_trace,
                "result": task.output.result,
                "logs": task.output.logs,
            }
        shown.append(view)
    return {"runs": shown}


def tables(call: Call) -> Document:
    """Every table and view: name, kind, where it rests. Rows are read by delta-rs (harness/lake/tables.py)."""
    kept = ("full_name", "table_type", "data_source_format", "storage_location", "comment")
    return {"tables": [{k: t[k] for k in kept if k in t} for t in call.workspace.store.all("table")]}


async def reset(call: Call) -> Document:
    """Cancel what runs, forget every record, and begin with new storage roots. Spark stays warm."""
    workspace = call.workspace
    active = [run for run in workspace.runs.all() if not run.state.ended]
    for run in active:
        await run_in_threadpool(cancel_run, workspace, run)
    updates = await run_in_threadpool(pipelineupdates.stop_active, workspace)
    for run in updates:
        await workspace.signal.wait(("pipeline", run.name), partial(_ended, run), CANCEL_SECONDS)
    for run in active:
        # What is still being killed could write into the new catalogs.
        await workspace.signal.wait(("run", run.run_id), partial(_ended, run), CANCEL_SECONDS)
    await run_in_threadpool(forget, workspace)
    return {}


def hold(call: Call) -> Document:
    """Hold polls for at most ``seconds`` from now on; without, as long as configured. A reset ends it.

    With 0, what is deferrable in a DAG defers: it finds its run still under way.
    """
    seconds = call.arguments.get("seconds", math.inf)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or seconds < 0:
        raise InvalidParameter("Expected seconds to be a number, 0 or more.")
    call.workspace.signal.patience = float(seconds)
    return {"seconds": call.workspace.hold_seconds}


def _ended(run: Run) -> bool:
    return run.state.ended


def forget(workspace: Workspace) -> None:
    """Forget every record and make what every workspace has anew."""
    workspace.runs.clear()
    pipelineupdates.forget(workspace)
    workspace.signal.patience = math.inf
    faults.forget(workspace)
    workspace.sql.reset()
    for catalog in workspace.store.all("catalog"):
        catalogs.forget(workspace, catalog["name"])
    volumes.forget(workspace)
    workspace.store.clear()
    for folder in (workspace.config.files, workspace.config.mlflow, workspace.config.clusters):
        shutil.rmtree(folder, ignore_errors=True)
    dbfs.forget(workspace)
    old = catalogs.renew(workspace)
    seed(workspace)
    if engine_status(workspace)["state"] == "ready":
        workspace.engine.clear_caches()
    workspace.requests.clear()
    # Nobody looks there any more; thousands of small files take their time.
    threading.Thread(target=shutil.rmtree, args=(old,), kwargs={"ignore_errors": True}, daemon=True).start()


routes = [
    Route("/_harness/status", endpoint(status), methods=["GET"]),
    Route("/_harness/engine", endpoint(engine), methods=["GET"]),
    Route("/_harness/requests", endpoint(requests), methods=["GET"]),
    Route("/_harness/unserved", endpoint(unserved), methods=["GET"]),
    Route("/_harness/capabilities", endpoint(capabilities), methods=["GET"]),
    Route("/_harness/runs", endpoint(runs), methods=["GET"]),
    Route("/_harness/tables", endpoint(tables), methods=["GET"]),
    Route("/_harness/hold", endpoint(hold), methods=["POST"]),
    Route("/_harness/reset", endpoint(reset), methods=["POST"]),
]
