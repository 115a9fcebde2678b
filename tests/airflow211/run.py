"""Run in the environment of Airflow 2.11: ``dag.test()``, and what came of it as the last line."""

from __future__ import annotations

import json
import sys

import airflow
from airflow.models import DagBag
from airflow.utils.db import initdb

initdb()
bag = DagBag(sys.argv[1], include_examples=False)
if bag.import_errors:
    raise SystemExit(str(bag.import_errors))
run = bag.get_dag(sys.argv[2]).test()
states = {each.task_id: str(each.state) for each in run.get_task_instances()}
count = run.get_task_instance("count").xcom_pull(task_ids="count")
print(json.dumps({"airflow": airflow.__version__, "state": str(run.state), "tasks": states, "count": str(count)}))
