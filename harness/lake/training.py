"""What the class archive is trained on: the first time of most things a pipeline does.

Each step loads classes that then lie in the archive. Widely: an archive trained on a small job only took 4.0 s instead
of 3.1 s to the first result (measured).
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from harness.lake.warmup import warm_up

STATEMENTS = """\
SHOW CATALOGS
CREATE SCHEMA main.training COMMENT 'c'
USE main.training
SHOW SCHEMAS
CREATE TABLE t (id BIGINT, name STRING, d DATE, ts TIMESTAMP, x DECIMAL(10, 2)) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')
INSERT INTO t VALUES (1, 'a', DATE'2026-01-01', TIMESTAMP'2026-01-01 10:00:00', 1.5), (2, 'b', NULL, NULL, NULL)
CREATE OR REPLACE TABLE u CLUSTER BY (id) AS SELECT id, cast(id AS STRING) AS name FROM range(100)
CREATE TABLE p PARTITIONED BY (k) AS SELECT id, id % 3 AS k FROM range(30)
CREATE TABLE files USING parquet AS SELECT 1 AS a
MERGE INTO t USING u ON t.id = u.id WHEN MATCHED THEN UPDATE SET name = u.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (u.id, u.name)
UPDATE t SET name = 'z' WHERE id = 3
DELETE FROM t WHERE id > 50
INSERT OVERWRITE p SELECT id, id % 3 FROM range(9)
ALTER TABLE t ADD COLUMN extra STRING
ALTER TABLE t SET TBLPROPERTIES ('a' = 'b')
CREATE OR REPLACE VIEW v AS SELECT k, count(*) AS n FROM p GROUP BY k
SELECT * FROM v ORDER BY n
SELECT t.name, sum(u.id) OVER (PARTITION BY t.name ORDER BY u.id) FROM t JOIN u USING (id) LEFT JOIN p ON p.id = u.id
SELECT from_json('{"a": 1}', 'a INT').a, parse_json('{"b": [1]}'):b[0]::INT, date_format(ts, 'yyyy'), approx_percentile(id, 0.5) FROM t GROUP BY ALL
WITH r AS (SELECT explode(sequence(1, 3)) AS i) SELECT i, CASE WHEN i > 1 THEN 'x' END, regexp_replace('a', 'b', 'c') FROM r
SELECT * FROM t VERSION AS OF 1
SELECT * FROM table_changes('main.training.t', 1)
DESCRIBE EXTENDED t
DESCRIBE HISTORY t
DESCRIBE DETAIL t
SHOW TABLES
SHOW TBLPROPERTIES t
OPTIMIZE p
VACUUM p
EXPLAIN SELECT count(*) FROM t
SET spark.sql.ansi.enabled
DROP TABLE u
DROP VIEW v""".splitlines()  # noqa: E501

REFUSED = ("SELECT * FROM absent", "SELECT nothing FROM t", "SELEC 1", "CREATE TABLE t (a INT)", "SELECT 1 / 0")


def train(spark: SparkSession, directory: Path) -> None:
    """Run everything once, in ``directory``, in the catalog ``main`` and in the S3 bucket ``training``."""
    warm_up(spark, directory)
    for step in (_sql, _frames, _functions, _streams, _s3):
        step(spark, directory)


def _sql(spark: SparkSession, directory: Path) -> None:
    for statement in STATEMENTS:
        spark.sql(statement).collect()
    for statement in REFUSED:
        with contextlib.suppress(PySparkException):
            spark.sql(statement).collect()


def _frames(spark: SparkSession, directory: Path) -> None:
    import pandas as pd

    rows = spark.createDataFrame(pd.DataFrame({"id": [1, 2], "s": ["a", None], "x": [0.5, 1.5]}))
    rows.write.mode("overwrite").saveAsTable("main.training.frame")
    rows.withColumn("y", F.lit(1)).write.mode("append").option("mergeSchema", True).saveAsTable("main.training.frame")
    table = spark.table("main.training.frame")
    table.groupBy("s").agg(F.avg("x"), F.countDistinct("id")).toPandas()
    table.filter(F.col("x") > 0.6).dropDuplicates(["id"]).orderBy(F.desc("id")).show()
    spark.createDataFrame([(1, "a")], "id INT, s STRING").join(table, "id").cache().count()
    spark.catalog.tableExists("main.training.frame")


def _functions(spark: SparkSession, directory: Path) -> None:
    double: Callable[..., F.Column] = F.pandas_udf(lambda series: series * 2, "long")
    spark.range(4).select(double("id")).toPandas()
    spark.range(4).groupBy(F.col("id") % 2).applyInPandas(lambda frame: frame, "id LONG").collect()
    spark.sparkContext.parallelize([1, 2]).map(lambda value: value + 1).collect()


def _streams(spark: SparkSession, directory: Path) -> None:
    query = (
        spark.readStream.table("main.training.frame")
        .writeStream.option("checkpointLocation", str(directory / "checkpoint"))
        .trigger(availableNow=True)
        .toTable("main.training.stream")
    )
    query.awaitTermination()


def _s3(spark: SparkSession, directory: Path) -> None:
    rows = spark.range(100).selectExpr("id", "id % 7 AS k", "'text' AS s")
    for layout in ("csv", "json", "parquet"):
        path = f"s3a://training/{layout}"
        rows.write.mode("overwrite").format(layout).option("header", True).save(path)
        frame = spark.read.format(layout).option("header", True).option("inferSchema", True).load(path)
        frame.select("*", "_metadata.file_path").write.mode("append").saveAsTable(f"main.training.{layout}")
    rows.write.format("delta").save("s3://training/delta")
    spark.sql("SELECT k, count(*) FROM delta.`s3://training/delta` GROUP BY k").collect()
