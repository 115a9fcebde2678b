# Databricks notebook source
# MAGIC %md
# MAGIC # Efficiency by month, outside the green initiative
# MAGIC `not_green_readings`, `facilities` → `not_green_efficiency`

# COMMAND ----------

import json

dbutils.widgets.text("catalog", "main", "Catalog")
dbutils.widgets.text("schema", "green_energy", "Schema")

# COMMAND ----------

# MAGIC %run ./helpers

# COMMAND ----------

schema = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}"
readings = spark.table(f"{schema}.not_green_readings").toPandas()
facilities = spark.table(f"{schema}.facilities").toPandas()
efficiency = monthly_efficiency(readings, facilities)
display(efficiency.head(12))

# COMMAND ----------

target = f"{schema}.not_green_efficiency"
spark.createDataFrame(efficiency).write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(target)
dbutils.notebook.exit(json.dumps({"table": target, "rows": len(efficiency)}))
