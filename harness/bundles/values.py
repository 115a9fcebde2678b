"""What ``${…}`` stands for in a bundle. Source: docs.databricks.com/dev-tools/bundles/variables."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.bundles.files import BundleInvalid, Located, merged

REFERENCE = re.compile(r"\$\{([a-zA-Z][\w.\[\]-]*)\}")


@dataclass
class Values:
    """What ``${…}`` stands for."""

    file: Path
    root: Mapping[str, Any]
    chosen: Mapping[str, Any]
    whole: Mapping[str, Any]
    target: str
    user: str
    given: Mapping[str, Any]
    _open: list[str] = field(default_factory=list)

    def resolved(self, value: Any) -> Any:
        """``value`` with its references replaced; ids of jobs stay, until there are jobs."""
        return replaced(value, lambda name: self(name) if not is_job_id(name) else f"${{{name}}}")

    def __call__(self, name: str) -> Any:
        if name in self._open:
            raise BundleInvalid(f"{self.file}: ${{{name}}} refers to itself, by {' → '.join(self._open)}")
        self._open.append(name)
        try:
            return self.resolved(self._of(name))
        finally:
            self._open.pop()

    def _of(self, name: str) -> Any:
        kind, _, rest = name.partition(".")
        if kind == "var" or (kind == "variables" and rest.endswith(".value")):
            return self._variable(rest.removesuffix(".value") if kind == "variables" else rest)
        short = re.sub(r"[^\w]+", "_", self.user.partition("@")[0])
        bundle = self.whole.get("bundle") or {}
        workspace = self.whole.get("workspace") or {}
        home = "/Workspace/Users/${workspace.current_user.userName}/.bundle/${bundle.name}/${bundle.target}"
        root_path = str(workspace.get("root_path") or home)
        if root_path.startswith("~/"):
            root_path = f"/Workspace/Users/{self.user}/{root_path[2:]}"
        known: dict[str, Any] = {
            "bundle.name": bundle.get("name"),
            "bundle.target": self.target,
            "bundle.environment": self.target,
            "workspace.current_user.userName": self.user,
            "workspace.current_user.short_name": short,
            "workspace.root_path": root_path,
            "workspace.file_path": workspace.get("file_path") or "${workspace.root_path}/files",
            "workspace.artifact_path": workspace.get("artifact_path") or "${workspace.root_path}/artifacts",
            "workspace.state_path": workspace.get("state_path") or "${workspace.root_path}/state",
        }
        value = known.get(name, workspace.get(rest) if kind == "workspace" else None)
        if value is None:
            raise BundleInvalid(f"{self.file}: ${{{name}}} is not known before a deployment")
        return value

    def _variable(self, name: str) -> Any:
        name, *below = name.split(".")
        declared = (self.root.get("variables") or {}).get(name)
        chosen = (self.chosen.get("variables") or {}).get(name)
        if declared is None and chosen is None:
            raise BundleInvalid(f"{self.file}: there is no variable {name}")
        settings = merged(declared or {}, chosen if isinstance(chosen, dict) else {})
        value = settings.get("default") if isinstance(chosen, dict) or chosen is None else chosen
        value = self.given.get(name, os.environ.get(f"BUNDLE_VAR_{name}", value))
        if value is None:
            why = "is looked up in a workspace" if "lookup" in settings else "has no default"
            raise BundleInvalid(f"{self.file}: variable {name} {why}: give it a value")
        for key in below:
            if not isinstance(value, dict) or key not in value:
                raise BundleInvalid(f"{self.file}: variable {name} has no {key}")
            value = value[key]
        return value


def replaced(value: Any, of: Callable[[str], Any]) -> Any:
    """``value`` with every ``${…}`` in it replaced: alone, with the type of what it stands for."""
    if isinstance(value, Mapping):
        return {key: replaced(each, of) for key, each in value.items()}
    if isinstance(value, list):
        return [replaced(each, of) for each in value]
    if not isinstance(value, str) or not REFERENCE.search(value):
        return value
    if whole := REFERENCE.fullmatch(value):
        return of(whole[1])
    text = Located(REFERENCE.sub(lambda match: str(of(match[1])), value))
    text.folder = getattr(value, "folder", Path())
    return text


def is_job_id(name: str) -> bool:
    return re.fullmatch(r"resources\.jobs\.[\w-]+\.id", name) is not None


def asked(value: Any) -> set[str]:
    """The jobs whose ids a value asks for."""
    found: set[str] = set()
    replaced(value, lambda name: found.add(name.split(".")[2]) if is_job_id(name) else None)
    return found
