# Databricks notebook source
# MAGIC %md
# MAGIC # Churn: a logistic regression

# COMMAND ----------

import pickle

import boto3
from sklearn.linear_model import LogisticRegression

dbutils.widgets.dropdown("segment", "retail", ["retail", "business"])
dbutils.widgets.text("models", "")

# COMMAND ----------

rows = spark.table("main.churn.features").toPandas()
model = LogisticRegression().fit(rows[["visits", "plan"]], rows["churned"])
accuracy = model.score(rows[["visits", "plan"]], rows["churned"])

# COMMAND ----------

token = dbutils.secrets.get("tracking", "token")
bucket, _, folder = dbutils.widgets.get("models").removeprefix("s3://").partition("/")
boto3.client("s3").put_object(Bucket=bucket, Key=f"{folder}/candidate.pkl", Body=pickle.dumps(model))
dbutils.notebook.exit(str(accuracy))
