"""Pools: a task whose pool is missing, or smaller than the slots that it takes, waits for ever in production."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class PoolMissing(LookupError):
    """Tasks name pools that are not there, or ask for more slots than theirs have. The message names them."""


def make(pools: Mapping[str, int]) -> None:
    """Make pools, name to number of slots (-1: without limit)."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    with create_session(scoped=False) as session:
        for name, slots in pools.items():
            Pool.create_or_update_pool(name, slots, description="", include_deferred=False, session=session)


def check(dag: Any, tasks: Iterable[str] | None) -> None:
    """Raise ``PoolMissing`` if tasks of ``dag`` (``None``: all) could never start; ``dag.test()`` does not notice."""
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        slots = dict(session.execute(select(Pool.pool, Pool.slots)).all())
    lines = []
    for name in sorted(dag.task_dict if tasks is None else tasks):
        task = dag.get_task(name)
        if task.pool not in slots:
            lines.append(f"  {name} uses the pool {task.pool!r}, which does not exist")
        elif 0 <= slots[task.pool] < task.pool_slots:
            lines.append(
                f"  {name} takes {task.pool_slots} slots of the pool {task.pool!r}, which has {slots[task.pool]}"
            )
    if lines:
        raise PoolMissing(
            "\n".join(
                [f"DAG {dag.dag_id}: these tasks would wait for ever; pools={{name: slots}} makes pools:", *lines]
            )
        )
