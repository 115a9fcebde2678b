"""Clusters: ``/api/2.1/clusters``. Each is a handle on the one local Spark, with a life of its own.

A cluster is PENDING until Spark is up, then RUNNING, and TERMINATED when asked for; should Spark not come up, in ERROR.

Source: docs.databricks.com/api/workspace/clusters. Here are the records, their states and reading them; what changes
them is in clusterlifecycle.py. A cluster that a job names and nobody has made exists, running, from then on. Runs under
way on a cluster are not ended with it; a run on a terminated cluster starts it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from harness.runner.run import now
from harness.workspace import arrays
from harness.workspace.errors import InvalidParameter, InvalidState
from harness.workspace.runtimes import NODE_TYPE, RUNTIMES, VERSIONS, cores, memory_mb
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api, page

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

STATES = {"ready": "RUNNING", "warm": "RUNNING", "failed": "ERROR", "stopped": "ERROR"}
FILTERS = ("cluster_sources", "cluster_states", "is_pinned", "policy_id")


def note(workspace: Workspace, settings: Document) -> None:
    """Make the clusters that a job's tasks name and that nobody has made.

    Raises: ``InvalidParameter`` for one that was deleted for good.
    """
    for task in settings["tasks"]:
        if "existing_cluster_id" in task:
            cluster_id = task["existing_cluster_id"]
            spec = {"spark_version": next(iter(RUNTIMES)), "node_type_id": NODE_TYPE, "num_workers": 0}
            with contextlib.suppress(Taken):
                add(workspace, cluster_id, {"cluster_name": cluster_id, **spec})
            find(workspace, cluster_id)


def wake(workspace: Workspace, cluster_ids: Iterable[str]) -> None:
    """Start those that are terminated, as a run does that is to use them. Unknown ones are left alone.

    Raises: ``InvalidParameter`` for one that was deleted for good.
    """
    for cluster_id in cluster_ids:
        cluster = workspace.store.get("cluster", cluster_id)
        if cluster is not None and not _settled(workspace, cluster)["on"]:
            with contextlib.suppress(InvalidState):  # somebody else was faster
                move(workspace, cluster_id, ("TERMINATED",), started)
                event(workspace, cluster_id, "STARTING", {"user": workspace.config.user})


def add(workspace: Workspace, cluster_id: str, spec: Document) -> None:
    """Write a new cluster, on. Raises: ``Taken``."""
    cluster = {"cluster_id": cluster_id, "spec": spec, "creator": workspace.config.user}
    workspace.store.insert("cluster", cluster_id, started(cluster))
    event(workspace, cluster_id, "CREATING", {"attributes": spec, "user": workspace.config.user})


def started(cluster: Document) -> Document:
    """The record of a cluster that starts now. ``state_now``: its state until Spark is up; ``life``: counts starts."""
    life = {"life": cluster.get("life", 0) + 1, "start_time": now()}
    return {**cluster, **life, "on": True, "announced": False, "state_now": "PENDING"}


def every(workspace: Workspace) -> list[Document]:
    """The record of each cluster."""
    kept = [cluster for cluster in workspace.store.all("cluster") if not cluster.get("gone")]
    return [_settled(workspace, cluster) for cluster in kept]


def find(workspace: Workspace, cluster_id: str) -> Document:
    """A cluster's record. Raises: ``InvalidParameter``, as the service words it."""
    cluster = workspace.store.get("cluster", cluster_id)
    if cluster is None or cluster.get("gone"):
        raise InvalidParameter(f"Cluster {cluster_id} does not exist")
    cluster = _settled(workspace, cluster)
    if not cluster["announced"] and state_of(cluster, workspace.engine.status()["state"]) == "RUNNING":
        return _announce(workspace, cluster)
    return cluster


