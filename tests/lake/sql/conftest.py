"""A Spark session with Delta and S3A for the SQL tests: one JVM a session."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

MINE = Path(os.environ.get("HARNESS_TEST_JARS", "/work/build/mvn/jars"))
# pyspark brings its own.
NOT = (
    "hadoop-client",
    "parquet",
    "jackson-annotations",
    "jackson-core",
    "jackson-databind",
    "scala-",
    "log4j",
    "slf4j",
    "snappy",
    "zstd",
    "httpc",
    "commons",
    "netty-b",
    "netty-c",
    "netty-h",
    "netty-r",
    "netty-t",
    "ecj",
    "RoaringBitmap",
    "shims",
    "jsr305",
    "aircompressor",
    "javax",
    "jts",
)


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    root = tmp_path_factory.mktemp("lake")
    jars = [str(j) for j in MINE.glob("*.jar") if not j.name.startswith(NOT)]
    os.environ["PYSPARK_SUBMIT_ARGS"] = "--conf spark.ui.enabled=false pyspark-shell"
    session = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.extraClassPath", ":".join(jars))
        .config("spark.driver.extraJavaOptions", "-XX:+UseSerialGC -XX:TieredStopAtLevel=1")
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.sql.sources.default", "delta")
        .config("spark.sql.warehouse.dir", str(root / "warehouse"))
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.databricks.delta.snapshotPartitions", "2")
        .config("spark.sql.sources.parallelPartitionDiscovery.parallelism", "4")
        .config("spark.sql.session.timeZone", "Etc/UTC")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.scheduler.mode", "FAIR")
        .config("spark.log.level", "OFF")
        .getOrCreate()
    )
    yield session
    session.stop()
