"""Libraries of clusters: ``/api/2.0/libraries``. Nothing is installed: INSTALLED is said of what the kernels have.

Source: docs.databricks.com/api/workspace/libraries. Whether a PyPI requirement is met is asked of the notebooks'
interpreter at each reading; libraries of other kinds cannot be had here and are FAILED, as a task that names them is
refused.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from databricks.sdk.service.compute import Library
from packaging.requirements import InvalidRequirement, Requirement

from harness.runner.interpreter import Installed, installed_here, installed_in, unmet
from harness.workspace import clusters
from harness.workspace.errors import InvalidParameter
from harness.workspace.jobspec import typed
from harness.workspace.store import Document, Taken
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

# What a library is identified by, besides its kind.
PARTS = {"pypi": "package", "maven": "coordinates", "cran": "package"}
KINDS = (*PARTS, "jar", "egg", "whl", "requirements")


def install(call: Call) -> Document:
    """Add libraries to a cluster; one that was to go with the next restart stays. Raises: ``InvalidParameter``."""
    cluster, libraries = clusters.find(call.workspace, call.text("cluster_id")), _given(call)

    def change(kept: list[Document]) -> list[Document]:
        others = [entry for entry in kept if entry["library"] not in libraries or "until" not in entry]
        known = [entry["library"] for entry in others]
        new = [library for at, library in enumerate(libraries) if library not in [*known, *libraries[:at]]]
        return [*others, *({"library": library} for library in new)]

    _change(call.workspace, cluster, change)
    return {}


def uninstall(call: Call) -> Document:
    """Take libraries away with the next restart; those that a cluster has not are ignored."""
    cluster, libraries = clusters.find(call.workspace, call.text("cluster_id")), _given(call)

    def change(kept: list[Document]) -> list[Document]:
        going = [{**entry, "until": cluster["life"]} for entry in kept if entry["library"] in libraries]
        return [*(entry for entry in kept if entry["library"] not in libraries), *going]

    _change(call.workspace, cluster, change)
    return {}


def clone(workspace: Workspace, source: str, cluster_id: str) -> None:
    """Give a new cluster the libraries of another. Raises: ``InvalidParameter`` for an unknown one."""
    kept = _of(workspace, clusters.find(workspace, source))
    staying = [entry for entry in kept if "until" not in entry]
    workspace.store.put("library", cluster_id, {"libraries": staying})


def cluster_status(call: Call) -> Document:
    """The libraries of a cluster, those that go last. Raises: ``InvalidParameter``."""
    return _statuses(call.workspace, clusters.find(call.workspace, call.text("cluster_id")))


def all_statuses(call: Call) -> Document:
    """The libraries of every cluster that has any."""
    shown = [_statuses(call.workspace, cluster) for cluster in clusters.every(call.workspace)]
    return {"statuses": [statuses for statuses in shown if statuses["library_statuses"]]}


# -- records ------------------------------------------------------------------------------------------


def _given(call: Call) -> list[Document]:
    """The libraries of a request. Raises: ``InvalidParameter``."""
    libraries = call.arguments.get("libraries")
    if libraries is None:
        raise InvalidParameter("Missing required field: libraries")
    if not isinstance(libraries, list) or not all(isinstance(library, dict) for library in libraries):
        raise InvalidParameter("Expected libraries to be a list of objects.")
    return [_checked(typed(library, Library)) for library in libraries]


def _checked(library: Document) -> Document:
    kinds = [kind for kind in library if kind in KINDS]
    if len(kinds) != 1 or len(library) != 1:
        raise InvalidParameter(f"A library has exactly one of {', '.join(KINDS)}; got {', '.join(library) or 'none'}.")
    part = PARTS.get(kinds[0])
    if part is not None and not library[kinds[0]].get(part):
        raise InvalidParameter(f"Missing required field: {kinds[0]}.{part}")
    return library


def _of(workspace: Workspace, cluster: Document) -> list[Document]:
    return _current(workspace.store.get("library", cluster["cluster_id"]) or {}, cluster)


def _current(document: Document, cluster: Document) -> list[Document]:
    """The libraries of a record, without those that a restart has taken away. ``until``: the life they go after."""
    kept: list[Document] = document.get("libraries", [])
    return [entry for entry in kept if entry.get("until", cluster["life"]) >= cluster["life"]]


def _change(workspace: Workspace, cluster: Document, change: Callable[[list[Document]], list[Document]]) -> None:
    with contextlib.suppress(Taken):
        workspace.store.insert("library", cluster["cluster_id"], {"libraries": []})
    workspace.store.update(
        "library", cluster["cluster_id"], lambda kept: {"libraries": change(_current(kept, cluster))}
    )


# -- statuses -----------------------------------------------------------------------------------------


def _statuses(workspace: Workspace, cluster: Document) -> Document:
    entries = _of(workspace, cluster)
    running = clusters.state_of(cluster, workspace.engine.status()["state"]) == "RUNNING"
    asked = _Asked(workspace, [entry["library"] for entry in entries] if running else [])
    return {
        "cluster_id": cluster["cluster_id"],
        "library_statuses": [
            {
                "library": entry["library"],
                "is_library_for_all_clusters": False,
                **_status(entry, asked if running else None),
            }
            for entry in entries
        ],
    }


def _status(entry: Document, asked: _Asked | None) -> Document:
    if "until" in entry:
        return {"status": "UNINSTALL_ON_RESTART"}
    if asked is None:
        return {"status": "PENDING"}
    why = asked.why_not(entry["library"])
    return {"status": "FAILED", "messages": [why]} if why else {"status": "INSTALLED"}


class _Asked:
    """What the notebooks' interpreter has of some libraries; another interpreter than ours is asked once for all."""

    def __init__(self, workspace: Workspace, libraries: list[Document]) -> None:
        python = workspace.config.kernel_python
        self.installed: Installed = installed_here
        self.failure: str | None = None
        if python and libraries:
            try:
                self.installed = installed_in(python, _names(libraries))
            except (OSError, subprocess.SubprocessError) as error:
                self.failure = f"The notebooks' Python {python} does not answer: {error}"

    def why_not(self, library: Document) -> str | None:
        """Why a library cannot be had, or ``None``."""
        if "pypi" not in library:
            return f"{next(iter(library))} libraries are not supported here."
        return self.failure or unmet(library["pypi"]["package"], self.installed)


def _names(libraries: list[Document]) -> Iterator[str]:
    for library in libraries:
        with contextlib.suppress(InvalidRequirement, KeyError):
            yield Requirement(library["pypi"]["package"]).name


routes = [
    *api("POST", "2.0/libraries/install", install),
    *api("POST", "2.0/libraries/uninstall", uninstall),
    *api("GET", "2.0/libraries/cluster-status", cluster_status),
    *api("GET", "2.0/libraries/all-cluster-statuses", all_statuses),
]
