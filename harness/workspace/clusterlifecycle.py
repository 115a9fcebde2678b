"""What is done with clusters: ``/api/2.1/clusters/{create,edit,update,start,restart,resize,delete,…}``.

Source: docs.databricks.com/api/workspace/clusters, for which states allow what.
"""

from __future__ import annotations

import secrets
import string
import time

from harness.runner.run import now
from harness.workspace import clusters, clusterspec, libraries
from harness.workspace.errors import InvalidParameter
from harness.workspace.runtimes import VERSIONS
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

ID_LETTERS = string.ascii_lowercase + string.digits


def create(call: Call) -> Document:
    """Make a cluster, which starts at once; with ``idempotency_token``, once.

    ``clone_from`` gives it the libraries of another. Raises: ``InvalidParameter``.
    """
    workspace = call.workspace
    source = call.mapping("clone_from", {}).get("source_cluster_id")
    if source is not None:
        clusters.find(workspace, str(source))
    spec, token = clusterspec.given(call.arguments, call.workspace.store), call.text("idempotency_token", "")
    if len(token) > 64:
        raise InvalidParameter("idempotency_token must be at most 64 characters long.")
    letters = "".join(secrets.choice(ID_LETTERS) for _ in range(8))
    cluster_id = f"{time.strftime('%m%d-%H%M%S', time.gmtime())}-{letters}"
    if token:
        try:
            workspace.store.insert("cluster_token", token, {"cluster_id": cluster_id})
        except Taken:
            return workspace.store.get("cluster_token", token) or {}
    clusters.add(workspace, cluster_id, spec)
    if source is not None:
        libraries.clone(workspace, str(source), cluster_id)
    clusters.find(workspace, cluster_id)
    return {"cluster_id": cluster_id}


def edit(call: Call) -> Document:
    """Replace a specification whole."""
    return _respecify(call, clusterspec.given(call.arguments, call.workspace.store))


def update(call: Call) -> Document:
    """Replace the fields of a specification that ``update_mask`` names."""
    old = clusters.find(call.workspace, call.text("cluster_id"))["spec"]
    new, mask = call.mapping("cluster", {}), call.text("update_mask")
    return _respecify(call, clusterspec.updated(old, new, mask, call.workspace.store))


def _respecify(call: Call, spec: Document) -> Document:
    """Give a cluster another specification; a running one restarts, a terminated one stays terminated."""
    workspace, cluster_id, user = call.workspace, call.text("cluster_id"), call.workspace.config.user

    def change(cluster: Document) -> Document:
        return {**(_restarted(cluster) if cluster["on"] else cluster), "spec": spec}

    before = clusters.move(workspace, cluster_id, ("RUNNING", "TERMINATED"), change)
    details = {"previous_attributes": before["spec"], "attributes": spec, "user": user}
    clusters.event(workspace, cluster_id, "EDITED", details)
    if before["on"]:
        clusters.event(workspace, cluster_id, "RESTARTING", {"user": user})
        clusters.find(workspace, cluster_id)
    return {}


def _restarted(cluster: Document) -> Document:
    return {**clusters.started(cluster), "last_restarted_time": now(), "state_now": "RESTARTING"}


def start(call: Call) -> Document:
    """Start a terminated cluster. One that runs is refused, whatever the documentation says (databricks/cli #1372)."""
    workspace, cluster_id = call.workspace, call.text("cluster_id")
    clusters.move(workspace, cluster_id, ("TERMINATED",), clusters.started)
    clusters.event(workspace, cluster_id, "STARTING", {"user": workspace.config.user})
    clusters.find(workspace, cluster_id)
    return {}


def restart(call: Call) -> Document:
    """Restart a running cluster. A terminated one is refused (databricks-sdk-py #422)."""
    workspace, cluster_id = call.workspace, call.text("cluster_id")
    clusters.move(workspace, cluster_id, ("RUNNING",), _restarted)
    clusters.event(workspace, cluster_id, "RESTARTING", {"user": workspace.config.user})
    clusters.find(workspace, cluster_id)
    return {}


