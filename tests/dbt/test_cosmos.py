"""A dbt project as an Airflow DAG by Cosmos, in ``dag.test()`` against the workspace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.dbt, pytest.mark.filterwarnings("default")]


def test_cosmos_makes_a_task_of_each_model(
    executable: str,
    project: Path,
    secured: Any,
    run_dag: Any,
    sql: Callable[..., list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("cosmos", reason="no astronomer-cosmos beside Airflow: tox -e dbt installs it")
    monkeypatch.setenv("DBT_PROJECT", str(project))
    monkeypatch.setenv("DBT_EXECUTABLE", executable)
    monkeypatch.setenv("AIRFLOW__COSMOS__ENABLE_TELEMETRY", "False")
    run = run_dag(Path(__file__).parent / "dags" / "dbt_cosmos.py")
    assert run.success, run
    assert {"jaffle_shop.stg_customers_run", "jaffle_shop.raw_customers_seed"} <= {task.task_id for task in run.tasks}
    assert [tuple(row) for row in sql("SELECT count(*) FROM main.jaffle_shop.stg_customers")] == [(5,)]
