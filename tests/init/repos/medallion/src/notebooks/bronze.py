# Databricks notebook source
dbutils.widgets.text("day", "")
day = dbutils.widgets.get("day")

# COMMAND ----------

spark.sql("CREATE SCHEMA IF NOT EXISTS main.bronze")
raw = spark.read.json(f"s3://shop-landing/orders/{day}.json")
raw.write.mode("overwrite").saveAsTable("main.bronze.orders")
