# Databricks notebook source
dbutils.notebook.exit(str(spark.range(10).count()))
