"""Airflow's side: an isolated home, ``dag.test()`` with a verdict one can trust, asset following."""

from harness.dagrun.connections import Endpoints, environment
from harness.dagrun.home import AirflowHome
from harness.dagrun.record import RunEvent
from harness.dagrun.result import DagRunFailed, DagRunResult, TaskResult
from harness.dagrun.run import run_dag

__all__ = [
    "AirflowHome",
    "DagRunFailed",
    "DagRunResult",
    "Endpoints",
    "RunEvent",
    "TaskResult",
    "environment",
    "run_dag",
]
