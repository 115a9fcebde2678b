"""S3 servers behind one interface: moto, MinIO, SeaweedFS, any program, any endpoint."""

from harness.lake.buckets.backends import Plan, S3Unavailable, plan
from harness.lake.buckets.reset import empty, names

__all__ = ["Plan", "S3Unavailable", "empty", "names", "plan"]
