"""Databricks SQL beyond what Spark parses: one module a statement family."""
