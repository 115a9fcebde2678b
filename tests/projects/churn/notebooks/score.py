# Databricks notebook source
# MAGIC %pip install mlflow-skinny==3.17.2

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "churn")

catalog, schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")
run_id = dbutils.jobs.taskValues.get("train", "run_id", debugValue="")

# COMMAND ----------

import mlflow
import pandas as pd
from pyspark.sql.functions import pandas_udf, struct

model = mlflow.sklearn.load_model(f"runs:/{run_id}/model")


@pandas_udf("double")
def probability(features: pd.DataFrame) -> pd.Series:
    return pd.Series(model.predict_proba(features)[:, 1])


scored = spark.table(f"{catalog}.{schema}.features").withColumn(
    "probability", probability(struct("tenure", "calls", "spend"))
)
scored.select("customer_id", "probability", "churned").write.mode("overwrite").saveAsTable(f"{catalog}.{schema}.scores")

# COMMAND ----------

metrics = mlflow.get_run(run_id).data.metrics
dbutils.notebook.exit(f"{metrics['test_f1']:.2f}")
