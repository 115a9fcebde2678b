"""Run by the Python that has dbt: a project's own ``profiles.yml``, its Databricks connections led to the workspace.

Arguments: the file to read, the file to write, the workspace's URL. Nothing else of the profile changes; what is in
Jinja stays in Jinja, which dbt fills in.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import yaml


def led(profiles: Any, url: str) -> Any:
    """Profiles whose outputs of type ``databricks`` connect to the workspace at ``url``, on the warehouse they name."""
    for profile in profiles.values():
        for output in profile.get("outputs", {}).values() if isinstance(profile, dict) else ():
            if isinstance(output, dict) and output.get("type") == "databricks":
                given = output.get("connection_parameters") or {}
                place = {"_connection_uri": url + str(output.get("http_path", "")), "enable_telemetry": False}
                output["connection_parameters"] = {**given, **place}
    return profiles


if __name__ == "__main__":
    source, target, workspace = sys.argv[1:]
    Path(target).write_text(yaml.safe_dump(led(yaml.safe_load(Path(source).read_text()), workspace)))