def _settled(workspace: Workspace, cluster: Document) -> Document:
    """A cluster's record after its idle end, if that has come: nobody waits for it, whoever looks next finds it ended.

    Source: docs: api/workspace/clusters/create, ``autotermination_minutes``. A run that names the cluster keeps it up.
    """
    minutes = cluster["spec"].get("autotermination_minutes") or 0
    due, at = cluster["start_time"] + minutes * 60_000, now()
    if not minutes or not cluster["on"] or at < due:
        return cluster
    for run in workspace.runs.all():
        if any(task.spec.get("existing_cluster_id") == cluster["cluster_id"] for task in run.tasks):
            if not run.state.ended:
                return cluster
            due = max(due, run.end_time + minutes * 60_000)
    if at < due:
        return cluster
    parameters = {"inactivity_duration_min": str(minutes)}
    reason = {"code": "INACTIVITY", "type": "SUCCESS", "parameters": parameters}
    ended = False

    def end(found: Document) -> Document:
        nonlocal ended
        ended = found["on"] and found["life"] == cluster["life"]
        return {**found, "on": False, "terminated_time": due, "termination_reason": reason} if ended else found

    changed = workspace.store.update("cluster", cluster["cluster_id"], end) or cluster
    if ended:
        event(workspace, cluster["cluster_id"], "TERMINATING", {"reason": reason})
    return changed


def _announce(workspace: Workspace, cluster: Document) -> Document:
    """Keep the event that a cluster runs, once."""
    first = False

    def change(cluster: Document) -> Document:
        nonlocal first
        first = not cluster["announced"]
        return {**cluster, "announced": True}

    changed = workspace.store.update("cluster", cluster["cluster_id"], change) or cluster
    if first:
        workers = _workers(cluster["spec"])
        details = {"current_num_workers": workers, "target_num_workers": workers}
        event(workspace, cluster["cluster_id"], "RUNNING", details)
    return changed


def specs(workspace: Workspace, cluster_ids: Iterable[str]) -> dict[str, Document]:
    """The specifications of those clusters that exist, by id, with the number of starts (``life``)."""
    kept = {cluster_id: workspace.store.get("cluster", cluster_id) for cluster_id in cluster_ids}
    return {key: {**cluster["spec"], "life": cluster["life"]} for key, cluster in kept.items() if cluster is not None}


def _why_ended(cluster: Document) -> str:
    reason = cluster.get("termination_reason") or {}
    if reason.get("code") == "INACTIVITY":
        return f"Inactive cluster terminated (inactive for {reason['parameters']['inactivity_duration_min']} minutes)."
    return f"Termination requested by {cluster.get('terminated_by', cluster['creator'])}"


def state_of(cluster: Document, engine: str) -> str:
    """A cluster's state. Parameters: ``engine``, the state that the engine is in."""
    if not cluster["on"]:
        return "TERMINATED"
    starting: str = cluster["state_now"]
    return STATES.get(engine, starting)


def move(
    workspace: Workspace, cluster_id: str, allowed: tuple[str, ...], change: Callable[[Document], Document]
) -> Document:
    """Change a cluster that is in one of the allowed states. Returns: its record before.

    Raises: ``InvalidState`` in the service's words (databricks/cli #1372), ``InvalidParameter`` for an unknown one.
    """
    engine = workspace.engine.status()["state"]
    before = find(workspace, cluster_id)

    def changed(cluster: Document) -> Document:
        nonlocal before
        before, state = cluster, state_of(cluster, engine)
        if cluster.get("gone") or state not in allowed:
            raise InvalidState(f"Cluster {cluster_id} is in unexpected state {state.capitalize()}.")
        return change(cluster)

    workspace.store.update("cluster", cluster_id, changed)
    return before


def event(workspace: Workspace, cluster_id: str, kind: str, details: Document) -> None:
    """Keep an event of a cluster's life."""
    number = workspace.store.next("cluster event")
    document = {"cluster_id": cluster_id, "timestamp": now(), "type": kind, "details": details}
    workspace.store.put("cluster_event", f"{cluster_id}/{number:016d}", document)


