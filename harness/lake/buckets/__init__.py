"""S3 servers behind one interface: moto, MinIO, SeaweedFS, any program, any endpoint."""

from harness.lake.buckets.backends import Plan, S3Unavailable, plan
from harness.lake.buckets.reset import empty, names
from harness.lake.buckets.shared import SharedS3, claimed, held

__all__ = ["Plan", "S3Unavailable", "SharedS3", "claimed", "empty", "held", "names", "plan"]
