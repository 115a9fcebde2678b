"""Asset events schedule DAGs: one look of the scheduler, by the scheduler's own code."""

from __future__ import annotations

from typing import Any


class AssetLoop(RuntimeError):
    """Asset events kept scheduling DAGs beyond the limit. The message holds the chain."""


def schedule() -> list[int]:
    """Create the runs that the asset events so far call for (``A & B``, ``A | B``, partitions and all).

    Returns: the row ids of all queued runs, oldest first.
    """
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session(scoped=False) as session:
        scheduler = _scheduler()
        partitioned = scheduler._create_dagruns_for_partitioned_asset_dags(session)
        due, triggered = DagModel.dags_needing_dagruns(session)
        models = [model for model in due if model.dag_id in triggered and model.dag_id not in partitioned]
        scheduler._create_dag_runs_asset_triggered(dag_models=models, session=session)
        session.commit()
        return list(session.scalars(select(DagRun.id).where(DagRun.state == "queued").order_by(DagRun.id)))


def _scheduler() -> Any:
    from airflow.jobs.scheduler_job_runner import MAX_PARTITION_DAG_RUNS_PER_LOOP, SchedulerJobRunner
    from airflow.models.dagbag import DBDagBag

    # Without its constructor, which starts a job, signals and executors: only these attributes are read.
    scheduler = SchedulerJobRunner.__new__(SchedulerJobRunner)
    scheduler.job = type("NoJob", (), {"id": None})()
    scheduler.scheduler_dag_bag = DBDagBag(load_op_links=False)
    scheduler._multi_team = False
    scheduler._max_partition_dag_runs_per_loop = MAX_PARTITION_DAG_RUNS_PER_LOOP
    scheduler._partition_unreachable_seen = set()
    return scheduler
