# Databricks notebook source
# MAGIC %pip install mlflow-skinny==3.17.2

# COMMAND ----------

# MAGIC %md
# MAGIC # Train
# MAGIC A run for each candidate, below one parent; the best one's model is what `score` loads.

# COMMAND ----------

dbutils.widgets.text("catalog", "main")
dbutils.widgets.text("schema", "churn")
dbutils.widgets.text("experiment", "/Shared/churn")

catalog, schema = dbutils.widgets.get("catalog"), dbutils.widgets.get("schema")

# COMMAND ----------

import matplotlib.pyplot as plt
import mlflow
from mlflow.models import infer_signature
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import ConfusionMatrixDisplay, f1_score
from sklearn.model_selection import train_test_split

mlflow.set_experiment(dbutils.widgets.get("experiment"))
mlflow.sklearn.autolog(log_models=False, log_datasets=False, silent=True)

data = spark.table(f"{catalog}.{schema}.features").toPandas()
columns = ["tenure", "calls", "spend"]
train, test, y_train, y_test = train_test_split(data[columns], data["churned"], random_state=7)

# COMMAND ----------

candidates = {
    "logistic": LogisticRegression(max_iter=500),
    "forest": RandomForestClassifier(n_estimators=20, max_depth=4, random_state=7),
}

with mlflow.start_run(run_name="candidates") as parent:
    for name, model in candidates.items():
        with mlflow.start_run(run_name=name, nested=True):
            model.fit(train, y_train)
            predicted = model.predict(test)
            mlflow.log_metric("test_f1", f1_score(y_test, predicted))
            mlflow.set_tag("candidate", name)
            figure, axes = plt.subplots()
            ConfusionMatrixDisplay.from_predictions(y_test, predicted, ax=axes)
            mlflow.log_figure(figure, "confusion.png")
            plt.close(figure)
            mlflow.sklearn.log_model(
                model,
                name="model",
                signature=infer_signature(train, model.predict(train)),
                pip_requirements=["scikit-learn"],
            )

# COMMAND ----------

runs = mlflow.search_runs(
    filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'", order_by=["metrics.test_f1 DESC"]
)
display(runs[["run_id", "tags.candidate", "metrics.test_f1"]])
best = runs.iloc[0]
dbutils.jobs.taskValues.set("run_id", best["run_id"])
dbutils.notebook.exit(f"{best['tags.candidate']} {best['metrics.test_f1']:.2f}")
