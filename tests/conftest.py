"""One stack for the whole suite: the project's own notebooks, and those that fail on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.settings import Settings

FAILURES = Path(__file__).parent / "failures" / "notebooks"


@pytest.fixture(scope="session")
def harness_settings(request: pytest.FixtureRequest) -> Settings:
    """The project's settings, with one more folder in the workspace, a secret, and HTTPS."""
    settings = Settings(project=request.config.rootpath)
    mounts = {**settings.mounts, "/Workspace/Users/tester@example.com": FAILURES}
    return settings.model_copy(update={"mounts": mounts, "secrets": {"suite/greeting": "hello, suite"}, "tls": True})
