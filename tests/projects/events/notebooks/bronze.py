# Databricks notebook source
# MAGIC %md
# MAGIC # Bronze
# MAGIC Auto Loader: new files of the landing volume, as they are, once each.

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "events")

catalog, schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")
volume = f"/Volumes/{catalog}/{schema}/landing"

# COMMAND ----------

from pyspark.sql import functions as F

stream = (
    spark.readStream.format("cloudFiles")
    .option("cloudFiles.format", "json")
    .option("cloudFiles.inferColumnTypes", "true")
    .option("cloudFiles.schemaLocation", f"{volume}/_schemas/bronze")
    .option("cloudFiles.schemaEvolutionMode", "addNewColumns")
    .option("cloudFiles.schemaHints", "event_time TIMESTAMP, amount DECIMAL(10, 2)")
    .load(f"{volume}/incoming")
    .select("*", F.col("_metadata.file_path").alias("source_file"), F.current_timestamp().alias("ingested_at"))
)

# COMMAND ----------

query = (
    stream.writeStream.option("checkpointLocation", f"{volume}/_checkpoints/bronze")
    .option("mergeSchema", "true")
    .trigger(availableNow=True)
    .toTable(f"{catalog}.{schema}.bronze")
)
query.awaitTermination()

# COMMAND ----------

added = query.lastProgress["numInputRows"] if query.lastProgress else 0
print(f"{added} rows added")
dbutils.jobs.taskValues.set("added", int(added))
