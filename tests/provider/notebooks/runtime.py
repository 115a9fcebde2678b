# Databricks notebook source
import os

dbutils.notebook.exit(os.environ["DATABRICKS_RUNTIME_VERSION"])
