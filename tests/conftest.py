"""One stack for the whole suite: the project's own notebooks, and those that fail on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.settings import Settings

FAILURES = Path(__file__).parent / "failures" / "notebooks"
REPOSITORIES = Path(__file__).parent / "init" / "repos"
EXAMPLES = Path(__file__).parent / "provider" / "examples" / "notebooks"


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


def pytest_runtest_setup(item: pytest.Item) -> None:
    from harness.lake.buckets.features import BY_NAME

    for mark in item.iter_markers("s3"):
        if reason := BY_NAME[mark.args[0]].missing(Settings().s3):
            pytest.skip(reason)


@pytest.fixture(scope="session")
def git_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The settings of the stack's git instead of the user's own: a file, empty until a test writes to it."""
    path = tmp_path_factory.mktemp("git") / "config"
    path.touch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(path))
        yield path


@pytest.fixture(scope="session")
def harness_settings(request: pytest.FixtureRequest, git_settings: Path) -> Settings:
    """The project's settings, with more folders in the workspace, a secret, HTTPS, and a host of production."""
    settings = Settings(project=request.config.rootpath)
    mounts = {
        **settings.mounts,
        "/Workspace/Users/tester@example.com": FAILURES,
        "/Workspace/Users/airflow@example.com": EXAMPLES,
        # One by one: the folder above them is the project's own.
        **{f"/Workspace/Shared/{name}": EXAMPLES / name for name in ("Notebook_1", "Notebook_2")},
        # Where `harness init` sees the notebooks of the repositories that it is shown on.
        "/Workspace/Shared/.bundle/medallion/prod/files": REPOSITORIES / "medallion",
        "/Workspace/Repos/ml/churn": REPOSITORIES / "ml_training",
    }
    hosts = ["adb-1234567890123456.7.azuredatabricks.net"]
    more = {"mounts": mounts, "secrets": {"suite/greeting": "hello, suite"}, "tls": True, "host_names": hosts}
    return settings.model_copy(update=more)
