"""``GET /_harness/lineage``: what statements and notebooks have read and written, by names that people know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from harness.lake.lineage import PATH, TABLE, executions
from harness.lake.paths import STORAGE, under
from harness.workspace.store import Document
from harness.workspace.wire import Call, endpoint

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

SCHEME = re.compile(r"^(?:s3a|s3n)://")
VERSION = re.compile(r"@v?\d+$")
NEVER = 0.0
OWN = ""  # in place of what is of the engine alone


def lineage(call: Call) -> Document:
    """Executions, oldest first; ``since`` when they are listened to (epoch seconds), ``generation``: by which Spark."""
    workspace = call.workspace
    status = workspace.engine.status()
    facts: dict[str, Any] = {"since": NEVER, "full": False, "executions": []}
    if status["state"] in ("ready", "warm"):
        facts = executions(workspace.engine)
    tasks = {
        task.tag: {"run_id": run.run_id, "task_key": task.task_key}
        for run in workspace.runs.all()
        for task in list(run.tasks)
        if task.tag
    }
    names = _Names(workspace)
    shown = []
    for each in facts["executions"]:
        owner = next((tasks[tag] for tag in each["tags"] if tag in tasks), {})
        reads, writes = (sorted({names.of(one) for one in each[side]} - {OWN}) for side in ("reads", "writes"))
        if reads or writes:
            shown.append({"at": each["at"] / 1000, "reads": reads, "writes": writes, **owner})
    return {
        "generation": status.get("generation", 0),
        "since": facts["since"] / 1000,
        "full": facts["full"],
        "executions": shown,
    }


class _Names:
    """Full names of tables, for the paths where they rest too; else paths, as notebooks spell them."""

    def __init__(self, workspace: Workspace) -> None:
        self._engine = f"{workspace.config.directory / 'engine'}/"
        kept = [*workspace.store.all("dropped_table"), *workspace.store.all("table")]
        self._tables = {_plain(t["storage_location"]): t["full_name"] for t in kept if t.get("storage_location")}
        self._mounts = {
            str(workspace.paths.roots[prefix]): prefix for prefix in STORAGE if prefix in workspace.paths.roots
        }

    def of(self, found: str) -> str:
        """``catalog.schema.table``, or an address (``s3://…``, ``/Volumes/…``, ``dbfs:/…``); else ``OWN``."""
        if found.startswith(TABLE):
            return VERSION.sub("", found.removeprefix(TABLE))
        path = _plain(found.removeprefix(PATH))
        if self._engine in path:
            return OWN
        for location, name in self._tables.items():
            if under(path, location):
                return str(name)
        if path.startswith("dbfs:/Volumes/"):
            return path.removeprefix("dbfs:")
        for folder, prefix in self._mounts.items():
            if under(path, f"file:{folder}"):
                spelled = prefix + path.removeprefix(f"file:{folder}")
                return f"dbfs:{spelled.removeprefix('/dbfs')}" if prefix == "/dbfs" else spelled
        return path


def _plain(address: str) -> str:
    return re.sub(r"^file:/+", "file:/", SCHEME.sub("s3://", address)).rstrip("/")


routes = [Route("/_harness/lineage", endpoint(lineage), methods=["GET"])]
