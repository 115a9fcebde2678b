"""The outcome of a run, read from Airflow's database and from what was recorded of its tries."""

from __future__ import annotations

from typing import Any

from harness.dagrun.record import Recorder
from harness.dagrun.result import BAD, DagRunResult, TaskResult


def collect(dag_id: str, run_id: str, dag: Any, recorder: Recorder, left_out: frozenset[str]) -> DagRunResult:
    """The result of a run, without its duration and the runs that it caused. Parameters: ``left_out``: task ids."""
    from airflow.models.dagrun import DagRun
    from airflow.models.renderedtifields import RenderedTaskInstanceFields as Rendered
    from airflow.models.xcom import XComModel
    from airflow.sdk.execution_time.xcom import XCom
    from airflow.utils.session import create_session
    from sqlalchemy import select

    order = {task.task_id: place for place, task in enumerate(dag.topological_sort())}
    with create_session(scoped=False) as session:
        run = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
        xcoms: dict[tuple[str, int], dict[str, Any]] = {}
        for row in session.scalars(select(XComModel).where(XComModel.dag_id == dag_id, XComModel.run_id == run_id)):
            xcoms.setdefault((row.task_id, row.map_index), {})[row.key] = XCom.deserialize_value(row)
        rows = session.scalars(select(Rendered).where(Rendered.dag_id == dag_id, Rendered.run_id == run_id))
        rendered = {(row.task_id, row.map_index): dict(row.rendered_fields) for row in rows}
        tasks = []
        for ti in sorted(run.get_task_instances(session=session), key=lambda ti: (order[ti.task_id], ti.map_index)):
            if ti.task_id in left_out:
                continue
            key = (ti.task_id, ti.map_index)
            tries = recorder.tries.get((dag_id, run_id, *key), [])
            pushed = xcoms.get(key, {})
            tasks.append(
                TaskResult(
                    task_id=ti.task_id,
                    map_index=ti.map_index,
                    state=ti.state or "",
                    tries=len(tries),
                    duration=sum(attempt.duration for attempt in tries),
                    errors=tuple(attempt.error for attempt in tries if attempt.error is not None),
                    log=tries[-1].log if tries else None,
                    xcom=pushed.get("return_value"),
                    page=str(pushed.get("run_page_url", "")),
                    xcoms=pushed,
                    rendered=rendered.get(key, {}),
                    databricks_key=str(getattr(dag.get_task(ti.task_id), "databricks_task_key", None) or ""),
                    spans=tuple(span for attempt in tries for span in attempt.spans),
                )
            )
        state, partition = str(run.state), run.partition_key or ""
    bad = {(task.task_id, task.map_index): task for task in tasks if task.state in BAD}
    first = recorder.first_failure(dag_id, run_id, set(bad))
    cause = bad[first[2:]] if first else None
    return DagRunResult(dag_id, run_id, state, tasks, first_failure=cause, partition_key=partition)
