# Databricks notebook source
# MAGIC %md
# MAGIC # Readings inside the green initiative
# MAGIC `energy` → `green_readings`

# COMMAND ----------

import json

dbutils.widgets.text("catalog", "main", "Catalog")
dbutils.widgets.text("schema", "green_energy", "Schema")
dbutils.widgets.text("year", "2025", "Year")

# COMMAND ----------

# MAGIC %run ./helpers

# COMMAND ----------

schema = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}"
clean_readings(spark.table(f"{schema}.energy")).createOrReplaceTempView("readings")

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT * EXCEPT (green_initiative)
# MAGIC FROM readings
# MAGIC WHERE green_initiative AND year(date) = :year

# COMMAND ----------

target = f"{schema}.green_readings"
_sqldf.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(target)

# COMMAND ----------

green = spark.table(target)
display(green.groupBy("department").agg(F.sum("net_energy_kwh"), F.sum("output_units")).orderBy("department"))

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"table": target, "rows": green.count()}))
