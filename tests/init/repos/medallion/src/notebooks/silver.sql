-- Databricks notebook source
CREATE SCHEMA IF NOT EXISTS main.silver

-- COMMAND ----------

CREATE OR REPLACE TABLE main.silver.orders AS
SELECT DISTINCT id, country, CAST(amount AS DECIMAL(10, 2)) AS amount, to_timestamp(at) AS at
FROM main.bronze.orders
WHERE CAST(amount AS DECIMAL(10, 2)) > 0
