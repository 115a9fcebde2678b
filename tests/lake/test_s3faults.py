"""S3 that fails on demand, as boto3 meets it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.lake import s3
from harness.lake.faults import BadFault
from harness.lake.s3 import S3Endpoint

pytestmark = pytest.mark.s3("faults")


@pytest.fixture
def client(s3_server: S3Endpoint) -> Iterator[Any]:
    """boto3 that tries once; every fault goes with the test."""
    yield boto3.client(
        "s3",
        endpoint_url=s3_server.url,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key=s3_server.secret_key,
        region_name=s3_server.region,
        config=Config(retries={"total_max_attempts": 1, "mode": "standard"}),
    )
    s3.faults(s3_server, "DELETE")


@pytest.fixture
def bucket(client: Any) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    client.create_bucket(Bucket=name)
    return name


def keys(client: Any, bucket: str) -> list[str]:
    return [item["Key"] for item in client.list_objects_v2(Bucket=bucket).get("Contents", [])]


def test_s3_is_too_busy_for_the_calls_it_is_told_to(client: Any, bucket: str, s3_server: S3Endpoint) -> None:
    s3.faults(s3_server, "POST", {"method": "PUT", "path": f"/{bucket}/*", "nth": 2})
    client.put_object(Bucket=bucket, Key="a", Body=b"1")
    with pytest.raises(ClientError, match=r"\(SlowDown\).*Please reduce your request rate") as caught:
        client.put_object(Bucket=bucket, Key="b", Body=b"2" * 3_000_000)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
    # On the same connection: nothing of the refused body is left in it.
    client.put_object(Bucket=bucket, Key="c", Body=b"3")
    assert keys(client, bucket) == ["a", "c"]
    (fault,) = s3.faults(s3_server, "GET")["faults"]
    assert (fault["seen"], fault["hits"]) == (3, 1)


def test_an_object_may_be_written_although_its_answer_says_not(client: Any, bucket: str, s3_server: S3Endpoint) -> None:
    spec = {"method": "PUT", "when": "after", "status": 500, "code": "InternalError", "message": "a < b"}
    s3.faults(s3_server, "POST", spec)
    with pytest.raises(ClientError, match=r"\(InternalError\).*a < b"):
        client.put_object(Bucket=bucket, Key="a", Body=b"1")
    assert keys(client, bucket) == ["a"]


def test_a_reset_takes_the_faults_back(client: Any, s3_server: S3Endpoint) -> None:
    s3.faults(s3_server, "POST", {"times": -1})
    with pytest.raises(ClientError, match="SlowDown"):
        client.list_buckets()
    s3.reset(s3_server)
    assert s3.faults(s3_server, "GET") == {"faults": []}
    assert client.list_buckets()["Buckets"] == []


@pytest.mark.parametrize("spec", [{"status": 200}, {"path": 1}, {"colour": "red"}, {"nth": 0}, {"when": "never"}])
def test_a_fault_that_means_nothing_is_refused(s3_server: S3Endpoint, spec: dict[str, Any]) -> None:
    with pytest.raises(BadFault):
        s3.faults(s3_server, "POST", spec)
    assert s3.faults(s3_server, "GET") == {"faults": []}
