"""The files of a bundle: found, read, included, merged.

How values are merged (mappings by key, lists one after the other, tasks, clusters and parameters by their names) is
that of ``databricks bundle``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FILES = ("databricks.yml", "databricks.yaml", "bundle.yml", "bundle.yaml")
# Lists whose members have names; a target's member is merged into that of the same name.
NAMED = {"tasks": "task_key", "job_clusters": "job_cluster_key", "parameters": "name"}


class BundleInvalid(ValueError):
    """The bundle cannot be resolved here. The message names what, and where."""


class Located(str):
    """A text of a YAML file, with the folder that its relative paths begin at."""

    folder: Path


def find(folder: Path) -> Path:
    """The configuration of the bundle in ``folder``, which may be the file itself. Raises: ``BundleInvalid``."""
    if folder.is_file():
        return folder
    for name in FILES:
        if (folder / name).is_file():
            return folder / name
    raise BundleInvalid(f"there is no bundle in {folder}: no {FILES[0]}")


def load(file: Path) -> dict[str, Any]:
    import yaml

    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BundleInvalid(f"{file}: {error}") from None
    if not isinstance(document, dict):
        raise BundleInvalid(f"{file}: not a mapping")
    located: dict[str, Any] = _located(document, file.parent)
    return located


def _located(value: Any, folder: Path) -> Any:
    if isinstance(value, dict):
        return {str(key): _located(each, folder) for key, each in value.items()}
    if isinstance(value, list):
        return [_located(each, folder) for each in value]
    if isinstance(value, str):
        text = Located(value)
        text.folder = folder
        return text
    return value


def included(file: Path) -> Iterator[Path]:
    for pattern in load(file).get("include") or []:
        yield from sorted(path.resolve() for path in file.parent.glob(str(pattern)) if path.resolve() != file)


def target_of(root: Mapping[str, Any], name: str) -> tuple[dict[str, Any], str]:
    targets = root.get("targets") or {}
    if not name:
        marked = [key for key, each in targets.items() if (each or {}).get("default")]
        first = marked or list(targets) or ["default"]
        if len(first) > 1:
            raise BundleInvalid(f"say which target: {', '.join(targets)}")
        name = first[0]
    if targets and name not in targets:
        raise BundleInvalid(f"there is no target {name}; there are {', '.join(targets)}")
    return targets.get(name) or {}, name


def merged(*values: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings by key, lists one after the other, else the last one. Lists of named members by their names."""
    result: dict[str, Any] = {}
    for each in values:
        for key, value in each.items():
            before = result.get(key)
            if isinstance(before, dict) and isinstance(value, dict):
                result[key] = merged(before, value)
            elif isinstance(before, list) and isinstance(value, list):
                result[key] = _joined([*before, *value], NAMED.get(key))
            elif value is not None or key not in result:
                result[key] = value
    return result


def _joined(members: list[Any], name: str | None) -> list[Any]:
    if name is None or not all(isinstance(each, dict) and name in each for each in members):
        return members
    found: dict[Any, dict[str, Any]] = {}
    for each in members:
        found[each[name]] = merged(found.get(each[name], {}), each)
    return list(found.values())
