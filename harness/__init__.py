"""Run production Airflow + Databricks + S3 pipelines on one machine, unchanged."""

from __future__ import annotations
