# Databricks notebook source
# MAGIC %md
# MAGIC # Silver
# MAGIC The newest state of each order: every micro-batch is merged.

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "events")

catalog, schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")
checkpoint = f"/Volumes/{catalog}/{schema}/landing/_checkpoints/silver"

# COMMAND ----------

from delta.tables import DeltaTable
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

target = f"{catalog}.{schema}.orders"
(
    DeltaTable.createIfNotExists(spark)
    .tableName(target)
    .addColumn("order_id", "BIGINT")
    .addColumn("status", "STRING")
    .addColumn("amount", "DECIMAL(10, 2)")
    .addColumn("event_time", "TIMESTAMP")
    .addColumn("versions", "INT")
    .property("delta.enableChangeDataFeed", "true")
    .execute()
)

# COMMAND ----------


def upsert(batch: DataFrame, batch_id: int) -> None:
    newest = Window.partitionBy("order_id").orderBy(F.col("event_time").desc())
    latest = (
        batch.where("order_id IS NOT NULL")
        .withColumn("place", F.row_number().over(newest))
        .where("place = 1")
        .select("order_id", "status", "amount", "event_time")
    )
    (
        DeltaTable.forName(batch.sparkSession, target)
        .alias("t")
        .merge(latest.alias("s"), "t.order_id = s.order_id")
        .whenMatchedUpdate(
            condition="s.event_time > t.event_time",
            set={
                "status": "s.status",
                "amount": "s.amount",
                "event_time": "s.event_time",
                "versions": "t.versions + 1",
            },
        )
        .whenNotMatchedInsert(
            values={
                "order_id": "s.order_id",
                "status": "s.status",
                "amount": "s.amount",
                "event_time": "s.event_time",
                "versions": "1",
            }
        )
        .execute()
    )


# COMMAND ----------

query = (
    spark.readStream.table(f"{catalog}.{schema}.bronze")
    .writeStream.foreachBatch(upsert)
    .option("checkpointLocation", checkpoint)
    .trigger(availableNow=True)
    .start()
)
query.awaitTermination()

# COMMAND ----------

display(spark.table(target).orderBy("order_id"))
