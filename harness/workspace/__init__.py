"""The process that answers the Databricks wire and keeps the records."""
