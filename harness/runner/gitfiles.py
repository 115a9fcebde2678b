"""Tasks whose files come from the job's ``git_source``: which they are, and where their files rest for a run.

The workspace checks the source out for each run; ``settings["git_folder"]`` of a run is where, as a workspace path.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any

# Kind of task → the field that names its file, and where that is taken from when the task's own ``source`` is empty and
# there is a git_source (databricks-sdk: NotebookTask, SqlTaskFile, DbtTask and SparkPythonTask, ``source``).
FILES = {
    "notebook_task": ("notebook_path", "GIT"),
    "spark_python_task": ("python_file", "WORKSPACE"),
    "file": ("path", "GIT"),
    "dbt_task": ("project_directory", "GIT"),
}
SOURCES = ("WORKSPACE", "GIT")


def from_git(kind: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    """Whether a task's file comes from the job's ``git_source``. Parameters: ``kind``: of :data:`FILES`."""
    return str(body.get("source") or (FILES[kind][1] if settings.get("git_source") else "WORKSPACE")) == "GIT"


def path_of(kind: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """The workspace path of a task's file, wherever it comes from. Parameters: ``settings``: the run's."""
    path = str(body.get(FILES[kind][0]) or "")  # a dbt project may be the repository itself
    return posixpath.join(settings["git_folder"], path) if from_git(kind, body, settings) else path


def invalid(kind: str, body: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """Say why a task's source cannot be honoured, naming its field, or None.

    Source: databricks-sdk, ``NotebookTask.notebook_path``: "For notebooks stored in a remote repository, the path must
    be relative"; likewise of Python and SQL files.
    """
    source, (field, _) = body.get("source") or "WORKSPACE", FILES[kind]
    if source not in SOURCES:
        return f"source {source} is not supported here; supported: {', '.join(SOURCES)}."
    if not from_git(kind, body, settings):
        return None
    if not settings.get("git_source"):
        return "source GIT needs a git_source."
    path = str(body.get(field) or "")
    if path.startswith("/") or ".." in path.split("/"):
        return f"{field} {path} must be relative to the Git repository, and stay in it."
    return None
