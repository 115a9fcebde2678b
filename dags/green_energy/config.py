"""Where the pipeline reads and writes. Every value may be set in the environment of the scheduler and the workers."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import Asset

_PROJECT = Path(__file__).resolve().parents[2]

# The files to extract, and the place in S3 where they land.
SOURCE_FOLDER = Path(os.environ.get("GREEN_ENERGY_SOURCE_FOLDER", _PROJECT / "include" / "data"))
BUCKET = os.environ.get("GREEN_ENERGY_BUCKET", "green-energy-landing")
PREFIX = os.environ.get("GREEN_ENERGY_PREFIX", "daily")

# Airflow connections, and the role that COPY INTO reads S3 with.
AWS_CONN_ID = os.environ.get("GREEN_ENERGY_AWS_CONN_ID", "aws_default")
DATABRICKS_CONN_ID = os.environ.get("GREEN_ENERGY_DATABRICKS_CONN_ID", "databricks_default")
COPY_ROLE_ARN = os.environ.get("GREEN_ENERGY_COPY_ROLE_ARN", "arn:aws:iam::123456789012:role/green-energy-copy-into")

# Name of the SQL warehouse; without one, the HTTP path of the Databricks connection counts.
WAREHOUSE = os.environ.get("GREEN_ENERGY_WAREHOUSE") or None

# Unity Catalog, and the workspace folder of the notebooks.
CATALOG = os.environ.get("GREEN_ENERGY_CATALOG", "main")
SCHEMA = os.environ.get("GREEN_ENERGY_SCHEMA", "green_energy")
NOTEBOOK_FOLDER = os.environ.get("GREEN_ENERGY_NOTEBOOK_FOLDER", "/Workspace/Shared/green_energy")


def table(name: str) -> str:
    """The three-level name of a table of the pipeline."""
    return f"{CATALOG}.{SCHEMA}.{name}"


LANDING_URL = f"s3://{BUCKET}/{PREFIX}/"
# The same place for ObjectStoragePath, which takes the connection from the URL.
LANDING_PATH = f"s3://{AWS_CONN_ID}@{BUCKET}/{PREFIX}"

LANDING = Asset(name="green_energy_landing", uri=LANDING_URL)
ENERGY = Asset(name=table("energy"))
FACILITY_EFFICIENCY = Asset(name=table("facility_efficiency"))
