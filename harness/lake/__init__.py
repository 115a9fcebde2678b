"""Where bytes rest: S3, Spark and Delta, the catalog shim, SQL."""
