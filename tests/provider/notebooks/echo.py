# Databricks notebook source
# Gives back the parameters that it was given.
import json

dbutils.notebook.exit(json.dumps(dbutils.widgets.getAll(), sort_keys=True))
