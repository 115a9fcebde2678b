"""The lake alone: an engine on a catalog in memory, without a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lake.engine import Engine, EngineConfig
from harness.lake.s3 import S3Endpoint
from harness.lake.scratch import ScratchCatalog
from harness.process import Child, bind
from harness.settings import Settings


@pytest.fixture(scope="session")
def cache() -> Path:
    """The user's cache: the jars are fetched once, not once a test run."""
    return Settings().cache


@pytest.fixture(scope="session")
def unity(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchCatalog]:
    """The catalog behind ``engine``."""
    with ScratchCatalog(tmp_path_factory.mktemp("tables"), ["main", "hive_metastore", "dev"]).served() as catalog:
        yield catalog


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Endpoint]:
    """A moto server of our own, and how to sign in."""
    sock = bind()
    child = Child("s3", "harness.lake.s3", config={}, log=tmp_path_factory.mktemp("s3") / "log", sockets=[sock])
    sock.close()
    yield S3Endpoint(child.wait_ready()["url"], "test", "test-secret")
    child.stop()


@pytest.fixture(scope="session")
def engine_config(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, unity: ScratchCatalog, s3_server: S3Endpoint
) -> EngineConfig:
    directory = tmp_path_factory.mktemp("engine") / "spark"
    return EngineConfig(directory, cache, unity.url, "test-token", s3=s3_server)


@pytest.fixture(scope="session")
def engine(engine_config: EngineConfig) -> Iterator[Engine]:
    """A running engine. Tests that kill JVMs start their own."""
    engine = Engine(engine_config)
    engine.start()
    engine.wait(120)
    yield engine
    engine.stop()
