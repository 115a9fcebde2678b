# Databricks notebook source
amounts = [3, 1, 2]

# COMMAND ----------

# MAGIC %md A cell of text.

# COMMAND ----------


def share(amount: int, total: int) -> float:
    return amount / total


# COMMAND ----------

print("before the fall")
share(amounts[0], 0)

# COMMAND ----------

print("never reached")
