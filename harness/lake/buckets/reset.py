"""Empty an S3 server through its own protocol: every bucket, object, version and unfinished upload."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from harness.lake.s3 import S3Endpoint

# DeleteObjects takes no more (AWS: API reference).
BATCH = 1000


def client(endpoint: S3Endpoint, service: str = "s3", **config: Any) -> Any:
    """A boto3 client that nothing in the environment leads elsewhere.

    Parameters: ``service``; ``config``: fields of botocore's ``Config``.
    """
    import boto3
    from botocore.config import Config

    settings: dict[str, Any] = {"retries": {"total_max_attempts": 2}, "connect_timeout": 5, "proxies": {}, **config}
    if service == "s3":
        settings["s3"] = {"addressing_style": "path"}
    return boto3.client(
        service,
        endpoint_url=endpoint.url,
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        region_name=endpoint.region,
        config=Config(**settings),
    )


def names(endpoint: S3Endpoint) -> frozenset[str]:
    """The buckets that ``endpoint`` shows to us. Raises: botocore's errors."""
    return frozenset(bucket["Name"] for bucket in client(endpoint).list_buckets()["Buckets"])


def empty(endpoint: S3Endpoint, keep: Collection[str] = ()) -> None:
    """Remove every bucket but those to ``keep``, with all that is in it. Raises: botocore's errors."""
    s3 = client(endpoint)
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"] not in keep:
            _remove(s3, bucket["Name"])


def _remove(s3: Any, bucket: str) -> None:
    for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for batch in _batches(s3, bucket):
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        if answer.get("Errors"):
            first = answer["Errors"][0]
            raise RuntimeError(f"s3://{bucket}/{first.get('Key')} cannot be removed: {first.get('Code')}")
    s3.delete_bucket(Bucket=bucket)


def _batches(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    """Everything to remove, some at a time, until a listing finds nothing."""
    while True:
        page = s3.list_object_versions(Bucket=bucket, MaxKeys=BATCH)
        found = [
            {"Key": each["Key"], **({"VersionId": each["VersionId"]} if each.get("VersionId") else {})}
            for each in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        if not found:
            return
        yield found
