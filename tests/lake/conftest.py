"""The lake alone: an engine on a catalog in memory, without a workspace."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.lake.buckets import empty, names
from harness.lake.engine import Engine, EngineConfig
from harness.lake.s3 import S3Endpoint
from harness.lake.scratch import ScratchCatalog
from harness.settings import Settings
from tests.buckets.servers import needed, running


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
    """A server of our own, of the kind that the session has (``--harness-s3``), and how to sign in."""
    chosen = Settings().s3
    needed(chosen)
    with running(chosen, tmp_path_factory.mktemp("s3")) as server:
        kept = names(server.endpoint)  # an endpoint by URL is not ours alone
        yield server.endpoint
        empty(server.endpoint, keep=kept)


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
