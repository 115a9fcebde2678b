"""``python -m benchmarks.validation [--files N]``: seconds of ``harness validate`` on a project of N DAG files.

Each file has a DAG with a Databricks workflow of two notebooks, a SQL template, a submitted run and Python tasks; every
DAG waits for the asset of the one before. Nothing may be found.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

DAG = """
from datetime import datetime

from airflow.providers.databricks.operators.databricks import DatabricksNotebookOperator, DatabricksSubmitRunOperator
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.providers.databricks.operators.databricks_workflow import DatabricksWorkflowTaskGroup
from airflow.sdk import Asset, dag, task

CLUSTER = {{"spark_version": "16.4.x-scala2.12", "node_type_id": "m5d.large", "num_workers": 1}}


def notebook(name):
    return DatabricksNotebookOperator(
        task_id=name,
        notebook_path=f"/Workspace/Shared/n{n}/{{name}}",
        source="WORKSPACE",
        job_cluster_key="small",
        notebook_params={{"day": "{{{{ ds }}}}"}},
    )


@dag(dag_id="dag_{n}", schedule={schedule}, start_date=datetime(2025, 1, 1), params={{"table": "main.s{n}.silver"}})
def pipeline():
    @task
    def list_files():
        return ["a", "b"]

    @task
    def read(file):
        return len(file)

    with DatabricksWorkflowTaskGroup(
        group_id="job",
        databricks_conn_id="databricks_default",
        job_clusters=[{{"job_cluster_key": "small", "new_cluster": CLUSTER}}],
    ) as job:
        notebook("bronze") >> notebook("silver")
    run = DatabricksSubmitRunOperator(
        task_id="run",
        json={{"tasks": [{{"task_key": "main", "notebook_task": {{"notebook_path": "/Shared/n{n}/report"}}}}]}},
    )
    gold = DatabricksSqlOperator(task_id="gold", sql="sql/gold_{n}.sql", outlets=[Asset("asset_{n}")])
    read.expand(file=list_files()) >> job >> run >> gold


pipeline()
"""
NOTEBOOK = """# Databricks notebook source
day = dbutils.widgets.get("day")

# COMMAND ----------

frame = spark.sql("SELECT id, count(*) AS n FROM {source} WHERE id > 1 GROUP BY ALL").withColumn("day", day)
frame.write.mode("overwrite").saveAsTable("{target}")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT day, sum(n) FROM {target} GROUP BY day ORDER BY day
"""
GOLD = """CREATE OR REPLACE TABLE main.s{n}.gold AS
SELECT day, sum(n) AS n FROM {{{{ params.table }}}} WHERE day <= '{{{{ ds }}}}' GROUP BY day;
"""


def make(folder: Path, files: int) -> None:
    """Write the project."""
    (folder / "dags" / "sql").mkdir(parents=True)
    for n in range(files):
        schedule = f'[Asset("asset_{n - 1}")]' if n else '"@daily"'
        (folder / "dags" / f"dag_{n}.py").write_text(DAG.format(n=n, schedule=schedule))
        (folder / "dags" / "sql" / f"gold_{n}.sql").write_text(GOLD.format(n=n))
        notebooks = folder / "notebooks" / f"n{n}"
        notebooks.mkdir(parents=True)
        chain = ("samples.tpch.orders", f"main.s{n}.bronze", f"main.s{n}.silver")
        for name, source, target in (("bronze", chain[0], chain[1]), ("silver", chain[1], chain[2])):
            (notebooks / f"{name}.py").write_text(NOTEBOOK.format(source=source, target=target))
        (notebooks / "report.py").write_text(f'# Databricks notebook source\ndisplay(spark.table("{chain[2]}"))\n')


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as directory:
        make(Path(directory), files)
        before, started = os.times(), time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "harness.cli", "validate"],
            cwd=directory,
            text=True,
            capture_output=True,
            check=False,
        )
        wall, after = time.monotonic() - started, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    print(f"{files} DAG files, {3 * files} notebooks, {files} SQL files: {wall:.1f} s, of which {cpu:.1f} s of CPU")
    print(done.stdout.rpartition("\n")[0] or done.stdout, done.stderr, sep="\n")
    raise SystemExit(done.returncode)


if __name__ == "__main__":
    main()
