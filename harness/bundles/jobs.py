"""A bundle's job as it is sent to the Jobs API. Source: docs.databricks.com/dev-tools/bundles/deployment-modes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from harness.bundles.files import BundleInvalid, Located
from harness.bundles.values import Values
from harness.lake.paths import SUFFIXES

# Where a task names files of the bundle, relative to the file that says so; of notebooks without suffix.
NOTEBOOK = ("notebook_task", "notebook_path")
OTHER = (("spark_python_task", "python_file"), ("dbt_task", "project_directory"))
BUILT = ("whl", "jar", "requirements")  # of libraries
DEVELOPMENT_RUNS = 4  # at once, of a job in a target of mode `development`


def job_of(key: str, job: Mapping[str, Any], values: Values, whole: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of one job as they are sent."""
    sent = {name: value for name, value in job.items() if name not in ("permissions", "lifecycle")}
    sent.setdefault("name", key)
    if "run_as" in whole:
        sent.setdefault("run_as", values.resolved(whole["run_as"]))
    permissions = [*(whole.get("permissions") or []), *(job.get("permissions") or [])]
    if permissions:
        sent["access_control_list"] = [
            {"permission_level" if k == "level" else k: v for k, v in values.resolved(each).items()}
            for each in permissions
        ]
    if "git_source" not in job:
        paths = _Paths(key, values)
        sent["tasks"] = [paths.of_task(task) for task in job.get("tasks") or []]
        if "environments" in job:
            sent["environments"] = [paths.of_environment(each) for each in job["environments"]]
    development = whole.get("mode") == "development"
    presets = values.resolved(whole.get("presets") or {})
    prefix = f"[dev {values('workspace.current_user.short_name')}] " if development else ""
    sent["name"] = f"{presets.get('name_prefix', prefix)}{sent['name']}"
    tags = {**({"dev": values("workspace.current_user.short_name")} if development else {}), **presets.get("tags", {})}
    if tags:
        sent["tags"] = {**tags, **sent.get("tags", {})}
    if development and presets.get("trigger_pause_status", "PAUSED") == "PAUSED":
        for kind in ("schedule", "trigger", "continuous"):
            if kind in sent:
                sent[kind] = {**sent[kind], "pause_status": "PAUSED"}
    if development and sent.get("max_concurrent_runs", 1) == 1:
        sent["max_concurrent_runs"] = presets.get("jobs_max_concurrent_runs", DEVELOPMENT_RUNS)
    return {name: _plain(value) for name, value in sent.items()}


@dataclass(frozen=True)
class _Paths:
    """Files that a job names, where they are in the workspace after a deployment."""

    job: str
    values: Values

    def of_task(self, task: Mapping[str, Any]) -> dict[str, Any]:
        sent = dict(task)
        for kind, name in (NOTEBOOK, *OTHER):
            body = sent.get(kind)
            if not isinstance(body, dict) or body.get("source") == "GIT":
                continue
            path = body.get(name)
            if isinstance(path, str) and self._local(path):
                sent[kind] = {**body, name: self._deployed(path, notebook=(kind, name) == NOTEBOOK)}
        if isinstance(file := (sent.get("sql_task") or {}).get("file"), dict) and self._local(file.get("path")):
            sent["sql_task"] = {**sent["sql_task"], "file": {**file, "path": self._deployed(file["path"])}}
        if isinstance(each := sent.get("for_each_task"), dict) and isinstance(each.get("task"), dict):
            sent["for_each_task"] = {**each, "task": self.of_task(each["task"])}
        if "libraries" in sent:
            sent["libraries"] = [
                {
                    kind: self._built(path) if kind in BUILT and self._local(path) else path
                    for kind, path in each.items()
                }
                for each in sent["libraries"]
            ]
        return sent

    def of_environment(self, environment: Mapping[str, Any]) -> dict[str, Any]:
        spec = environment.get("spec") or {}
        wanted = [
            self._built(each) if str(each).startswith((".", "dist/")) and self._local(each) else each
            for each in spec.get("dependencies") or []
        ]
        return {**environment, "spec": {**spec, "dependencies": wanted}} if wanted else dict(environment)

    def _local(self, path: Any) -> bool:
        return isinstance(path, str) and not path.startswith(("/", "~")) and "://" not in path and "{{" not in path

    def _deployed(self, path: str, *, notebook: bool = False) -> str:
        file = (getattr(path, "folder", self.values.file.parent) / path).resolve()
        if not file.exists():
            raise BundleInvalid(f"job {self.job}: there is no {path} beside the file that names it")
        if not file.is_relative_to(self.values.file.parent):
            raise BundleInvalid(f"job {self.job}: {path} is outside of the bundle")
        place = PurePosixPath(file.relative_to(self.values.file.parent).as_posix())
        deployed = PurePosixPath(str(self.values("workspace.file_path"))) / place
        return str(deployed.with_suffix("") if notebook and deployed.suffix in SUFFIXES else deployed)

    def _built(self, path: str) -> str:
        folder = getattr(path, "folder", self.values.file.parent)
        found = [Path(os.path.relpath(each, folder)) for each in sorted(folder.glob(path.removeprefix("./")))]
        if len(found) != 1:
            raise BundleInvalid(f"job {self.job}: {path} is {len(found)} files: build the one that is meant first")
        located = Located(found[0].as_posix())
        located.folder = folder
        return self._deployed(located)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, str) else value
