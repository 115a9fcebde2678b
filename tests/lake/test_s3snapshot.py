"""Objects of the S3 server, taken out and put back, seen by boto3."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from harness.lake import s3
from harness.lake.s3 import S3Endpoint
from harness.lake.s3snapshot import BadSnapshot

pytestmark = pytest.mark.s3("snapshots")


@pytest.fixture
def client(s3_server: S3Endpoint) -> Any:
    s3.reset(s3_server)
    return boto3.client(
        "s3",
        endpoint_url=s3_server.url,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        region_name="us-east-1",
    )


def test_objects_come_back_as_they_were(client: Any, s3_server: S3Endpoint) -> None:
    client.create_bucket(Bucket="lake")
    client.create_bucket(Bucket="empty")
    client.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    client.put_object(Bucket="lake", Key="ä/one two.bin", Body=b"\n\x00", Metadata={"by": "me"}, ContentType="text/x")
    client.put_object_tagging(Bucket="lake", Key="ä/one two.bin", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    upload = client.create_multipart_upload(Bucket="lake", Key="parts")["UploadId"]
    part = client.upload_part(Bucket="lake", Key="parts", PartNumber=1, UploadId=upload, Body=b"p")["ETag"]
    client.complete_multipart_upload(
        Bucket="lake",
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]},
    )
    client.put_object(Bucket="lake", Key="gone", Body=b"")
    client.delete_object(Bucket="lake", Key="gone")
    before = {key: client.head_object(Bucket="lake", Key=key) for key in ("ä/one two.bin", "parts")}
    kept = s3.dump(s3_server)
    client.put_object(Bucket="lake", Key="parts", Body=b"changed")
    client.delete_bucket(Bucket="empty")
    client.create_bucket(Bucket="later")
    s3.restore(s3_server, kept)
    assert sorted(bucket["Name"] for bucket in client.list_buckets()["Buckets"]) == ["empty", "lake"]
    assert [each["Key"] for each in client.list_objects_v2(Bucket="lake")["Contents"]] == ["parts", "ä/one two.bin"]
    for key, head in before.items():
        now = client.head_object(Bucket="lake", Key=key)
        same = ("ETag", "LastModified", "ContentLength", "ContentType", "Metadata")
        assert {name: now[name] for name in same} == {name: head[name] for name in same}
    assert client.get_object(Bucket="lake", Key="ä/one two.bin")["Body"].read() == b"\n\x00"
    assert client.get_object_tagging(Bucket="lake", Key="ä/one two.bin")["TagSet"] == [{"Key": "k", "Value": "v"}]
    assert client.get_bucket_versioning(Bucket="lake")["Status"] == "Enabled"


def test_what_is_no_snapshot_is_refused_and_nothing_is_lost(client: Any, s3_server: S3Endpoint) -> None:
    client.create_bucket(Bucket="lake")
    for blob in (b"", b"nonsense", b'{"mark": "another"}\n'):
        with pytest.raises(BadSnapshot):
            s3.restore(s3_server, blob)
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["lake"]


def test_accesses_of_objects_are_logged_without_queries(client: Any, s3_server: S3Endpoint) -> None:
    client.create_bucket(Bucket="lake")
    client.put_object(Bucket="lake", Key="ä b", Body=b"x")
    client.get_object(Bucket="lake", Key="ä b")
    client.copy_object(Bucket="lake", Key="c&d", CopySource={"Bucket": "lake", "Key": "ä b"})
    client.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "c&d"}]})
    client.put_object_tagging(Bucket="lake", Key="ä b", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    with pytest.raises(client.exceptions.NoSuchKey):
        client.get_object(Bucket="lake", Key="nothing")
    entries = s3.requests(s3_server)
    assert [(each["operation"], each["bucket"], each["key"]) for each in entries] == [
        ("write", "lake", "ä b"),
        ("read", "lake", "ä b"),
        ("read", "lake", "ä b"),
        ("write", "lake", "c&d"),
        ("delete", "lake", "c&d"),
    ]
    assert all("Boto3" in each["client"] for each in entries)
    s3.reset(s3_server)
    assert s3.requests(s3_server) == []
