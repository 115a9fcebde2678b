"""What a ``dbt_task`` may say. Source: databricks-sdk, ``DbtTask``; docs.databricks.com/jobs/dbt."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from harness.runner import gitfiles

FIELDS = frozenset(
    {"commands", "project_directory", "profiles_directory", "warehouse_id", "catalog", "schema", "source"}
)
MOST = 10


def invalid(body: Mapping[str, Any], settings: Mapping[str, Any]) -> str | None:
    """Say why a ``dbt_task`` cannot be run here, naming the field, or None. Parameters: ``settings``: the job's."""
    if reason := unusable(body.get("commands")):
        return f"dbt_task.commands {reason}"
    if reason := gitfiles.invalid("dbt_task", body, settings):
        return f"dbt_task.{reason}"
    if not gitfiles.from_git("dbt_task", body, settings) and not body.get("project_directory"):
        return "dbt_task.project_directory is required."
    if not body.get("warehouse_id"):
        if alone := next((name for name in ("catalog", "schema") if body.get(name)), None):
            return f"dbt_task.{alone} can only be specified if a warehouse_id is specified."
    elif body.get("profiles_directory"):
        return "dbt_task.profiles_directory can only be specified if no warehouse_id is specified."
    profiles = str(body.get("profiles_directory") or "")
    if profiles.startswith("/") or ".." in profiles.split("/"):
        return f"dbt_task.profiles_directory {profiles} must be relative to the project, and stay in it."
    return None


def unusable(commands: object) -> str | None:
    """Say what is wrong with a list of commands, or None."""
    if not isinstance(commands, list) or not 1 <= len(commands) <= MOST:
        return f"must be a list of 1 to {MOST} commands."
    for command in commands:
        try:
            words = shlex.split(command) if isinstance(command, str) else []
        except ValueError as error:
            return f"cannot be read: {command}: {error}."
        if words[:1] != ["dbt"]:
            return f"must all start with dbt, got {command}."
    return None
