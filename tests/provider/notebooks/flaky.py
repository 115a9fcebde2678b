# Databricks notebook source
# Fails the first time that it sees its marker, a path of this machine.
from pathlib import Path

marker = Path(dbutils.widgets.get("marker"))
if not marker.exists():
    marker.touch()
    raise RuntimeError("the first attempt fails")

dbutils.notebook.exit("at last")
