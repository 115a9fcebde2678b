"""pytest's options of the harness, and what ``--harness-validate`` adds to a session."""

from __future__ import annotations

import pytest

from harness.dagrun import AirflowHome
from harness.dagrun.connections import is_placeholder
from harness.settings import Settings

HOME = pytest.StashKey[AirflowHome]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("harness")
    group.addoption("--update-golden", action="store_true", help="write the golden tables anew instead of comparing")
    group.addoption("--harness-validate", action="store_true", help="validate DAGs, notebooks and SQL: one test a rule")
    group.addoption(
        "--harness-artifacts",
        default=".harness/failures",
        metavar="DIR",
        help="where logs, results and notebooks of failing tests are kept (.harness/failures; empty: nowhere)",
    )
    group.addoption(
        "--harness-s3",
        metavar="SERVER",
        help="S3 server of the stack: moto, minio, minio-binary, seaweedfs, command, or a URL (setting `s3`)",
    )
    group.addoption(
        "--harness-openlineage",
        metavar="FILE",
        help="append the lineage of DAG runs to a file, as OpenLineage events (setting `openlineage`)",
    )


def settings(config: pytest.Config) -> dict[str, str]:
    """The environment that options stand for: every ``Settings()`` finds it, in xdist's workers too."""
    chosen = {"HARNESS_S3": config.getoption("--harness-s3") or ""}
    if file := config.getoption("--harness-openlineage"):
        chosen["HARNESS_OPENLINEAGE"] = str(config.invocation_params.dir / file)
    return {name: value for name, value in chosen.items() if value}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the rules of ``harness validate`` to the session's tests, where ``-k`` and the like may choose among them."""
    if config.getoption("--harness-validate"):
        from harness.validate import items as validation

        home = config.stash.get(HOME, None)
        items += validation.items(session, home.outside if home is not None else {})


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what `harness init` has left to fill in."""
    settings = Settings(project=config.rootpath)
    given = {"variable": settings.variables, "connection": settings.connections, "secret": settings.secrets}
    left = [f"{kind} {name}" for kind, table in given.items() for name in table if is_placeholder(table[name])]
    return [f"harness: still to fill in: {', '.join(left)}"] if left else []
