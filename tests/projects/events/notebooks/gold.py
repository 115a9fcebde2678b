# Databricks notebook source
# MAGIC %sql
# MAGIC USE CATALOG IDENTIFIER(:catalog)

# COMMAND ----------

# MAGIC %sql
# MAGIC USE SCHEMA IDENTIFIER(:schema)

# COMMAND ----------

# MAGIC %sql
# MAGIC CREATE TABLE IF NOT EXISTS revenue (day DATE, status STRING, orders BIGINT, amount DECIMAL(12, 2))
# MAGIC CLUSTER BY (day)

# COMMAND ----------

# MAGIC %sql
# MAGIC MERGE INTO revenue AS t
# MAGIC USING (
# MAGIC   SELECT CAST(event_time AS DATE) AS day, status, count(*) AS orders, sum(amount) AS amount
# MAGIC   FROM orders GROUP BY ALL
# MAGIC ) AS s
# MAGIC ON t.day = s.day AND t.status = s.status
# MAGIC WHEN MATCHED THEN UPDATE SET *
# MAGIC WHEN NOT MATCHED THEN INSERT *
# MAGIC WHEN NOT MATCHED BY SOURCE THEN DELETE

# COMMAND ----------

history = spark.sql("DESCRIBE HISTORY orders").where("operation = 'MERGE'").count()
dbutils.notebook.exit(str(history))
