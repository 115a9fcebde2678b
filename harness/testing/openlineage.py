"""Lineage as OpenLineage events: a START and a COMPLETE (or FAIL) for each task that ran, one JSON object a line.

Sources: openlineage.io/spec/2-0-2/OpenLineage.json; names of datasets and jobs by openlineage.io/docs/spec/naming,
those of Unity Catalog's tables as Airflow's Databricks provider makes them (``databricks://host``,
hooks/databricks_sql.py of 7.23.0).
"""

from __future__ import annotations

import datetime
import json
import os
import uuid
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.dagrun import DagRunResult, TaskResult
from harness.dagrun.connections import Endpoints
from harness.dagrun.lineage import Lineage
from harness.dagrun.work import NotObserved
from harness.lake.s3 import S3Endpoint, is_ours
from harness.testing.witness import witnessed

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs"
PARENT = "https://openlineage.io/spec/facets/1-0-1/ParentRunFacet.json#/$defs/ParentRunFacet"
ERROR = "https://openlineage.io/spec/facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
PRODUCER = f"https://pypi.org/project/airflow-databricks-harness/{version('airflow-databricks-harness')}"
NAMESPACE = "harness"
UNSEEN = "harness_unseen"  # our own run facet: which kinds of datasets nobody could see

Event = dict[str, Any]


def events(result: DagRunResult, workspace_url: str) -> list[Event]:
    """The events of a run and of those that it caused, each task's two in the order in which they happened.

    Where nobody could see objects, or anything, the run facet ``harness_unseen`` says so.
    """
    host = urlsplit(workspace_url).hostname or ""
    found = [
        event
        for run in result.runs()
        for task in run.tasks
        if task.spans
        for event in _of(run, task, _lineage(run), host)
    ]
    return sorted(found, key=lambda event: str(event["eventTime"]))


def emit(file: Path, result: DagRunResult, endpoints: Endpoints) -> None:
    """Append the events of a run that nobody has witnessed yet, and of those that it caused. Raises: ``StackFailed``.

    What others did on the stack while a task ran counts as that task's.
    """
    s3 = S3Endpoint(endpoints.s3_url, endpoints.s3_access_key, endpoints.s3_secret_key, endpoints.s3_region)
    append(file, events(witnessed(result, endpoints, objects=is_ours(s3)), endpoints.workspace_url))


def append(file: Path, found: Iterable[Event]) -> None:
    """Add events to a file, whole, whoever else writes to it."""
    lines = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in found)
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(handle, lines.encode())
    finally:
        os.close(handle)


def _lineage(run: DagRunResult) -> Lineage | None:
    try:
        return run.lineage
    except NotObserved:
        return None


def _of(run: DagRunResult, task: TaskResult, lineage: Lineage | None, host: str) -> list[Event]:
    failed = task.state not in ("success", "skipped")
    seen = (lineage or Lineage()).task(task.name)
    reads = [*seen.tables_read, *seen.paths_read, *(seen.read or ())]
    writes = [*seen.tables_written, *seen.paths_written, *(seen.written or ())]
    facets: dict[str, Any] = {
        "parent": {
            "_producer": PRODUCER,
            "_schemaURL": PARENT,
            "run": {"runId": _id(run, "")},
            "job": {"namespace": NAMESPACE, "name": run.dag_id},
        }
    }
    if lineage is None or not lineage.objects_seen:
        unseen = ["tables", "objects"] if lineage is None else ["objects"]
        facets[UNSEEN] = {"_producer": PRODUCER, "_schemaURL": f"{SPEC}/RunFacet", "datasets": unseen}
    common: dict[str, Any] = {
        "job": {"namespace": NAMESPACE, "name": f"{run.dag_id}.{task.task_id}"},
        "producer": PRODUCER,
        "schemaURL": f"{SPEC}/RunEvent",
    }
    ended = facets
    if failed and task.error is not None:
        message = {"message": str(task.error), "programmingLanguage": "PYTHON"}
        ended = {**facets, "errorMessage": {"_producer": PRODUCER, "_schemaURL": ERROR, **message}}
    # A START may not know yet what a task will read; consumers add up what a run's events say.
    return [
        {
            "eventType": kind,
            "eventTime": datetime.datetime.fromtimestamp(moment, datetime.UTC).isoformat(timespec="microseconds"),
            "run": {"runId": _id(run, task.name), "facets": told},
            "inputs": [_dataset(name, host) for name in reads],
            "outputs": [_dataset(name, host) for name in writes],
            **common,
        }
        for kind, moment, told in (
            ("START", task.spans[0][0], facets),
            ("FAIL" if failed else "COMPLETE", task.spans[-1][1], ended),
        )
    ]


def _id(run: DagRunResult, task: str) -> str:
    """The same for the events of one run of a task, another for every other."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run.span[0]}/{run.dag_id}/{run.run_id}/{task}"))


def _dataset(name: str, host: str) -> dict[str, str]:
    if name.startswith("s3://"):
        bucket, _, key = name.removeprefix("s3://").partition("/")
        return {"namespace": f"s3://{bucket}", "name": key or "/"}
    if name.startswith(("dbfs:/", "/Volumes/")):
        return {"namespace": f"hdfs://{host}", "name": name.removeprefix("dbfs:")}
    if "/" in name:
        return {"namespace": "file", "name": name.removeprefix("file:")}
    return {"namespace": f"databricks://{host}", "name": name}
