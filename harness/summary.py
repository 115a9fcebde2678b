"""What a run left behind: tables with their rows, objects with their bytes."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from harness.lake.s3 import S3Endpoint
from harness.lake.tables import LakeReader


@dataclass(frozen=True)
class TableSummary:
    """A Delta table: its three-level name, rows, columns and version."""

    name: str
    rows: int
    columns: int
    version: int


@dataclass(frozen=True)
class BucketSummary:
    """A bucket: its name, the number of its objects and their bytes."""

    name: str
    objects: int
    size: int


def tables(lake: LakeReader) -> list[TableSummary]:
    """Every Delta table of the workspace, read by delta-rs."""
    found = []
    for name in lake.tables():
        table = lake.table(name)
        found.append(TableSummary(name, table.count(), len(table.columns), table.version))
    return found


def buckets(endpoint: S3Endpoint) -> list[BucketSummary]:
    """Every bucket of the S3 server."""
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        region_name=endpoint.region,
    )
    found = []
    for bucket in client.list_buckets()["Buckets"]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"])
        sizes = [item["Size"] for page in pages for item in page.get("Contents", [])]
        found.append(BucketSummary(bucket["Name"], len(sizes), sum(sizes)))
    return found


def show(console: Console, lake: LakeReader, endpoint: S3Endpoint) -> None:
    """Print both as tables."""
    grid = Table(
        "table", "rows", "columns", "version", title="Delta tables, as delta-rs reads them", title_justify="left"
    )
    for table in tables(lake):
        grid.add_row(table.name, f"{table.rows:,}", str(table.columns), str(table.version))
    console.print(grid)
    grid = Table("bucket", "objects", "bytes", title="S3", title_justify="left")
    for bucket in buckets(endpoint):
        grid.add_row(bucket.name, f"{bucket.objects:,}", f"{bucket.size:,}")
    console.print(grid)
