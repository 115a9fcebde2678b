"""A warm engine on a Unity Catalog in memory and an S3 server, and a SQL session on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from pyspark.sql import SparkSession

from harness.lake.engine import Engine, EngineConfig
from harness.lake.s3 import S3Endpoint
from harness.settings import user_cache

Write = Callable[[str, str], str]


@pytest.fixture(scope="session")
def s3(s3_server: S3Endpoint) -> S3Endpoint:
    """The S3 server."""
    return s3_server


@pytest.fixture(scope="session")
def engine(unity: Any, s3: S3Endpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Spark with Delta and the catalog shim."""
    directory = tmp_path_factory.mktemp("engine")
    config = EngineConfig(directory, user_cache(), catalog_url=unity.url, token="test-token", s3=s3, cores=2)
    engine = Engine(config)
    engine.start()
    engine.wait(240)
    yield engine
    engine.stop()


@pytest.fixture
def spark(engine: Engine) -> SparkSession:
    """A session of this process."""
    return engine.session()


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a source file. Returns: its path."""

    def write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture(scope="session")
def boto(s3: S3Endpoint) -> Any:
    """An S3 client."""
    keys = {"aws_access_key_id": s3.access_key, "aws_secret_access_key": s3.secret_key, "region_name": s3.region}
    return boto3.client("s3", endpoint_url=s3.url, **keys)
