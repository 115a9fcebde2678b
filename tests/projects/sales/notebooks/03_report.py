# Databricks notebook source
# MAGIC %md
# MAGIC # Report
# MAGIC Figures and plots of the month, for the people who read no tables.

# COMMAND ----------

# MAGIC %run ./includes/setup

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT country, sum(quantity) AS quantity, sum(net) AS net
# MAGIC FROM monthly
# MAGIC GROUP BY country
# MAGIC ORDER BY net DESC

# COMMAND ----------

by_country = _sqldf.toPandas()
best = by_country.iloc[0]["country"]
by_country

# COMMAND ----------

import matplotlib.pyplot as plt

figure, axes = plt.subplots(1, 2, figsize=(8, 3))
axes[0].bar(by_country["country"], by_country["net"].astype(float))
axes[0].set_title("Net by country")
axes[1].pie(by_country["quantity"], labels=by_country["country"])
axes[1].set_title("Pieces")
plt.tight_layout()
display(figure)

# COMMAND ----------

daily = spark.sql("SELECT sold_on, sum(gross) AS gross FROM raw_sales GROUP BY sold_on ORDER BY sold_on").toPandas()
daily["gross"] = daily["gross"].astype(float)
daily.plot(x="sold_on", y="gross", title="Gross by day")
plt.show()

# COMMAND ----------

displayHTML(f"<h2>Best country: <b>{best}</b></h2>")

# COMMAND ----------

# MAGIC %sh
# MAGIC echo "report written by $(whoami)" > /tmp/report_note.txt && cat /tmp/report_note.txt

# COMMAND ----------

import json

rows = dbutils.jobs.taskValues.get("load", "rows", default=0, debugValue=0)
dbutils.notebook.exit(json.dumps({"best": best, "rows": rows, "countries": by_country["country"].tolist()}))
