# Databricks notebook source
# MAGIC %md
# MAGIC # Features
# MAGIC One row a customer: how they use the service, and whether they left.

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "churn")

catalog, schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")
spark.sql(f"CREATE SCHEMA IF NOT EXISTS {catalog}.{schema}")

# COMMAND ----------

import numpy as np
import pandas as pd

random = np.random.default_rng(seed=7)
size = 400
features = pd.DataFrame(
    {
        "customer_id": np.arange(size),
        "tenure": random.integers(1, 60, size),
        "calls": random.poisson(2.0, size),
        "spend": random.gamma(2.0, 20.0, size).round(2),
    }
)
features["churned"] = (features["calls"] * 10 - features["tenure"] + random.normal(0, 5, size) > 0).astype(int)

spark.createDataFrame(features).write.mode("overwrite").saveAsTable(f"{catalog}.{schema}.features")
