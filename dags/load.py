"""Load the landed files into Delta tables, and let them pass only when the figures are right."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pendulum
from airflow.providers.databricks.operators.databricks_sql import DatabricksSqlOperator
from airflow.sdk import ObjectStoragePath, dag, task, task_group
from airflow.sdk.exceptions import AirflowFailException
from green_energy import columns, quality
from green_energy.config import (
    AWS_CONN_ID,
    CATALOG,
    COPY_ROLE_ARN,
    DATABRICKS_CONN_ID,
    ENERGY,
    LANDING,
    LANDING_PATH,
    LANDING_URL,
    SCHEMA,
    WAREHOUSE,
    table,
)
from green_energy.operators import S3CopyIntoOperator

DATABRICKS = {"databricks_conn_id": DATABRICKS_CONN_ID, "sql_endpoint_name": WAREHOUSE}


@dag(
    dag_id="green_energy_load",
    schedule=[LANDING],
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "energy-data", "retries": 2, "retry_delay": timedelta(minutes=2)},
    tags=["green_energy"],
    doc_md=__doc__,
)
def load():
    @task
    def list_objects() -> list[str]:
        """The CSV files of the landing zone, by name."""
        files = sorted(path.name for path in ObjectStoragePath(LANDING_PATH).iterdir() if path.suffix == ".csv")
        if not files:
            raise FileNotFoundError(f"no CSV file in {LANDING_URL}")
        return files

    @task(map_index_template="{{ task.op_kwargs['file'] }}")
    def inspect(file: str) -> columns.Inspection:
        """The columns and the rows of one file."""
        with (ObjectStoragePath(LANDING_PATH) / file).open("r", encoding="utf-8", newline="") as lines:
            return columns.inspect(file, lines)

    @task
    def plan(inspections: list[columns.Inspection]) -> list[columns.FileLoad]:
        """One load for each file, with types that suit all files of its table."""
        return columns.plan(inspections, schema=f"{CATALOG}.{SCHEMA}")

    create_schema = DatabricksSqlOperator(
        task_id="create_schema", sql=f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{SCHEMA}", **DATABRICKS
    )

    @task_group
    def load_file(file: str, table: str, create: str, select: str):
        create_table = DatabricksSqlOperator(task_id="create_table", sql=create, **DATABRICKS)
        # COPY INTO remembers the files it has loaded: a second run adds no row.
        copy = S3CopyIntoOperator(
            task_id="copy",
            map_index_template="{{ task.files[0] }}",
            table_name=table,
            file_location=LANDING_URL,
            files=[file],
            file_format="CSV",
            expression_list=select,
            format_options={"header": "true", "mergeSchema": "true", "quote": '"', "escape": '"'},
            copy_options={"mergeSchema": "true"},
            aws_conn_id=AWS_CONN_ID,
            role_arn=COPY_ROLE_ARN,
            **DATABRICKS,
        )
        create_table >> copy

    measure = DatabricksSqlOperator(
        task_id="measure",
        sql="sql/quality.sql",
        params={"energy": table("energy"), "facilities": table("facilities")},
        **DATABRICKS,
    )

    @task(outlets=[ENERGY])
    def quality_gate(measured: tuple[Any, Any], inspections: list[columns.Inspection]) -> dict[str, float]:
        """Fail, with the figures that are out of their limits; otherwise return all of them."""
        description, (row,) = measured
        figures = {name: value for (name, *_), value in zip(description, row, strict=True)}
        landed: Counter[str] = Counter()
        for inspection in inspections:
            landed[inspection["table"]] += inspection["rows"]
        if found := quality.violations(figures, {**quality.exactly(landed), **quality.LIMITS}):
            raise AirflowFailException(f"{CATALOG}.{SCHEMA} failed the quality gate: {'; '.join(found)}")
        return figures

    inspections = inspect.expand(file=list_objects())
    loads = load_file.expand_kwargs(plan(inspections))
    create_schema >> loads >> measure
    quality_gate(measure.output, inspections)


load()
