"""What the workspace itself does on the S3 server: look whether a place can be used, and ask STS for credentials."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from harness.lake.buckets.reset import client
from harness.lake.s3 import S3Endpoint
from harness.workspace.errors import InvalidParameter
from harness.workspace.store import Document

# Of Azure and Google too, the bucket is that of the container's name (docs/s3.md).
SCHEMES = ("s3", "s3a", "r2", "abfss", "wasbs", "gs")
HOUR = 3600


@dataclass(frozen=True)
class Place:
    """Where a URL leads. ``prefix`` ends with a slash, or is empty for the whole bucket."""

    url: str
    bucket: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> Place:
        """The place of a cloud URL. Raises: ``InvalidParameter`` for any other."""
        split = urlsplit(url)
        bucket = split.netloc.partition("@")[0]
        if split.scheme not in SCHEMES or not bucket or split.query or split.fragment:
            raise InvalidParameter(
                f"'{url}' is not the URL of a cloud storage: {', '.join(f'{s}://' for s in SCHEMES)}."
            )
        path = split.path.strip("/")
        return cls(url, bucket, f"{path}/" if path else "")

    def overlaps(self, other: Place) -> bool:
        """Whether one of the two lies in the other, or they are the same."""
        inside = self.prefix.startswith(other.prefix) or other.prefix.startswith(self.prefix)
        return self.bucket == other.bucket and inside

    def holds(self, url: str) -> bool:
        """Whether ``url``, of any scheme, lies here."""
        try:
            other = Place.of(url)
        except InvalidParameter:
            return False
        return other.bucket == self.bucket and other.prefix.startswith(self.prefix)


def checks(s3: S3Endpoint, place: Place, *, read_only: bool) -> list[Document]:
    """Try what a location is for, and leave nothing behind.

    Returns: one ``{"operation", "result", "message"}`` for each of ``LIST``, ``READ``, ``WRITE``, ``DELETE`` in that
    order (docs: api/workspace/storagecredentials/validate); those that change anything are ``SKIP`` with ``read_only``.
    """
    buckets = client(s3)
    key = f"{place.prefix}_databricks_validation_{uuid.uuid4().hex}"
    listed = _tried("LIST", lambda: buckets.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix, MaxKeys=1))
    if read_only:
        found = listed.pop("answer", {}).get("Contents", [])
        read = _skipped("READ", "there is no file to read")
        if found:
            read = _tried("READ", lambda: buckets.get_object(Bucket=place.bucket, Key=found[0]["Key"])["Body"].close())
        return [listed, read, _skipped("WRITE", "the location is read-only"), _skipped("DELETE", "it is read-only")]
    written = _tried("WRITE", lambda: buckets.put_object(Bucket=place.bucket, Key=key, Body=b""))
    read = _tried("READ", lambda: buckets.get_object(Bucket=place.bucket, Key=key)["Body"].close())
    deleted = _tried("DELETE", lambda: buckets.delete_object(Bucket=place.bucket, Key=key))
    for each in (listed, read, written, deleted):
        each.pop("answer", None)
    return [listed, read, written, deleted]


def credentials(s3: S3Endpoint, role_arn: str) -> tuple[Document, int]:
    """Temporary credentials of STS, for an hour.

    Returns: ``aws_temp_credentials`` as the API shows them, and when they end (ms). Raises: botocore's errors.
    """
    sts = client(S3Endpoint(s3.sts_url or s3.url, s3.access_key, s3.secret_key, s3.region), "sts")
    answer = sts.assume_role(RoleArn=role_arn, RoleSessionName="databricks", DurationSeconds=HOUR)["Credentials"]
    given = {"AccessKeyId": "access_key_id", "SecretAccessKey": "secret_access_key", "SessionToken": "session_token"}
    return {name: answer[key] for key, name in given.items()}, int(answer["Expiration"].timestamp() * 1000)


def _tried(operation: str, attempt: Callable[[], Any]) -> Document:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return {"operation": operation, "result": "PASS", "answer": attempt()}
    except (BotoCoreError, ClientError) as error:
        return {"operation": operation, "result": "FAIL", "message": str(error)}


def _skipped(operation: str, why: str) -> Document:
    return {"operation": operation, "result": "SKIP", "message": why}
