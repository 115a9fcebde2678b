# Databricks notebook source
spark.range(3).write.mode("overwrite").saveAsTable("main.default.prepared")
