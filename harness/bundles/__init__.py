"""Databricks Asset Bundles, read as ``databricks bundle`` reads them, without a workspace."""

from harness.bundles.bundle import Bundle, read
from harness.bundles.files import FILES, BundleInvalid

__all__ = ["FILES", "Bundle", "BundleInvalid", "read"]