def view(workspace: Workspace, cluster: Document) -> Document:
    """A cluster as the API shows it; ``spec`` as it was given, beside it what the service adds."""
    spec, engine = cluster["spec"], workspace.engine.status()
    state = state_of(cluster, engine["state"])
    # The hook fails without a state_message (wire.md §1.2 #15).
    message = {
        "TERMINATED": _why_ended(cluster),
        "RUNNING": "",
        "ERROR": engine.get("error") or "The local Spark is not up.",
    }.get(state, "The local Spark is starting.")
    document = {
        "cluster_name": "",
        "autotermination_minutes": 0,
        "driver_node_type_id": spec.get("node_type_id"),
        **spec,
        "cluster_id": cluster["cluster_id"],
        "creator_user_name": cluster["creator"],
        "cluster_source": "API",
        "start_time": cluster["start_time"],
        "last_restarted_time": cluster.get("last_restarted_time"),
        "terminated_time": cluster.get("terminated_time") if state == "TERMINATED" else None,
        "termination_reason": cluster.get("termination_reason") if state == "TERMINATED" else None,
        "state": state,
        "state_message": message,
        "default_tags": {
            "Vendor": "Databricks",
            "Creator": cluster["creator"],
            "ClusterName": spec.get("cluster_name", ""),
            "ClusterId": cluster["cluster_id"],
        },
        "spec": spec,
    }
    if state == "RUNNING":
        document |= {"cluster_cores": cores(), "cluster_memory_mb": memory_mb()}
    return {name: value for name, value in document.items() if value is not None}


def _workers(spec: Document) -> int:
    workers: int = spec.get("num_workers", spec.get("autoscale", {}).get("min_workers", 0))
    return workers


def get(call: Call) -> Document:
    return view(call.workspace, find(call.workspace, call.text("cluster_id")))


def list_clusters(call: Call) -> Document:
    """The clusters that pass ``filter_by``, in pages since version 2.1."""
    workspace = call.workspace
    wanted, order = _nested(call, "filter_by", FILTERS), _nested(call, "sort_by", ("field", "direction"))
    shown = [(cluster, view(workspace, cluster)) for cluster in every(workspace)]
    found = [document for cluster, document in shown if _passes(cluster, document, wanted)]
    if order.get("field") == "CLUSTER_NAME":
        found.sort(key=lambda cluster: str(cluster["cluster_name"]))
    if order.get("direction") == "DESC":
        found.reverse()
    if arrays.version(call) == "2.0" and "page_size" not in call.arguments:
        return {"clusters": found} if found else {}
    some, following, previous = page(found, call, size=20, most=100, field="page_size")
    return {
        **({"clusters": some} if some else {}),
        "next_page_token": following or "",
        "prev_page_token": previous or "",
    }


def _nested(call: Call, name: str, fields: tuple[str, ...]) -> dict[str, Any]:
    """An object of the request: nested in a body, or dotted in the query as the SDK writes it.

    Raises: ``InvalidParameter`` for a field that it has not.
    """
    given: dict[str, Any] = dict(call.mapping(name, {}))
    for key, value in call.request.query_params.multi_items():
        prefix, _, field = key.partition(".")
        if prefix == name and field:
            given[field] = [*given[field], value] if field in given else [value]
    if unknown := set(given) - set(fields):
        raise InvalidParameter(f"{name}.{sorted(unknown)[0]} is not a field of {name}.")
    for field, value in given.items():
        # Of these, the lists are called cluster_….
        if field.startswith("cluster_") != isinstance(value, list):
            given[field] = value[0] if isinstance(value, list) and value else [value]
    return given


def _passes(cluster: Document, shown: Document, wanted: dict[str, Any]) -> bool:
    return (
        shown["state"] in wanted.get("cluster_states", [shown["state"]])
        and shown["cluster_source"] in wanted.get("cluster_sources", [shown["cluster_source"]])
        and ("policy_id" not in wanted or shown.get("policy_id") == wanted["policy_id"])
        and ("is_pinned" not in wanted or cluster.get("pinned", False) == (str(wanted["is_pinned"]).lower() == "true"))
    )


routes = [
    *api("GET", "{version}/clusters/get", get, VERSIONS),
    *api("GET", "{version}/clusters/list", list_clusters, VERSIONS),
]
