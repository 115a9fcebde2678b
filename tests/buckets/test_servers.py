"""One body of tests for every S3 server: what the harness promises whichever is chosen."""

from __future__ import annotations

import json
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.lake.buckets import empty, names
from harness.lake.s3 import S3Endpoint
from tests.buckets.servers import Running

ROLE = "arn:aws:iam::123456789012:role/any-role-at-all"
PART = 5 << 20


def client(endpoint: S3Endpoint, service: str = "s3", **credentials: str) -> Any:
    keys = {"aws_access_key_id": endpoint.access_key, "aws_secret_access_key": endpoint.secret_key, **credentials}
    url = endpoint.sts_url or endpoint.url if service == "sts" else endpoint.url
    config = Config(signature_version="s3v4", retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    return boto3.client(service, endpoint_url=url, region_name=endpoint.region, config=config, **keys)


def temporary(given: dict[str, Any]) -> dict[str, str]:
    return {
        "aws_access_key_id": given["AccessKeyId"],
        "aws_secret_access_key": given["SecretAccessKey"],
        "aws_session_token": given["SessionToken"],
    }


@pytest.fixture
def s3(server: Running) -> Any:
    return client(server.endpoint)


@pytest.fixture
def bucket(s3: Any, server: Running) -> Iterator[str]:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    yield name
    empty(server.endpoint, keep=names(server.endpoint) - {name})


def test_objects_are_kept_byte_for_byte_under_any_name(s3, bucket):
    content = {"plain": b"", "a b/é+%&=?.csv": b"\x00\xff" * 1000, "x=1/y=2/part-0.parquet": b"x" * 100_000}
    for key, body in content.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in content} == content
    assert s3.get_object(Bucket=bucket, Key="x=1/y=2/part-0.parquet", Range="bytes=1-3")["Body"].read() == b"xxx"
    s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "a b/é+%&=?.csv"})
    assert s3.head_object(Bucket=bucket, Key="copy")["ContentLength"] == 2000
    s3.delete_object(Bucket=bucket, Key="plain")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key="plain")


def test_a_listing_shows_what_was_written_at_once_in_order_page_by_page(s3, bucket):
    keys = [f"landing/{number:03}.csv" for number in range(25)]
    for key in reversed(keys):
        s3.put_object(Bucket=bucket, Key=key, Body=b"1")
        assert key in [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=key)["Contents"]]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 10})
    assert [each["Key"] for page in pages for each in page["Contents"]] == keys
    (folder,) = s3.list_objects_v2(Bucket=bucket, Delimiter="/")["CommonPrefixes"]
    assert folder["Prefix"] == "landing/"
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_upload_in_parts_is_one_object_and_an_aborted_one_is_none(s3, bucket):
    upload = s3.create_multipart_upload(Bucket=bucket, Key="large")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket=bucket, Key="large", UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, b"a" * PART), (2, b"b" * 10))
    ]
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.complete_multipart_upload(Bucket=bucket, Key="large", UploadId=upload, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=bucket, Key="large")["ContentLength"] == PART + 10
    assert s3.get_object(Bucket=bucket, Key="large", Range=f"bytes={PART - 1}-{PART}")["Body"].read() == b"ab"
    aborted = s3.create_multipart_upload(Bucket=bucket, Key="none")["UploadId"]
    s3.abort_multipart_upload(Bucket=bucket, Key="none", UploadId=aborted)
    with pytest.raises(ClientError):
        s3.head_object(Bucket=bucket, Key="none")


def test_presigned_urls_need_no_credentials(s3, bucket):
    put = s3.generate_presigned_url("put_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    # Else urllib says that this is a form, which moto believes.
    request = urllib.request.Request(put, data=b"body", method="PUT", headers={"Content-Type": "text/csv"})
    urllib.request.urlopen(request, timeout=10).close()
    get = s3.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"}, ExpiresIn=60)
    with urllib.request.urlopen(get, timeout=10) as answer:
        assert answer.read() == b"body"


def test_only_one_of_two_writers_that_want_to_be_first_is(s3, bucket):
    s3.put_object(Bucket=bucket, Key="_delta_log/0.json", Body=b"first", IfNoneMatch="*")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="_delta_log/0.json", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket=bucket, Key="_delta_log/0.json")["Body"].read() == b"first"


def test_versions_are_kept_and_a_reset_removes_them_all(s3, bucket, server):
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"2")
    s3.delete_object(Bucket=bucket, Key="k")
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    s3.create_multipart_upload(Bucket=bucket, Key="unfinished")
    empty(server.endpoint, keep=names(server.endpoint) - {bucket})
    assert bucket not in names(server.endpoint)


def test_a_reset_keeps_the_buckets_that_it_is_told_to(s3, bucket, server):
    before = names(server.endpoint)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.create_bucket(Bucket=f"{bucket}-new")
    s3.put_object(Bucket=f"{bucket}-new", Key="k", Body=b"1")
    empty(server.endpoint, keep=before)
    assert names(server.endpoint) == before
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"


def test_any_role_can_be_assumed_and_its_credentials_read(s3, bucket, server):
    s3.put_object(Bucket=bucket, Key="in/file.csv", Body=b"1")
    statements = [
        {"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": f"arn:aws:s3:::{bucket}/in/*"},
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": f"arn:aws:s3:::{bucket}"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    answer = client(server.endpoint, "sts").assume_role(RoleArn=ROLE, RoleSessionName="copy", Policy=policy)
    assert answer["AssumedRoleUser"]["Arn"].endswith("assumed-role/any-role-at-all/copy")
    keys = temporary(answer["Credentials"])
    assumed = client(server.endpoint, **keys)
    assert assumed.get_object(Bucket=bucket, Key="in/file.csv")["Body"].read() == b"1"
    assert assumed.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    who = client(server.endpoint, "sts", **keys).get_caller_identity()
    assert who["Arn"].endswith("assumed-role/any-role-at-all/copy")
    if server.does("policies"):
        with pytest.raises(ClientError, match="AccessDenied"):
            assumed.put_object(Bucket=bucket, Key="in/other", Body=b"")
        with pytest.raises(ClientError, match=r"Invalid"):
            client(server.endpoint, **{**keys, "aws_session_token": ""}).list_objects_v2(Bucket=bucket)


def test_sts_says_who_one_is_and_gives_session_tokens(s3, bucket, server):
    sts = client(server.endpoint, "sts")
    assert sts.get_caller_identity()["Account"] == "123456789012"
    keys = temporary(sts.get_session_token()["Credentials"])
    client(server.endpoint, **keys).put_object(Bucket=bucket, Key="k", Body=b"")


def test_wrong_credentials_are_refused_by_s3_and_sts(server):
    if not server.does("signatures"):
        pytest.skip("moto checks no credentials")
    wrong = replace(server.endpoint, secret_key="not-the-secret")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(wrong).list_buckets()
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(wrong, "sts").assume_role(RoleArn=ROLE, RoleSessionName="copy")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client(replace(server.endpoint, access_key="nobody"), "sts").get_caller_identity()


def test_s3_requests_that_go_to_sts_are_told_where_s3_is(server):
    if server.does("sts"):
        pytest.skip("moto answers both at one address")
    astray = client(replace(server.endpoint, url=server.endpoint.sts_url))
    with pytest.raises(ClientError, match=r"400|S3 is at"):
        astray.create_bucket(Bucket="astray")
