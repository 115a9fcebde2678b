"""What a new JVM does before anybody asks, so that the first task does not pay for the first time of everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql.functions import udf


def warm_up(spark: SparkSession, directory: Path) -> None:
    """Write, read and merge a small Delta table in ``directory``, and run a Python function. Touches no catalog."""
    for step in STEPS:
        step(spark, directory)


def _delta(spark: SparkSession, directory: Path) -> None:
    path = f"delta.`{directory / 'delta'}`"
    rows = spark.range(100).selectExpr("id", "id % 7 AS k", "cast(id AS string) AS s")
    rows.write.format("delta").save(str(directory / "delta"))
    spark.sql(f"MERGE INTO {path} t USING (SELECT 1L AS id) s ON t.id = s.id WHEN MATCHED THEN UPDATE SET t.k = 9")
    spark.sql(f"SELECT k, count(*) AS n, avg(id) FROM {path} GROUP BY k ORDER BY n").collect()


def _files(spark: SparkSession, directory: Path) -> None:
    folder = str(directory / "csv")
    spark.range(9).selectExpr("id", "'x' AS s").write.option("header", True).csv(folder)
    spark.read.option("header", True).option("inferSchema", True).csv(folder).toPandas()


def _function(spark: SparkSession, directory: Path) -> None:
    spark.range(2).select(udf(lambda value: value + 1, "long")("id")).collect()


STEPS: tuple[Callable[[SparkSession, Path], None], ...] = (_delta, _files, _function)
