# Databricks notebook source
# What Spark itself takes, in this process: beside it benchmarks/sql.py puts what the SQL connector takes.
import json
import time

import pyspark.sql.functions as F

repeats, loads = int(dbutils.widgets.get("repeats")), int(dbutils.widgets.get("loads"))
folder, tables = dbutils.widgets.get("folder"), json.loads(dbutils.widgets.get("tables"))


def seconds(do):
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def read_and_write():
    table = f"main.default.plain_{time.time_ns()}"
    spark.sql(f"CREATE TABLE {table} (id INT, name STRING)")
    reader = spark.read.option("header", True).schema("id INT, name STRING")
    return seconds(lambda: reader.csv(folder).write.format("delta").mode("append").saveAsTable(table))


# COMMAND ----------

million = spark.range(1_000_000).select(
    "id", (F.col("id") * 0.5).alias("half"), F.concat(F.lit("name "), "id").alias("name")
)
paths = [spark.sql(f"DESCRIBE DETAIL {table}").first()["location"] for table in tables]
spark.sql("SELECT 1").collect()

# COMMAND ----------

dbutils.notebook.exit(
    json.dumps(
        {
            "SELECT 1": [seconds(lambda: spark.sql("SELECT 1").collect()) for _ in range(repeats)],
            "1 M rows": [seconds(million.toArrow) for _ in range(3)],
            "500 files": [read_and_write() for _ in range(loads)],
            "by name": [seconds(lambda table=table: spark.table(table).schema) for table in tables],
            "by path": [seconds(lambda path=path: spark.read.format("delta").load(path).schema) for path in paths],
        }
    )
)
