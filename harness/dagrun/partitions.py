"""Partition keys of runs: the one that a run is given, and what consumers of partitions still wait for."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

# What Airflow notes in its audit log, and nowhere else, when an event reaches a consumer and starts nothing
# (assets/manager.py of 3.3.2).
LOST = ("missing partition key", "failed to map partition_key", "partition fan-out exceeded")


def keyed(obtain: Callable[..., Any], key: str | None, moment: datetime.datetime | None) -> Callable[..., Any]:
    """``get_or_create_dagrun``, whose run has the partition key ``key``.

    Without one, a DAG that a ``CronPartitionTimetable`` schedules is given the key that its schedule gives at
    ``moment``, now by default: that of the last tick until then.
    Raises, when called: Airflow's ``DagNotPartitionedError`` and ``InvalidPartitionKeyError``, as its API refuses them.
    """

    def obtain_keyed(*, dag: Any, session: Any, **arguments: Any) -> Any:
        from airflow.sdk import timezone
        from airflow.timetables.trigger import CronPartitionTimetable

        dag.validate_partition_key(key)
        date, chosen = dag.timetable.resolve_partition_date(key), key
        if key is None and isinstance(dag.timetable, CronPartitionTimetable):
            now = timezone.coerce_datetime(moment or timezone.utcnow())
            date, chosen = dag.timetable._get_partition_info(dag.timetable._align_to_prev(now))
        run = obtain(dag=dag, session=session, **arguments)
        run.partition_key, run.partition_date = chosen, date
        session.commit()
        return run

    return obtain_keyed


def last_rows() -> tuple[int, int]:
    """The numbers of the last rows of the audit log and of the asset events, for :func:`waiting`."""
    from airflow.models.asset import AssetEvent
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session(scoped=False) as session:
        note, event = (session.scalar(select(func.max(table.id))) or 0 for table in (Log, AssetEvent))
        return note, event


def waiting(after: tuple[int, int]) -> list[str]:
    """Why DAGs that asset events reached have not run: a line each.

    Parameters: ``after``: the :func:`last_rows` of earlier; what was lost until then is not told again.
    """
    from airflow.models.asset import AssetDagRunQueue, AssetPartitionDagRun
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    note, event = after
    with create_session(scoped=False) as session:
        lines = session.scalars(select(Log.extra).where(Log.event.in_(LOST), Log.id > note).order_by(Log.id))
        lost = [" ".join(str(line).split()) for line in lines] + _unheard(event, session)
        there: dict[tuple[str, str | None], dict[int, set[str]]] = {}
        for dag_id, asset_id in session.execute(select(AssetDagRunQueue.target_dag_id, AssetDagRunQueue.asset_id)):
            there.setdefault((dag_id, None), {})[asset_id] = set()
        pending = select(AssetPartitionDagRun).where(AssetPartitionDagRun.created_dag_run_id.is_(None))
        for row in session.scalars(pending.order_by(AssetPartitionDagRun.id)):
            there[(row.target_dag_id, row.partition_key)] = _received(row.id, session)
        return lost + [_missing(dag_id, key, assets, session) for (dag_id, key), assets in there.items()]


def _unheard(after: int, session: Any) -> list[str]:
    """Events of partitions start no DAG whose schedule knows none; Airflow does not even log it (3.3.2)."""
    from airflow.models.asset import AssetEvent, AssetModel, DagScheduleAssetReference
    from airflow.models.dag import DagModel
    from sqlalchemy import select

    pairs = session.execute(
        select(DagModel.dag_id, AssetModel.name)
        .join(DagScheduleAssetReference, DagScheduleAssetReference.dag_id == DagModel.dag_id)
        .join(AssetModel, AssetModel.id == DagScheduleAssetReference.asset_id)
        .join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
        .where(AssetEvent.id > after, AssetEvent.partition_key.is_not(None), DagModel.timetable_partitioned.is_(False))
        .distinct()
    )
    why = "has a partition key, so it starts only DAGs with a PartitionedAssetTimetable"
    return [f"{dag_id} has not run: the event of {name} {why}" for dag_id, name in sorted(map(tuple, pairs))]


def _received(row: int, session: Any) -> dict[int, set[str]]:
    """The keys, by asset, that have come for a run of a partition that is not made yet."""
    from airflow.models.asset import PartitionedAssetKeyLog as Came
    from sqlalchemy import select

    received: dict[int, set[str]] = {}
    columns = select(Came.asset_id, Came.source_partition_key).where(Came.asset_partition_dag_run_id == row)
    for asset_id, key in session.execute(columns):
        received.setdefault(asset_id, set()).add(key)
    return received


def _missing(dag_id: str, key: str | None, received: dict[int, set[str]], session: Any) -> str:
    from airflow.models.asset import AssetModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.partition_mappers.base import is_rollup
    from sqlalchemy import select

    names = {row.id: (row.name, row.uri) for row in session.scalars(select(AssetModel))}
    have = {names[asset_id][0]: keys for asset_id, keys in received.items()}
    timetable = SerializedDagModel.get(dag_id=dag_id, session=session).dag.timetable
    wanted = []
    for name, uri in sorted({(each.name, each.uri) for each, _ in timetable.asset_condition.iter_assets()}):
        if name not in have:
            wanted.append(f"nothing of {name} has come")
        elif key is not None and is_rollup(mapper := timetable.get_partition_mapper(name=name, uri=uri)):
            expected = mapper.to_upstream(key)
            lacking = sorted(expected - have[name])
            shown = ", ".join(lacking[:3]) + (", …" if len(lacking) > 3 else "")
            wanted.append(f"{len(expected) - len(lacking)} of {len(expected)} of {name} have come, not {shown}")
    of = f" of partition {key}" if key is not None else ""
    return f"{dag_id} has not run{of}: {'; '.join(wanted) or 'its condition is not met'}"
