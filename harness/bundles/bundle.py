"""A Databricks Asset Bundle, resolved for one target: its jobs as the Jobs API takes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.bundles.files import BundleInvalid, find, included, load, merged, target_of
from harness.bundles.jobs import job_of
from harness.bundles.values import Values, asked, replaced


@dataclass(frozen=True)
class Bundle:
    """A bundle, resolved for one target.

    ``file_path``: where its files are deployed to; ``jobs``: settings by key, where other jobs' ids are still
    references; ``others``: resources that are no jobs, as ``kind.key``.
    """

    name: str
    target: str
    folder: Path
    file_path: str
    jobs: Mapping[str, Mapping[str, Any]]
    others: tuple[str, ...] = ()

    def made(self, create: Callable[[Mapping[str, Any]], int]) -> dict[str, int]:
        """Make each job, those first whose ids others ask for. Returns: ids by key. Raises: ``BundleInvalid``."""
        ids: dict[str, int] = {}
        left = dict(self.jobs)
        while left:
            ready = [key for key, job in left.items() if not asked(job) & left.keys()]
            if not ready:
                raise BundleInvalid(f"these jobs ask for each other's ids: {', '.join(left)}")
            for key in ready:
                settings = replaced(left.pop(key), lambda name: ids[name.split(".")[2]])
                ids[key] = create(settings)
        return ids


def read(place: Path, *, user: str, target: str = "", variables: Mapping[str, Any] | None = None) -> Bundle:
    """Read a bundle. Parameters: ``place``: its folder; ``user``: who deploys it; ``variables``: values, as ``--var``.

    Raises: ``BundleInvalid``, also for what only a deployment knows: ids of other resources than jobs, looked-up
    variables without a value, jobs that Python makes.
    """
    file = find(place).resolve()
    root = merged(load(file), *(load(each) for each in included(file)))
    chosen, target = target_of(root, target)
    whole = merged({**root, "variables": {}}, {k: v for k, v in chosen.items() if k != "variables"})
    for kind in ("python", "experimental"):
        if "python" in ((whole.get(kind) or {}) if kind == "experimental" else whole):
            raise BundleInvalid(f"{file}: `{kind}`: jobs that Python code makes are not known without running it")
    values = Values(file, root, chosen, whole, target, user, dict(variables or {}))
    resources = values.resolved(whole.get("resources") or {})
    jobs = resources.get("jobs") or {}
    bundle = Bundle(
        name=str(values("bundle.name")),
        target=target,
        folder=file.parent,
        file_path=str(values("workspace.file_path")),
        jobs={key: job_of(key, job or {}, values, whole) for key, job in jobs.items()},
        others=tuple(f"{kind}.{key}" for kind, made in resources.items() if kind != "jobs" for key in made or {}),
    )
    for key, job in bundle.jobs.items():
        if unknown := sorted(asked(job) - bundle.jobs.keys()):
            raise BundleInvalid(f"job {key}: there is no job {unknown[0]} in the bundle")
    return bundle
