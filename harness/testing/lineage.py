"""Puts a run's lineage together: Spark's executions, and the objects that others than Spark have touched, by task.

An execution of a Databricks task belongs to the Airflow task that stands for it in a workflow, else to the one that
started its run; anything else, and every object, to the task that ran at the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.dagrun import DagRunResult
from harness.dagrun.lineage import Lineage, TaskLineage, united
from harness.dagrun.work import NotObserved, ObjectAccess

Owner = tuple[str, str]  # run_id, task name
# What Spark's S3A says of itself; what Spark was asked for is in its plans.
SPARK = ("hadoop", "aws-sdk-java")


@dataclass
class _Seen:
    """What one task has touched: ``spark`` by its plans, ``others`` by the S3 server's log."""

    spark: dict[str, set[str]] = field(default_factory=lambda: {"reads": set(), "writes": set()})
    others: dict[str, set[str]] = field(default_factory=lambda: {"read": set(), "write": set()})


def lineage(
    run: DagRunResult,
    answer: Mapping[str, Any],
    *,
    at: Callable[[float], Owner],
    started: Mapping[int, Owner],
    objects: Iterable[tuple[ObjectAccess, Owner]] | None,
    locations: Mapping[str, str],
) -> Lineage:
    """The lineage of one run.

    Parameters: ``answer``: the workspace's; ``at``: who ran at a time (epoch seconds); ``started``: who started which
    Databricks run; ``objects``: accesses and whose they are, ``None`` where nobody could see; ``locations``: address in
    S3 to the table that rests there.
    Raises: ``NotObserved`` when Spark has forgotten some of it.
    """
    if answer["full"] or (answer["generation"] > 1 and answer["since"] > run.span[0]):
        raise NotObserved("Spark was started again, or has run too many queries, since the run began")
    keys = {task.databricks_key: (run.run_id, task.name) for task in run.tasks if task.databricks_key}
    seen: dict[str, _Seen] = {}
    for each in answer["executions"]:
        owner = _owner(each, keys, started) or at(each["at"])
        if owner[0] == run.run_id:
            spark = seen.setdefault(owner[1], _Seen()).spark
            for side in spark:
                spark[side].update(each[side])
    for access, owner in objects or ():
        if owner[0] == run.run_id and access.operation in ("read", "write") and not _spark(access.client):
            table = next((name for address, name in locations.items() if access.address.startswith(address + "/")), "")
            if table:
                seen.setdefault(owner[1], _Seen()).spark[f"{access.operation}s"].add(table)
            else:
                seen.setdefault(owner[1], _Seen()).others[access.operation].add(access.address)
    names = [*(task.name for task in run.tasks), *(name for name in seen if not name)]
    tasks = tuple(_of(name, seen[name], objects is not None) for name in names if name in seen)
    return Lineage(tasks, objects is not None)


def _owner(each: Mapping[str, Any], keys: Mapping[str, Owner], started: Mapping[int, Owner]) -> Owner | None:
    if (starter := started.get(each.get("run_id", 0))) is None:
        return None
    # A key of another DAG's workflow is another one's, though it may read the same.
    mine = keys.get(each["task_key"])
    return mine if mine is not None and mine[0] == starter[0] else starter


def _of(name: str, seen: _Seen, objects: bool) -> TaskLineage:
    def tables(side: str) -> tuple[str, ...]:
        return united([[one for one in seen.spark[side] if not _address(one)]])

    def paths(side: str) -> tuple[str, ...]:
        return united([[one for one in seen.spark[side] if _address(one)]])

    return TaskLineage(
        name,
        tables("reads"),
        tables("writes"),
        paths("reads"),
        paths("writes"),
        united([seen.others["read"]]) if objects else None,
        united([seen.others["write"]]) if objects else None,
    )


def _address(name: str) -> bool:
    return "/" in name.partition("`")[0]


def _spark(client: str) -> bool:
    return any(mark in client.lower() for mark in SPARK)