def resize(call: Call) -> Document:
    """Ask for another number of workers, which all stay this machine."""
    workspace, cluster_id = call.workspace, call.text("cluster_id")
    size = clusterspec.sized(call.arguments)

    def change(cluster: Document) -> Document:
        kept = {name: value for name, value in cluster["spec"].items() if name not in clusterspec.SIZES}
        return {**cluster, "spec": {**kept, **size}}

    before = clusters.move(workspace, cluster_id, ("RUNNING",), change)
    old = {name: before["spec"][name] for name in clusterspec.SIZES if name in before["spec"]}
    details = {"cause": "USER_REQUEST", "previous_cluster_size": old, "cluster_size": size}
    clusters.event(workspace, cluster_id, "RESIZING", {**details, "user": workspace.config.user})
    return {}


def delete(call: Call) -> Document:
    """Terminate a cluster; nothing happens to one that is terminated."""
    _terminate(call, gone=False)
    return {}


def permanent_delete(call: Call) -> Document:
    """Terminate a cluster and forget it: its id is not taken up again, not even by a job that names it."""
    _terminate(call, gone=True)
    return {}


def _terminate(call: Call, *, gone: bool) -> None:
    workspace, cluster_id, user = call.workspace, call.text("cluster_id"), call.workspace.config.user
    reason = {"code": "USER_REQUEST", "type": "SUCCESS", "parameters": {"username": user}}

    def change(cluster: Document) -> Document:
        if cluster["on"]:
            end = {"on": False, "terminated_time": now(), "termination_reason": reason, "terminated_by": user}
            cluster = {**cluster, **end}
        return {**cluster, "gone": gone}

    states = ("PENDING", "RUNNING", "RESTARTING", "ERROR", "TERMINATED")
    if clusters.move(workspace, cluster_id, states, change)["on"]:
        clusters.event(workspace, cluster_id, "TERMINATING", {"reason": reason, "user": user})


def pin(call: Call) -> Document:
    return _pin(call, True)


def unpin(call: Call) -> Document:
    return _pin(call, False)


def _pin(call: Call, pinned: bool) -> Document:
    """Pin a cluster or not; nothing happens to one that is so already."""
    workspace, cluster_id = call.workspace, call.text("cluster_id")
    before = clusters.find(workspace, cluster_id)
    workspace.store.update("cluster", cluster_id, lambda cluster: {**cluster, "pinned": pinned})
    if before.get("pinned", False) != pinned:
        clusters.event(workspace, cluster_id, "PINNED" if pinned else "UNPINNED", {"user": workspace.config.user})
    return {}


def change_owner(call: Call) -> Document:
    """Give a terminated cluster another owner."""
    owner = call.text("owner_username")
    clusters.move(
        call.workspace, call.text("cluster_id"), ("TERMINATED",), lambda cluster: {**cluster, "creator": owner}
    )
    return {}


routes = [
    *api("POST", "{version}/clusters/create", create, VERSIONS),
    *api("POST", "{version}/clusters/edit", edit, VERSIONS),
    *api("POST", "{version}/clusters/update", update, VERSIONS),
    *api("POST", "{version}/clusters/start", start, VERSIONS),
    *api("POST", "{version}/clusters/restart", restart, VERSIONS),
    *api("POST", "{version}/clusters/resize", resize, VERSIONS),
    *api("POST", "{version}/clusters/delete", delete, VERSIONS),
    *api("POST", "{version}/clusters/permanent-delete", permanent_delete, VERSIONS),
    *api("POST", "{version}/clusters/pin", pin, VERSIONS),
    *api("POST", "{version}/clusters/unpin", unpin, VERSIONS),
    *api("POST", "{version}/clusters/change-owner", change_owner, VERSIONS),
]
