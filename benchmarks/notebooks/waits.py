# Databricks notebook source
import os

spark.range(10).count()
with open(dbutils.widgets.get("ready"), "w") as ready:
    ready.write(f"{os.getpid()}\n")
with open(dbutils.widgets.get("go")) as go:
    go.read()
