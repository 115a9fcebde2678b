"""What each S3 server can do: the record that skips tests and fills the documentation is put to the question."""

from __future__ import annotations

import datetime
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from harness.lake import s3
from harness.lake.buckets.features import FEATURES, SERVERS
from harness.lake.buckets.reset import client
from harness.lake.s3 import S3Endpoint
from tests.buckets.servers import Running, needed, running

ROLE = "arn:aws:iam::123456789012:role/any"
DENY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["s3:*"], "Resource": ["*"]}]}'
BUCKET = "features"
Aws = Any


def refused(call: Callable[[], object], *codes: str) -> bool:
    """Whether a call is refused with one of S3's codes; another refusal is an error of the probe."""
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in codes:
            raise
        return True
    return False


def status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def keys(aws: Aws, prefix: str) -> list[str]:
    return [each["Key"] for each in aws.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


def consistent(aws: Aws, endpoint: S3Endpoint) -> bool:
    seen = []
    for number in range(20):
        aws.put_object(Bucket=BUCKET, Key=f"listed/{number}", Body=b"1")
        seen.append(keys(aws, f"listed/{number}"))
        aws.delete_object(Bucket=BUCKET, Key=f"listed/{number}")
        seen.append(keys(aws, f"listed/{number}"))
    return seen == [each for number in range(20) for each in ([f"listed/{number}"], [])]


def complete(aws: Aws, key: str, sizes: list[int], **more: str) -> None:
    upload = aws.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    put = [
        aws.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=bytes(size))["ETag"]
        for number, size in enumerate(sizes, 1)
    ]
    parts = {"Parts": [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(put, 1)]}
    aws.complete_multipart_upload(Bucket=BUCKET, Key=key, UploadId=upload, MultipartUpload=parts, **more)


def multipart(aws: Aws, endpoint: S3Endpoint) -> bool:
    complete(aws, "large", [5 << 20, 1])
    whole = aws.head_object(Bucket=BUCKET, Key="large")["ContentLength"] == (5 << 20) + 1
    return whole and refused(lambda: complete(aws, "small", [1, 1]), "EntityTooSmall")


def versions(aws: Aws, endpoint: S3Endpoint) -> bool:
    aws.create_bucket(Bucket="versions")
    aws.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    first = aws.put_object(Bucket="versions", Key="k", Body=b"1").get("VersionId")
    aws.put_object(Bucket="versions", Key="k", Body=b"2")
    return bool(first and aws.get_object(Bucket="versions", Key="k", VersionId=first)["Body"].read() == b"1")


def if_none_match(aws: Aws, endpoint: S3Endpoint) -> bool:
    aws.put_object(Bucket=BUCKET, Key="first", Body=b"1")
    return refused(
        lambda: aws.put_object(Bucket=BUCKET, Key="first", Body=b"2", IfNoneMatch="*"), "PreconditionFailed"
    ) and refused(lambda: complete(aws, "first", [1], IfNoneMatch="*"), "PreconditionFailed")


def if_match(aws: Aws, endpoint: S3Endpoint) -> bool:
    tag = aws.put_object(Bucket=BUCKET, Key="changed", Body=b"1")["ETag"]
    aws.put_object(Bucket=BUCKET, Key="changed", Body=b"2", IfMatch=tag)
    return refused(lambda: aws.put_object(Bucket=BUCKET, Key="changed", Body=b"3", IfMatch=tag), "PreconditionFailed")


def if_match_delete(aws: Aws, endpoint: S3Endpoint) -> bool:
    aws.put_object(Bucket=BUCKET, Key="kept", Body=b"1")
    return refused(lambda: aws.delete_object(Bucket=BUCKET, Key="kept", IfMatch='"other"'), "PreconditionFailed")


def tags(aws: Aws, endpoint: S3Endpoint) -> bool:
    aws.put_object(Bucket=BUCKET, Key="tagged", Body=b"", Tagging="a=b", Metadata={"c": "d"})
    tagged = aws.get_object_tagging(Bucket=BUCKET, Key="tagged")["TagSet"] == [{"Key": "a", "Value": "b"}]
    return bool(tagged and aws.head_object(Bucket=BUCKET, Key="tagged")["Metadata"] == {"c": "d"})


def encryption(aws: Aws, endpoint: S3Endpoint) -> bool:
    return not refused(
        lambda: aws.put_object(Bucket=BUCKET, Key="encrypted", Body=b"", ServerSideEncryption="AES256"),
        "NotImplemented",  # MinIO, without a key server
        "InternalError",  # SeaweedFS
    )


def presigned(aws: Aws, endpoint: S3Endpoint) -> bool:
    aws.put_object(Bucket=BUCKET, Key="shown", Body=b"1")
    asked = {"Bucket": BUCKET, "Key": "shown"}
    return status(aws.generate_presigned_url("get_object", asked)) == 200


def at(patch: pytest.MonkeyPatch, minutes: int) -> None:
    """Set the clock by which requests are signed."""
    then = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=minutes)
    patch.setattr("botocore.auth.get_current_datetime", lambda *_, **__: then)


