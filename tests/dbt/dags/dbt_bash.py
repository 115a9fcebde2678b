"""dbt as many teams start it: the command line in a BashOperator, one task a step."""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Param

COMMAND = "cd {{ params.project }} && env -u PYTHONPATH {{ params.dbt }} --no-use-colors %s --profiles-dir ."

with DAG(
    "dbt_bash",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    schedule=None,
    params={"dbt": Param("dbt", type="string"), "project": Param("/opt/dbt/jaffle_shop", type="string")},
):
    seed = BashOperator(task_id="seed", bash_command=COMMAND % "seed")
    run = BashOperator(task_id="run", bash_command=COMMAND % "run")
    test = BashOperator(task_id="test", bash_command=COMMAND % "test --exclude test_type:unit")
    seed >> run >> test
