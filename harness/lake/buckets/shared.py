"""An S3 server that was there before us has other users: what it holds is kept, and a second stack is warned about."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from harness.lake.buckets.backends import S3Unavailable
from harness.lake.buckets.reset import names
from harness.lake.s3 import S3Endpoint


class SharedS3(UserWarning):
    """Two stacks of this machine use one S3 server."""


def held(endpoint: S3Endpoint) -> frozenset[str]:
    """The buckets that are there now. Raises: ``S3Unavailable`` where they are not shown."""
    try:
        return names(endpoint)
    except Exception as error:
        raise S3Unavailable(
            f"the S3 server at {endpoint.url} does not list its buckets ({error}), so that resets cannot tell "
            "which are ours: set HARNESS_S3_RESET=none, and remove them yourself"
        ) from error


@contextlib.contextmanager
def claimed(url: str, directory: Path) -> Iterator[None]:
    """Within it, other stacks of this machine on the S3 server at ``url`` are warned, as is this one of them.

    Parameters: ``directory`` that all of them know. Warns: ``SharedS3``. The system ends a killed stack's claim.
    """
    place = urlsplit(url)
    host = "127.0.0.1" if place.hostname == "localhost" else place.hostname
    server = f"{host}:{place.port or (443 if place.scheme == 'https' else 80)}"
    directory.mkdir(parents=True, exist_ok=True)
    # Whoever may use the cache may hold the lock; the file itself says nothing.
    path = directory / hashlib.sha256(server.encode()).hexdigest()[:16]
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            warnings.warn(
                f"another stack of this machine uses the S3 server at {url}. Delta tables that both write may lose "
                "commits, and a reset of one removes the buckets that the other has made since (docs/s3.md)",
                SharedS3,
                stacklevel=2,
            )
        yield
