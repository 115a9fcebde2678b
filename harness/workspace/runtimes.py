"""What clusters can be made of: runtime versions, node types, zones. Specifications may name any others."""

from __future__ import annotations

import os

import psutil

from harness.workspace.store import Document
from harness.workspace.wire import Call, api

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
NODE_TYPE = "local"
ZONE = "local"


def cores() -> float:
    return float(os.cpu_count() or 1)


def memory_mb() -> int:
    return int(psutil.virtual_memory().total // 2**20)


def spark_versions(call: Call) -> Document:
    return {"versions": [{"key": key, "name": name} for key, name in RUNTIMES.items()]}


def node_types(call: Call) -> Document:
    node = {
        "node_type_id": NODE_TYPE,
        "instance_type_id": NODE_TYPE,
        "description": "This machine",
        "category": "General Purpose",
        "num_cores": cores(),
        "memory_mb": memory_mb(),
        "num_gpus": 0,
        "is_deprecated": False,
        "is_hidden": False,
    }
    return {"node_types": [node]}


def zones(call: Call) -> Document:
    return {"zones": [ZONE], "default_zone": ZONE}


routes = [
    *api("GET", "{version}/clusters/spark-versions", spark_versions, VERSIONS),
    *api("GET", "{version}/clusters/list-node-types", node_types, VERSIONS),
    *api("GET", "{version}/clusters/list-zones", zones, VERSIONS),
]
