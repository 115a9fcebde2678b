"""One stack for the whole suite: the project's own notebooks, and those that fail on purpose."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.settings import Settings

FAILURES = Path(__file__).parent / "failures" / "notebooks"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-witnesses",
        action="store_true",
        help="note in docs/witnesses.json which test proves which served operation, then run `tox -e docs`",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-witnesses"):
        # Not at the top: Airflow's home must be set before this imports what it needs.
        from tests.witnesses import Gatherer

        config.pluginmanager.register(Gatherer())


@pytest.fixture(scope="session")
def harness_settings(request: pytest.FixtureRequest) -> Settings:
    """The project's settings, with one more folder in the workspace, a secret, and HTTPS."""
    settings = Settings(project=request.config.rootpath)
    mounts = {**settings.mounts, "/Workspace/Users/tester@example.com": FAILURES}
    return settings.model_copy(update={"mounts": mounts, "secrets": {"suite/greeting": "hello, suite"}, "tls": True})
