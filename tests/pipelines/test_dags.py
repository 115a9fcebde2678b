"""``pipeline_task`` in DAGs and jobs: the update does a task's work, and fails and is cancelled with it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

from databricks.sdk.service import jobs

from tests.pipelines.conftest import Make, Pipelines
from tests.pipelines.test_failures import GOOD, HEAD

FAILS = f"""{HEAD}
@dp.materialized_view
def fails():
    raise ValueError("no such region")
"""
WAITS = f"""{HEAD}
@dp.materialized_view
def waits():
    open("FIFO").read()
"""


def test_dags_update_pipelines_and_fail_with_them(pipelines: Pipelines, run_dag: Make) -> None:
    from airflow.providers.databricks.operators.databricks import DatabricksSubmitRunOperator, DatabricksTaskOperator
    from airflow.sdk import DAG

    good, bad = pipelines.make({"good.py": HEAD + GOOD}), pipelines.make({"bad.py": FAILS})
    with DAG("updates", schedule=None) as dag:
        by_name = DatabricksSubmitRunOperator(task_id="by_name", pipeline_task={"pipeline_name": "pipeline 1"})
        by_id = DatabricksTaskOperator(
            task_id="by_id",
            task_config={"pipeline_task": {"pipeline_id": good, "full_refresh": True}},
            existing_cluster_id="1234-567890-abcdefgh",
        )
        by_name >> by_id >> DatabricksSubmitRunOperator(task_id="fails", pipeline_task={"pipeline_id": bad})
    result = run_dag(dag)
    states = {task.task_id: task.state for task in result.tasks}
    assert states == {"by_name": "success", "by_id": "success", "fails": "failed"}
    full = [update.full_refresh for update in pipelines.w.pipelines.list_updates(good).updates]
    assert full == [True, False]
    said = str(result.task("fails").errors[-1])
    assert "ValueError: no such region" in said
    (update,) = pipelines.w.pipelines.list_updates(bad).updates
    assert (update.state.value, update.cause.value) == ("FAILED", "JOB_TASK")
    assert f"Update {update.update_id} of pipeline {bad} is FAILED" in said
    assert pipelines.rows("main.sales.good") == [{"one": 1}]


def test_a_cancelled_run_stops_its_update(pipelines: Pipelines, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    id = pipelines.make({"waits.py": WAITS.replace("FIFO", str(fifo))})
    w = pipelines.w
    task: Any = jobs.SubmitTask("p", pipeline_task=jobs.PipelineTask(id))
    run_id = w.jobs.submit(run_name="updates", tasks=[task]).run_id
    with fifo.open("w"):
        (update,) = w.pipelines.list_updates(id).updates
        ended: list[str] = []
        waits = threading.Thread(target=lambda: ended.append(pipelines.wait(id, str(update.update_id)).state.value))
        waits.start()
        w.jobs.cancel_run(run_id)
        waits.join()
    assert ended == ["CANCELED"]
    run = w.jobs.wait_get_run_job_terminated_or_skipped(run_id)
    assert run.state.result_state.value == "CANCELED"
