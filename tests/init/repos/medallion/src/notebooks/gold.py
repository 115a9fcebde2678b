# Databricks notebook source
from pyspark.sql import functions as F

spark.sql("CREATE SCHEMA IF NOT EXISTS main.gold")
revenue = spark.table("main.silver.orders").groupBy("country").agg(F.sum("amount").alias("revenue"))
revenue.write.mode("overwrite").saveAsTable("main.gold.revenue")

# COMMAND ----------

assert spark.table("main.gold.revenue").count() > 0, "no revenue at all"
