"""One import of Airflow for all projects: the session's home, with each project's own DAG folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.settings import Settings
from harness.validate.config import Config
from harness.validate.finding import Finding
from harness.validate.project import Project
from harness.validate.run import validate


@pytest.fixture
def found(airflow_home, monkeypatch) -> Callable[[Path], list[Finding]]:
    """``found(folder) -> findings`` of the project in a folder."""

    def look(folder: Path) -> list[Finding]:
        monkeypatch.chdir(folder)
        return validate(Project(Settings(), Config.of(folder)))

    return look
