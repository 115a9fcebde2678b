"""ObjectStoragePath against an S3 server that other clients write to as well."""

from __future__ import annotations

import os
import urllib.request
from collections.abc import Callable, Iterator
from unittest.mock import patch

import boto3
import pytest
from moto.server import ThreadedMotoServer

from harness.dagrun import DagRunResult, Endpoints, environment


def reset(url: str) -> None:
    """All servers of a process share what moto holds."""
    urllib.request.urlopen(urllib.request.Request(f"{url}/moto-api/reset", method="POST")).close()


@pytest.fixture
def bucket() -> Iterator[None]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    reset(f"http://127.0.0.1:{port}")
    endpoints = Endpoints("http://127.0.0.1:9", "none", "local", f"http://127.0.0.1:{port}", "key", "secret")
    try:
        with patch.dict(os.environ, environment(endpoints)):
            boto3.client("s3").create_bucket(Bucket="lake")
            yield
    finally:
        server.stop()


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize("server", ["the first", "another, at another address"])
def test_a_task_sees_what_another_client_wrote(run: Callable[..., DagRunResult], server: str) -> None:
    result = run("objects")
    assert result.success, result
    assert result.task("look_early").xcom is False
    assert result.task("somebody_else_writes").xcom == "123456789012"
    assert result.task("look_again").xcom == ["written by another client", ["late.txt", "mine.txt"]]
    assert result.task("take").xcom == "mine"
