"""The SQL operators and sensors, over Thrift: DatabricksSqlOperator, the COPY INTO operators, the two SQL sensors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import boto3
from airflow.providers.common.sql.hooks.handlers import fetch_one_handler
from airflow.providers.databricks.assets.databricks import UnityTableIdentity
from airflow.providers.databricks.operators.databricks_sql import (
    DatabricksCopyIntoAssetOperator,
    DatabricksCopyIntoOperator,
    DatabricksSqlOperator,
)
from airflow.providers.databricks.sensors.databricks_partition import DatabricksPartitionSensor
from airflow.providers.databricks.sensors.databricks_sql import DatabricksSqlSensor
from airflow.sdk import DAG, Param, chain

GIVEN = boto3.Session().client("sts").get_session_token()["Credentials"]
TEMPORARY = {
    "AWS_ACCESS_KEY": GIVEN["AccessKeyId"],
    "AWS_SECRET_KEY": GIVEN["SecretAccessKey"],
    "AWS_SESSION_TOKEN": GIVEN["SessionToken"],
}
WAREHOUSE = os.environ["DATABRICKS_WAREHOUSE_ID"]
HTTP_PATH = f"/sql/1.0/warehouses/{WAREHOUSE}"
PLACE = {"catalog": "main", "schema": "shop"}
CREATE = [
    "CREATE SCHEMA IF NOT EXISTS main.shop",
    "CREATE TABLE IF NOT EXISTS main.shop.sales PARTITIONED BY (region) AS "
    "SELECT * FROM VALUES (1, 'north', 1.5D), (2, 'south', 2.5D), (3, 'north', NULL) AS sales (id, region, amount)",
]
OUTPUT = "{{ params.folder }}/sales."
REPORT = "SELECT id, region, amount FROM sales ORDER BY id"

with DAG(
    "sql", schedule=None, params={"folder": Param("", type="string")}, template_searchpath=str(Path(__file__).parent)
) as sql:
    chain(
        DatabricksSqlOperator(task_id="several", sql=CREATE),
        DatabricksSqlOperator(task_id="split", sql="SELECT 1 AS a; SELECT ';' AS b;", split_statements=True),
        DatabricksSqlOperator(
            task_id="every_result", sql="SELECT 1 AS a; SELECT 2 AS b", split_statements=True, return_last=False
        ),
        DatabricksSqlOperator(
            task_id="parameters", sql="SELECT id FROM sales WHERE id >= :low", parameters={"low": 2}, **PLACE
        ),
        DatabricksSqlOperator(task_id="by_position", sql="SELECT ? AS a, ? AS b", parameters=[1, "x"]),
        DatabricksSqlOperator(task_id="of_a_file", sql="report.sql", params={"region": "north"}, **PLACE),
        DatabricksSqlOperator(
            task_id="by_name",
            sql="SELECT count(*) AS n, current_timezone() AS zone FROM main.shop.sales",
            sql_endpoint_name=WAREHOUSE,
            session_configuration={"timezone": "Asia/Tokyo"},
            http_headers=[("X-Reason", "test")],
            query_tags={"team": "energy"},
            handler=fetch_one_handler,
        ),
        [
            DatabricksSqlOperator(
                task_id=f"to_{form}", sql=REPORT, output_path=OUTPUT + form, output_format=form, **PLACE
            )
            for form in ("csv", "json", "jsonl", "parquet")
        ],
    )

with DAG("sql_that_fails", schedule=None) as sql_that_fails:
    DatabricksSqlOperator(task_id="no_table", sql="SELECT * FROM main.shop.nowhere")
    DatabricksSqlOperator(task_id="no_sense", sql=["SELECT 1", "SELEC 2"])
    DatabricksSqlOperator(task_id="no_warehouse", sql="SELECT 1", sql_endpoint_name="nobody's")
    DatabricksSqlOperator(task_id="no_parameter", sql="SELECT :missing", parameters={"given": 1})
    DatabricksSqlOperator(task_id="no_rows", sql="SELECT raise_error('no rows today')")

LANDING = "s3://landing/sales"
AS_CSV = {"file_format": "CSV", "format_options": {"header": "true", "inferSchema": "true"}}
ASSET = UnityTableIdentity(host="127.0.0.1", catalog="main", schema="shop", table="asset")

with DAG("copies", schedule=None) as copies:
    chain(
        DatabricksSqlOperator(
            task_id="create",
            sql=[
                "CREATE SCHEMA main.shop",
                *(f"CREATE TABLE main.shop.{name} (id INT, region STRING)" for name in ("files", "chosen", "asset")),
            ],
        ),
        DatabricksCopyIntoOperator(
            task_id="checked", table_name="main.shop.files", file_location=LANDING, validate=True, **AS_CSV
        ),
        DatabricksCopyIntoOperator(
            task_id="checked_rows", table_name="main.shop.files", file_location=LANDING, validate=2, **AS_CSV
        ),
        DatabricksCopyIntoOperator(
            task_id="files", table_name="files", file_location=LANDING, files=["a.csv", "b.csv"], **AS_CSV, **PLACE
        ),
        DatabricksCopyIntoOperator(
            task_id="again", table_name="main.shop.files", file_location=LANDING, pattern="[ab].csv", **AS_CSV
        ),
        DatabricksCopyIntoOperator(
            task_id="forced",
            table_name="main.shop.files",
            file_location=LANDING,
            pattern="a.*",
            force_copy=True,
            copy_options={"mergeSchema": "true"},
            storage_credential="landing_zone",
            **AS_CSV,
        ),
        DatabricksCopyIntoOperator(
            task_id="chosen",
            table_name="main.shop.chosen",
            file_location=LANDING,
            expression_list="id * 10 AS id, upper(region) AS region",
            credential=TEMPORARY,
            sql_endpoint_name=WAREHOUSE,
            **AS_CSV,
        ),
        DatabricksCopyIntoAssetOperator(
            task_id="asset", table_name="asset", file_location=LANDING, unity_table=ASSET, **AS_CSV, **PLACE
        ),
    )

with DAG("copies_that_fail", schedule=None) as copies_that_fail:
    DatabricksCopyIntoOperator(
        task_id="no_table", table_name="main.shop.nowhere", file_location=LANDING, file_format="CSV"
    )
    DatabricksCopyIntoOperator(
        task_id="no_bucket", table_name="main.shop.files", file_location="s3://nobodys/sales", file_format="CSV"
    )
    DatabricksCopyIntoOperator(
        task_id="not_numbers", table_name="main.shop.files", file_location="s3://landing/words", **AS_CSV
    )
    DatabricksCopyIntoAssetOperator(
        task_id="other_table", table_name="files", file_location=LANDING, unity_table=ASSET, **AS_CSV, **PLACE
    )

POKES: list[list[Any]] = []


def third_time(cursor: Any) -> list[Any]:
    """A handler that keeps what it finds from its sensor twice."""
    POKES.append(cursor.fetchall())
    return POKES[2:] and POKES[2]


with DAG("sensors", schedule=None) as sensors:
    chain(
        DatabricksSqlOperator(task_id="create", sql=CREATE),
        DatabricksSqlSensor(
            task_id="rows", sql="SELECT id FROM sales WHERE region = 'north'", http_path=HTTP_PATH, **PLACE
        ),
        DatabricksSqlSensor(
            task_id="rescheduled",
            sql="SELECT 1",
            sql_warehouse_name=WAREHOUSE,
            handler=third_time,
            mode="reschedule",
            poke_interval=600,
        ),
        [
            DatabricksPartitionSensor(
                task_id=task_id, table_name="sales", partitions=partitions, http_path=HTTP_PATH, **PLACE
            )
            for task_id, partitions in (("one", {"region": "north"}), ("any", {"region": ["north", "west"]}))
        ],
    )

with DAG("sensors_that_fail", schedule=None) as sensors_that_fail:
    create = DatabricksSqlOperator(task_id="create", sql=[*CREATE, "CREATE TABLE main.shop.whole AS SELECT 1 AS id"])
    create >> [
        DatabricksSqlSensor(task_id="no_rows", sql="SELECT 1 WHERE false", http_path=HTTP_PATH, timeout=0.1),
        DatabricksSqlSensor(
            task_id="skipped", sql="SELECT 1 WHERE false", http_path=HTTP_PATH, timeout=0.1, soft_fail=True
        ),
        DatabricksSqlSensor(task_id="no_table", sql="SELECT 1 FROM main.shop.nowhere", http_path=HTTP_PATH),
        DatabricksSqlSensor(task_id="no_warehouse", sql="SELECT 1"),
        *(
            DatabricksPartitionSensor(
                task_id=task_id, table_name=table, partitions=partitions, http_path=HTTP_PATH, **PLACE
            )
            for task_id, table, partitions in (
                ("no_partition", "sales", {"region": "west"}),
                ("no_such_column", "sales", {"id": 1}),
                ("not_partitioned", "whole", {"id": 1}),
            )
        ),
    ]
