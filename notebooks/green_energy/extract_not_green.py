# Databricks notebook source
# MAGIC %md
# MAGIC # Readings outside the green initiative
# MAGIC `energy` → `not_green_readings`

# COMMAND ----------

import json

dbutils.widgets.text("catalog", "main", "Catalog")
dbutils.widgets.text("schema", "green_energy", "Schema")
dbutils.widgets.text("year", "2025", "Year")

# COMMAND ----------

# MAGIC %run ./helpers

# COMMAND ----------

schema = f"{dbutils.widgets.get('catalog')}.{dbutils.widgets.get('schema')}"
energy = spark.sql(
    "SELECT * FROM IDENTIFIER(:energy) WHERE year(date) = :year",
    args={"energy": f"{schema}.energy", "year": int(dbutils.widgets.get("year"))},
)
not_green = clean_readings(energy).where(~F.col("green_initiative")).drop("green_initiative")

# COMMAND ----------

target = f"{schema}.not_green_readings"
not_green.write.mode("overwrite").option("overwriteSchema", "true").saveAsTable(target)

# COMMAND ----------

# MAGIC %sql
# MAGIC -- What the cleaning left out, by reason: a look for the reader of the run.
# MAGIC SELECT
# MAGIC   count_if(facility_id IS NULL) AS no_facility,
# MAGIC   count_if(power_use_kwh IS NULL) AS no_power,
# MAGIC   count_if(try_cast(output_units AS BIGINT) IS NULL) AS no_output,
# MAGIC   count_if(green_initiative IS NULL) AS no_flag
# MAGIC FROM IDENTIFIER(:catalog || '.' || :schema || '.energy')

# COMMAND ----------

dbutils.notebook.exit(json.dumps({"table": target, "rows": spark.table(target).count()}))