def expiry(aws: Aws, endpoint: S3Endpoint) -> bool:
    aws.put_object(Bucket=BUCKET, Key="shown", Body=b"1")
    with pytest.MonkeyPatch.context() as patch:
        at(patch, -5)
        url = aws.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "shown"}, ExpiresIn=60)
    return status(url) == 403


def signatures(aws: Aws, endpoint: S3Endpoint) -> bool:
    wrong = client(replace(endpoint, secret_key="not-the-secret"))
    return refused(wrong.list_buckets, "SignatureDoesNotMatch")


def clocks(aws: Aws, endpoint: S3Endpoint) -> bool:
    with pytest.MonkeyPatch.context() as patch:
        at(patch, -20)
        return refused(aws.list_buckets, "RequestTimeTooSkewed")


def policies(aws: Aws, endpoint: S3Endpoint) -> bool:
    sts = client(replace(endpoint, url=endpoint.sts_url or endpoint.url), "sts")
    given = sts.assume_role(RoleArn=ROLE, RoleSessionName="probe", Policy=DENY)["Credentials"]
    assumed = boto3.client(
        "s3",
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )
    return refused(lambda: assumed.list_objects_v2(Bucket=BUCKET), "AccessDenied")


def checksums(aws: Aws, endpoint: S3Endpoint) -> bool:
    return refused(
        lambda: aws.put_object(Bucket=BUCKET, Key="torn", Body=b"1", ChecksumCRC32="AAAAAA=="),
        "BadDigest",
        "XAmzContentChecksumMismatch",  # MinIO
    )


def no_bucket(aws: Aws, endpoint: S3Endpoint) -> bool:
    return refused(lambda: aws.put_object(Bucket="nowhere", Key="k", Body=b"1"), "NoSuchBucket")


def non_empty(aws: Aws, endpoint: S3Endpoint) -> bool:
    aws.create_bucket(Bucket="filled")
    aws.put_object(Bucket="filled", Key="k", Body=b"1")
    return refused(lambda: aws.delete_bucket(Bucket="filled"), "BucketNotEmpty")


def sts(aws: Aws, endpoint: S3Endpoint) -> bool:
    return not endpoint.sts_url


def faults(_: Aws, endpoint: S3Endpoint) -> bool:
    try:
        return s3.faults(endpoint, "GET") == {"faults": []}
    except (OSError, s3.BadFault):
        return False


def requests(_: Aws, endpoint: S3Endpoint) -> bool:
    try:
        return s3.requests(endpoint) is not None
    except OSError:
        return False


def snapshots(_: Aws, endpoint: S3Endpoint) -> bool:
    try:
        return bool(s3.dump(endpoint))
    except OSError:
        return False


PROBES = {
    each.__name__.replace("_", "-"): each
    for each in (
        consistent, multipart, versions, if_none_match, if_match, if_match_delete, tags, encryption, presigned, expiry,
        signatures, clocks, policies, checksums, no_bucket, non_empty, sts, faults, requests, snapshots,
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def bucket(server: Running) -> None:
    client(server.endpoint).create_bucket(Bucket=BUCKET)


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("feature", PROBES)
def test_a_server_does_what_is_recorded_and_no_more(server: Running, feature: str) -> None:
    # Else boto3 signs URLs by version 2, with another clock.
    alone = client(server.endpoint, retries={"total_max_attempts": 1}, signature_version="s3v4")
    assert PROBES[feature](alone, server.endpoint) is server.does(feature)


@pytest.mark.parametrize("kind", ["moto", "minio-binary", "seaweedfs"])
def test_what_a_restart_leaves_is_as_recorded(tmp_path: Path, kind: str) -> None:
    needed(kind)
    with running(kind, tmp_path) as server:
        client(server.endpoint).create_bucket(Bucket=BUCKET)
        client(server.endpoint).put_object(Bucket=BUCKET, Key="k", Body=b"1")
    with running(kind, tmp_path) as server:
        again = client(server.endpoint)
        found = [bucket["Name"] for bucket in again.list_buckets()["Buckets"]]
        kept = BUCKET in found and again.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"1"
        assert kept is server.does("persistence") is server.does("outage")


def test_every_feature_is_asked_for() -> None:
    assert {feature.name for feature in FEATURES} == {*PROBES, "persistence", "outage"}
    assert set(SERVERS) == {server for feature in FEATURES for server in feature.servers}


def test_what_a_server_lacks_is_said_with_the_reason() -> None:
    said = {feature.name: feature.missing("minio-binary") for feature in FEATURES}
    assert said["versions"] == ""
    assert said["faults"] == "the S3 server minio-binary does not fail on demand (`faults.s3`): docs/s3.md"
    elsewhere = [feature.name for feature in FEATURES if feature.missing("http://s3.test:9000")]
    assert elsewhere == ["outage", "faults", "requests", "snapshots"]
    assert not any(feature.missing("moto") for feature in FEATURES if feature.ours and feature.name != "outage")
