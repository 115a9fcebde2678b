"""Bring the energy files of the day to S3."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta

import pendulum
from airflow.providers.amazon.aws.operators.s3 import S3CreateBucketOperator
from airflow.sdk import Metadata, ObjectStoragePath, dag, task
from green_energy.config import AWS_CONN_ID, BUCKET, LANDING, LANDING_PATH, SOURCE_FOLDER


@dag(
    dag_id="green_energy_extract",
    schedule="@daily",
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={"owner": "energy-data", "retries": 2, "retry_delay": timedelta(minutes=2)},
    tags=["green_energy"],
    doc_md=__doc__,
)
def extract():
    create_bucket = S3CreateBucketOperator(task_id="create_bucket", bucket_name=BUCKET, aws_conn_id=AWS_CONN_ID)

    @task
    def list_files() -> list[str]:
        """The CSV files to bring, by name."""
        files = sorted(path.name for path in SOURCE_FOLDER.glob("*.csv"))
        if not files:
            raise FileNotFoundError(f"no CSV file in {SOURCE_FOLDER}")
        return files

    @task(map_index_template="{{ task.op_kwargs['file'] }}")
    def upload(file: str) -> int:
        """Stream one file to S3; returns its size in bytes."""
        target = ObjectStoragePath(LANDING_PATH) / file
        with (SOURCE_FOLDER / file).open("rb") as source, target.open("wb") as sink:
            shutil.copyfileobj(source, sink)
        return target.stat().st_size

    @task(outlets=[LANDING])
    def announce(files: list[str], sizes: list[int]) -> Iterator[Metadata]:
        """Tell the consumers of the landing zone what is there."""
        yield Metadata(LANDING, extra={"files": files, "bytes": sum(sizes)})

    files = list_files()
    uploads = upload.expand(file=files)
    create_bucket >> uploads
    announce(files, uploads)


extract()
