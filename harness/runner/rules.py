"""What holds for all kernels, and what they have of their cluster: its folder, its init scripts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from harness.runner import cluster
from harness.runner.run import Run, TaskRun


@dataclass(frozen=True)
class Rules:
    """Of kernels. ``standby``: how many wait for tasks; ``memory``: bytes that each may have, 0: no limit;
    ``init_scripts``: whether those of clusters run; ``clusters``: where each start of a cluster has a folder; none: a
    task then has its own."""

    standby: int = 0
    memory: int = 0
    init_scripts: bool = False
    clusters: Path | None = None

    def folder(self, run: Run, task: TaskRun) -> Path:
        """The folder of the cluster that a task runs on, since its start."""
        if self.clusters is None:
            return Path(task.directory)
        life = cluster.cluster_of(run, task).get("life")
        start = task.spec.get("job_cluster_key") or life or task.task_key
        return self.clusters / quote(f"{cluster.cluster_id(run, task)}-{start}", safe="")

    def driver(self, run: Run, task: TaskRun) -> Path:
        """Where programs run that are no files of the workspace (there: ``/databricks/driver``): one for a cluster."""
        if self.clusters is None:
            return Path(task.directory)
        place = self.folder(run, task) / "driver"
        place.mkdir(parents=True, exist_ok=True)
        return place

    def scripts(self, machine: Mapping[str, Any], run: Run, task: TaskRun) -> dict[str, Any]:
        """The init scripts of a task's cluster, and where they are noted to have run since it started."""
        scripts = cluster.init_scripts(machine)
        if not scripts or not self.init_scripts:
            return {"init_scripts": scripts}
        told = cluster.told_to_scripts(machine, run, task)
        return {"init_scripts": scripts, "cluster": str(self.folder(run, task)), "cluster_variables": told}


RULES = Rules()
