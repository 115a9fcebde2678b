"""The cluster a task asks for: what of it means something on one machine, its environment variables and Spark conf."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from harness.runner.references import as_text
from harness.runner.run import Run, TaskRun

# The runtime a kernel claims to be when the task's cluster names none.
RUNTIME_VERSION = "17.3"
SPARK_VERSION = f"{RUNTIME_VERSION}.x-scala2.13"
# Where the cluster's own machinery rests, which here is another.
OF_THE_MACHINE = re.compile(r"PYSPARK_|SPARK_|LD_|(PATH|JAVA_HOME|PYTHONHOME|PYTHONPATH)$")


def cluster_of(run: Run, task: TaskRun) -> dict[str, Any]:
    """The specification of a task's own cluster, or of the job cluster or existing cluster it names; empty for none."""
    shared = {each.get("job_cluster_key"): each.get("new_cluster") for each in run.settings.get("job_clusters") or []}
    existing = run.settings.get("existing_clusters") or {}
    named = shared.get(task.spec.get("job_cluster_key")) or existing.get(task.spec.get("existing_cluster_id"))
    return dict(task.spec.get("new_cluster") or named or {})


def cluster_id(run: Run, task: TaskRun) -> str:
    """The id of a task's cluster."""
    return str(task.spec.get("existing_cluster_id") or f"job-{run.job_id}-run-{run.run_id}")


def libraries(run: Run, task: TaskRun) -> list[dict[str, Any]]:
    """What others had installed on a task's cluster: through the Libraries API, or for earlier tasks on it."""
    installed = (run.settings.get("cluster_libraries") or {}).get(task.spec.get("existing_cluster_id")) or []
    key = task.spec.get("job_cluster_key")
    earlier = [
        other
        for other in run.tasks
        if key and other.spec.get("job_cluster_key") == key and 0 < other.start_time < task.start_time
    ]
    return [*installed, *(library for other in earlier for library in other.spec.get("libraries") or [])]


def runtime(cluster: Mapping[str, Any]) -> str:
    """``DATABRICKS_RUNTIME_VERSION``: the runtime that a cluster names."""
    match = re.match(r"\d+\.\d+", str(cluster.get("spark_version") or ""))
    return match[0] if match else RUNTIME_VERSION


def init_scripts(cluster: Mapping[str, Any]) -> list[str]:
    """The places of a cluster's init scripts, in the order in which they run."""
    places = [next(iter(each.values()), None) for each in cluster.get("init_scripts") or []]
    return [str(place["destination"]) for place in places if isinstance(place, dict) and "destination" in place]


def told_to_scripts(cluster: Mapping[str, Any], run: Run, task: TaskRun) -> dict[str, str]:
    """The variables that tell init scripts of their cluster (docs: "Use environment variables with init scripts")."""
    key = cluster_id(run, task)
    return {
        "DB_CLUSTER_ID": key,
        "DB_CLUSTER_NAME": str(cluster.get("cluster_name") or key),
        "DB_CONTAINER_IP": "127.0.0.1",
        "DB_DRIVER_IP": "127.0.0.1",
        "DB_INSTANCE_TYPE": str(cluster.get("node_type_id") or "local"),
        "DB_IS_DRIVER": "TRUE",
        "DB_IS_JOB_CLUSTER": "FALSE" if "existing_cluster_id" in task.spec else "TRUE",
    }


def variables(cluster: Mapping[str, Any]) -> dict[str, str]:
    """``spark_env_vars``, but for those that say where a cluster's own programs are. May name secrets."""
    given = cluster.get("spark_env_vars") or {}
    return {name: as_text(value) for name, value in given.items() if not OF_THE_MACHINE.match(name)}


def conf(cluster: Mapping[str, Any], run: Run, task: TaskRun, workspace: Mapping[str, str]) -> dict[str, str]:
    """The Spark conf of a task: what notebooks read of their cluster, and ``spark_conf``, which may name secrets."""
    tags = {
        "Vendor": "Databricks",
        "ClusterId": cluster_id(run, task),
        "JobId": str(run.job_id),
        "RunName": run.name,
        **(cluster.get("custom_tags") or {}),
    }
    node = str(cluster.get("node_type_id") or "local")
    usage = {
        "clusterId": cluster_id(run, task),
        "clusterName": str(cluster.get("cluster_name") or f"job-{run.job_id}-run-{run.run_id}"),
        "clusterOwnerOrgId": workspace["id"],
        "clusterAllTags": json.dumps([{"key": key, "value": str(value)} for key, value in tags.items()]),
        "clusterNodeType": node,
        "driverNodeType": str(cluster.get("driver_node_type_id") or node),
        "sparkVersion": str(cluster.get("spark_version") or SPARK_VERSION),
    }
    return {
        **{f"spark.databricks.clusterUsageTags.{name}": value for name, value in usage.items()},
        "spark.databricks.workspaceUrl": workspace["url"].partition("://")[2],
        "spark.databricks.job.id": str(run.job_id),
        "spark.databricks.job.runId": str(task.run_id),
        **{name: as_text(value) for name, value in (cluster.get("spark_conf") or {}).items()},
    }
