"""The dbt project's models on the SQL warehouse, a task a model, as its manifest says."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import DAG, TaskGroup

PROJECT = Path(__file__).resolve().parents[1] / "transform"
MANIFEST = json.loads((PROJECT / "target" / "manifest.json").read_text())

with DAG("transform", schedule="0 6 * * *", start_date=datetime(2024, 1, 1), catchup=False) as dag:
    load = DatabricksSqlOperator(
        task_id="load",
        databricks_conn_id="warehouse",
        sql=[
            "CREATE SCHEMA IF NOT EXISTS main.raw",
            "CREATE SCHEMA IF NOT EXISTS main.analytics",
            "CREATE OR REPLACE TABLE main.raw.payments AS SELECT * FROM VALUES (1, 7, 1250), (2, 7, 250), (3, 8, 100) "
            "AS payments(id, order_id, amount)",
        ],
    )
    with TaskGroup("models"):
        tasks = {}
        for key, node in MANIFEST["nodes"].items():
            kind = node["config"]["materialized"].upper()
            query = (PROJECT / node["compiled_path"]).read_text()
            tasks[key] = DatabricksSqlOperator(
                task_id=node["name"],
                databricks_conn_id="warehouse",
                sql=f"CREATE OR REPLACE {kind} {node['relation_name']} AS {query}",
            )
        for key, node in MANIFEST["nodes"].items():
            above = [tasks[name] for name in node["depends_on"]["nodes"] if name in tasks]
            (above or [load]) >> tasks[key]
