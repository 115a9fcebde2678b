-- Databricks notebook source
-- MAGIC %md
-- MAGIC # Monthly figures
-- MAGIC A SQL notebook: its parameters are named markers.

-- COMMAND ----------

USE CATALOG IDENTIFIER(:catalog);
USE SCHEMA IDENTIFIER(:schema)

-- COMMAND ----------

CREATE OR REPLACE TABLE monthly
COMMENT 'Sales by month, product and country'
AS
SELECT
  date_trunc('MONTH', sold_on)::DATE AS month,
  product,
  country,
  sum(quantity) AS quantity,
  sum(net(gross, country)) AS net
FROM raw_sales
GROUP BY ALL

-- COMMAND ----------

-- MAGIC %python
-- MAGIC assert spark.table("monthly").where("net <= 0").count() == 0, "sales below zero"

-- COMMAND ----------

SELECT * FROM monthly ORDER BY month, product, country
