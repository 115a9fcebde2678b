# Databricks notebook source
day = dbutils.widgets.get("day")

# COMMAND ----------

assert spark.sql(f"SELECT date'{day}' < current_date()").first()[0]
