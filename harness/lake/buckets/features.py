"""What each S3 server can do, as measured: of the protocol, and of what the harness adds to it.

``tests/buckets/test_features.py`` asks every server again; docs/s3.md shows it all in a table.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

# Programs of one server are one; what a `command` or a URL leads to is not known beforehand.
SERVERS = ("moto", "minio", "seaweedfs")
HARNESS = "the harness adds it to its built-in server, moto"


@dataclass(frozen=True)
class Feature:
    """Something that pipelines or tests rely on, and the servers that have it.

    Parameters: ``name``; ``what`` it is, as a verb; ``servers``; ``ours``: it is no part of S3.
    """

    name: str
    what: str
    servers: Collection[str] = SERVERS
    ours: bool = False

    def missing(self, s3: str) -> str:
        """Why a stack with the setting ``s3`` has not got it; empty when it has, and when nobody knows."""
        server = s3.removesuffix("-binary")
        if server not in SERVERS:
            return f"the S3 server {s3} does not {self.what}: {HARNESS}" if self.ours else ""
        return "" if server in self.servers else f"the S3 server {s3} does not {self.what}: docs/s3.md"


REAL = ("minio", "seaweedfs")
FEATURES = (
    Feature("consistent", "list what was written or removed at once"),
    Feature("multipart", "take large objects in parts, and refuse parts below 5 MiB"),
    Feature("versions", "keep the versions of objects"),
    Feature("if-none-match", "refuse to write what is there already (`If-None-Match: *`), in parts too"),
    Feature("if-match", "refuse to write over what has changed (`If-Match`)"),
    Feature("if-match-delete", "refuse to remove what has changed (`If-Match`)", ("moto", "seaweedfs")),
    Feature("tags", "keep tags and metadata of objects"),
    Feature("encryption", "take objects to be encrypted at rest (`AES256`)", ("moto",)),
    Feature("presigned", "take presigned URLs"),
    Feature("expiry", "refuse presigned URLs that have expired", REAL),
    Feature("signatures", "check signatures", REAL),
    Feature("clocks", "refuse requests of a clock that is 15 minutes off", REAL),
    Feature("policies", "enforce the policies of assumed roles", REAL),
    Feature("checksums", "refuse objects that are not what their checksum says", REAL),
    Feature("no-bucket", "refuse to write into a bucket that is not there"),
    Feature("non-empty", "keep buckets that are not empty from being removed"),
    Feature("sts", "answer STS at its own address", ("moto",)),
    Feature("persistence", "have its objects again after a restart", REAL),
    Feature("outage", "come back from `stack.s3_outage()`", REAL, ours=True),
    Feature("faults", "fail on demand (`faults.s3`)", ("moto",), ours=True),
    Feature("requests", "tell who asked for which object (witness, lineage)", ("moto",), ours=True),
    Feature("snapshots", "give its objects to snapshots", ("moto",), ours=True),
)
BY_NAME = {feature.name: feature for feature in FEATURES}
