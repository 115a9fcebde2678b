# Databricks notebook source
# MAGIC %md
# MAGIC # Setup
# MAGIC Shared by every notebook of the project: `%run ./includes/setup`

# COMMAND ----------

dbutils.widgets.text("catalog", "main", "Catalog")
dbutils.widgets.text("schema", "sales", "Schema")

catalog = dbutils.widgets.get("catalog")
schema = dbutils.widgets.get("schema")

# COMMAND ----------

spark.sql(f"CREATE SCHEMA IF NOT EXISTS `{catalog}`.`{schema}` COMMENT 'Sales of the web shop'")
spark.sql(f"USE CATALOG `{catalog}`")
spark.sql(f"USE SCHEMA `{schema}`")

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE OR REPLACE FUNCTION net(gross DECIMAL(10, 2), country STRING)
# MAGIC   RETURNS DECIMAL(10, 2)
# MAGIC   COMMENT 'Without value added tax'
# MAGIC   RETURN CAST(gross / CASE country WHEN 'DE' THEN 1.19 WHEN 'FR' THEN 1.20 ELSE 1 END AS DECIMAL(10, 2))

# COMMAND ----------


def table(name: str) -> str:
    return f"{catalog}.{schema}.{name}"
