"""Clusters: reads only. Every cluster that a job names is the one local Spark; its specification is kept with the job.

Instance types, autoscaling and cloud attributes have no local meaning: they are accepted, kept and read back.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from harness.workspace.errors import InvalidParameter, InvalidState
from harness.workspace.store import Document
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

VERSIONS = ("2.1", "2.0")
# Long-term-support runtimes by their own names (docs: release-notes/runtime). Specs may name any; all run on one Spark.
RUNTIMES = {
    "17.3.x-scala2.13": "17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)",
    "16.4.x-scala2.13": "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.13)",
    "16.4.x-scala2.12": "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)",
    "15.4.x-scala2.12": "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)",
    "14.3.x-scala2.12": "14.3 LTS (includes Apache Spark 3.5.0, Scala 2.12)",
    "13.3.x-scala2.12": "13.3 LTS (includes Apache Spark 3.4.1, Scala 2.12)",
}
STATES = {"ready": "RUNNING", "warm": "RUNNING", "failed": "ERROR"}


def note(workspace: Workspace, settings: Document) -> None:
    """Keep the ids of the all-purpose clusters that a job's tasks name, so that they can be asked for."""
    for task in settings["tasks"]:
        if "existing_cluster_id" in task:
            cluster_id = task["existing_cluster_id"]
            workspace.store.put("cluster", cluster_id, {"cluster_id": cluster_id})


def view(workspace: Workspace, cluster: Document) -> Document:
    """A cluster as the API shows it; its state is the engine's."""
    state = STATES.get(workspace.engine.status()["state"], "PENDING")
    return {
        "cluster_name": cluster["cluster_id"],
        "creator_user_name": workspace.config.user,
        "spark_version": next(iter(RUNTIMES)),
        "node_type_id": "local",
        "num_workers": 0,
        "cluster_source": "API",
        "state": state,
        "state_message": "",  # the hook fails without it (wire.md §1.2 #15)
        **cluster,
    }


def find(call: Call) -> Document:
    """The cluster that a request names. Raises: ``InvalidParameter``, as the service words it."""
    cluster_id = call.text("cluster_id")
    cluster = call.workspace.store.get("cluster", cluster_id)
    if cluster is None:
        raise InvalidParameter(f"Cluster {cluster_id} does not exist")
    return cluster


def get(call: Call) -> Document:
    return view(call.workspace, find(call))


def list_clusters(call: Call) -> Document:
    clusters = [view(call.workspace, cluster) for cluster in call.workspace.store.all("cluster")]
    return {"clusters": clusters} if clusters else {}


def start(call: Call) -> Document:
    """A cluster here is never stopped; starting a running one is an error on Databricks too."""
    cluster = find(call)
    raise InvalidState(f"Cluster {cluster['cluster_id']} is in unexpected state Running.")


def spark_versions(call: Call) -> Document:
    return {"versions": [{"key": key, "name": name} for key, name in RUNTIMES.items()]}


def node_types(call: Call) -> Document:
    memory = psutil.virtual_memory().total // 2**20
    node = {
        "node_type_id": "local",
        "instance_type_id": "local",
        "description": "This machine",
        "category": "General Purpose",
        "num_cores": float(os.cpu_count() or 1),
        "memory_mb": memory,
        "num_gpus": 0,
        "is_deprecated": False,
        "is_hidden": False,
    }
    return {"node_types": [node]}


routes = [
    *api("GET", "{version}/clusters/get", get, VERSIONS),
    *api("GET", "{version}/clusters/list", list_clusters, VERSIONS),
    *api("POST", "{version}/clusters/start", start, VERSIONS),
    *api("GET", "{version}/clusters/spark-versions", spark_versions, VERSIONS),
    *api("GET", "{version}/clusters/list-node-types", node_types, VERSIONS),
]
