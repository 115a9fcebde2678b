"""One cold start, in this new process: a stack, then a DAG of one Databricks notebook. Prints the seconds as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

started = float(sys.argv[1])

from harness.dagrun.connections import environment  # noqa: E402
from harness.dagrun.home import AirflowHome  # noqa: E402
from harness.settings import Settings  # noqa: E402
from harness.stack import Stack  # noqa: E402

ROOT = Path(__file__).parents[1]
stages = {}


def mark(stage: str) -> None:
    stages[stage] = time.time() - started


settings = Settings(project=ROOT)
settings = settings.model_copy(update={"mounts": {"/Workspace/Benchmarks": ROOT / "benchmarks" / "notebooks"}})
with tempfile.TemporaryDirectory() as scratch, Stack(settings) as stack:
    mark("the workspace listens")
    with AirflowHome(Path(scratch), ROOT / "benchmarks" / "dags", settings.cache) as home:
        os.environ.update(environment(stack.endpoints))
        from harness.dagrun.run import run_dag

        home.prepare()
        mark("Airflow is ready")
        engine = stack.wait_engine()
        mark("Spark is ready")
        run_dag("one_notebook", home=home).raise_for_failure()
        mark("the first DAG is green")
print(json.dumps(stages))
