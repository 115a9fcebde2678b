"""One S3 server of each kind for all tests of a module; what is not here is skipped, with the reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.buckets.servers import KINDS, Running, needed, running


def marks(kind: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.containers] if kind == "minio" else []


@pytest.fixture(scope="module", params=[pytest.param(kind, marks=marks(kind)) for kind in KINDS])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A running S3 server."""
    needed(request.param)
    with running(request.param, tmp_path_factory.mktemp(request.param)) as started:
        yield started
