# Databricks notebook source
# MAGIC %md
# MAGIC # Load sales
# MAGIC Makes the sales of a month, and keeps those of the chosen countries.

# COMMAND ----------

# MAGIC %run ./includes/setup

# COMMAND ----------

dbutils.widgets.text("month", "2026-01", "Month")
dbutils.widgets.dropdown("mode", "append", ["append", "overwrite"], "Mode")
dbutils.widgets.multiselect("countries", "DE", ["DE", "FR", "US"], "Countries")

month = dbutils.widgets.get("month")
mode = dbutils.widgets.get("mode")
countries = dbutils.widgets.get("countries").split(",")
print(f"{month} {mode} {countries}")

# COMMAND ----------

from pyspark.sql import functions as F
from pyspark.sql.types import DecimalType

days = spark.range(28).select((F.col("id") + 1).cast("int").alias("day"))
catalogue = spark.createDataFrame(
    [("lamp", "DE", 40.0), ("desk", "DE", 250.5), ("lamp", "FR", 42.0), ("chair", "US", 99.9)],
    "product STRING, country STRING, price DOUBLE",
)
sales = (
    days.crossJoin(catalogue)
    .withColumn("sold_on", F.to_date(F.format_string(f"{month}-%02d", "day")))
    .withColumn("quantity", (F.col("day") % 3 + 1).cast("int"))
    .withColumn("gross", (F.col("price") * F.col("quantity")).cast(DecimalType(10, 2)))
    .where(F.col("country").isin(countries))
    .select("sold_on", "product", "country", "quantity", "gross")
)

(sales.write.mode(mode).partitionBy("country").saveAsTable(table("raw_sales")))

# COMMAND ----------

display(spark.table("raw_sales").orderBy("sold_on", "product").limit(5))

# COMMAND ----------

rows = spark.table("raw_sales").count()
dbutils.jobs.taskValues.set("rows", rows)
dbutils.jobs.taskValues.set("countries", sorted(countries))
