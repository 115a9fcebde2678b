"""Statement Execution: DatabricksSQLStatementsOperator and DatabricksSQLStatementsSensor, waiting and deferring."""

from __future__ import annotations

import datetime
import os
from typing import Any

from airflow.providers.databricks.operators.databricks import DatabricksSQLStatementsOperator
from airflow.providers.databricks.sensors.databricks import DatabricksSQLStatementsSensor
from airflow.sdk import DAG, chain

WAREHOUSE = os.environ["DATABRICKS_WAREHOUSE_ID"]
MODES: tuple[tuple[str, dict[str, Any]], ...] = (("", {}), ("_deferrable", {"deferrable": True}))
LONG = "SELECT sum(hash(id)) FROM range(1000000000000)"
WRONG = "SELECT * FROM main.shop.nowhere"


def of(task_id: str) -> str:
    """The statement that a task ran."""
    return f"{{{{ ti.xcom_pull(task_ids='{task_id}', key='statement_id') }}}}"


with DAG("statements", schedule=None) as statements:
    for suffix, mode in MODES:
        DatabricksSQLStatementsOperator(
            task_id=f"operator{suffix}",
            statement="SELECT :n + 1 AS n, current_schema() AS schema",
            warehouse_id=WAREHOUSE,
            catalog="main",
            schema="default",
            parameters=[{"name": "n", "value": "41", "type": "INT"}],
            query_tags={"team": "energy"},
            **mode,
        )
        DatabricksSQLStatementsSensor(
            task_id=f"sensor{suffix}", statement="SELECT '{{ ds }}' AS day", warehouse_id=WAREHOUSE, **mode
        )
    unwaited = DatabricksSQLStatementsOperator(
        task_id="unwaited", statement="SELECT 1", warehouse_id=WAREHOUSE, wait_for_termination=False
    )
    joined = DatabricksSQLStatementsSensor(
        task_id="joined", statement_id=of("unwaited"), warehouse_id=WAREHOUSE, deferrable=True
    )
    unwatched = DatabricksSQLStatementsSensor(
        task_id="unwatched", statement="SELECT 1", warehouse_id=WAREHOUSE, wait_for_termination=False
    )
    chain(unwaited, joined, unwatched)

with DAG("statements_that_fail", schedule=None) as statements_that_fail:
    for suffix, mode in MODES:
        for kind, operator in (
            ("operator", DatabricksSQLStatementsOperator),
            ("sensor", DatabricksSQLStatementsSensor),
        ):
            operator(task_id=f"{kind}{suffix}", statement=WRONG, warehouse_id=WAREHOUSE, **mode)
    DatabricksSQLStatementsOperator(task_id="no_warehouse", statement="SELECT 1", warehouse_id="nobodys")
    DatabricksSQLStatementsSensor(task_id="nothing", warehouse_id=WAREHOUSE)

with DAG("statements_that_last", schedule=None) as statements_that_last:
    # Its own timeout: the operator cancels the statement.
    DatabricksSQLStatementsOperator(task_id="late", statement=LONG, warehouse_id=WAREHOUSE, timeout=0.2)
    DatabricksSQLStatementsOperator(
        task_id="late_deferrable", statement=LONG, warehouse_id=WAREHOUSE, timeout=1.5, deferrable=True
    )
    # Airflow's: the task is killed.
    DatabricksSQLStatementsOperator(
        task_id="killed",
        statement=LONG,
        warehouse_id=WAREHOUSE,
        execution_timeout=datetime.timedelta(seconds=0.5),
    )
