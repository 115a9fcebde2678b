# Databricks notebook source
import faker

dbutils.notebook.exit(f"1, with {faker.__name__}")
