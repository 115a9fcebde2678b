"""Libraries of clusters: ``/api/2.0/libraries``. Tasks on a cluster are given its Python packages, JAR tasks its jars.

Source: docs.databricks.com/api/workspace/libraries. INSTALLED is said of what the notebooks' interpreter has, and of
what could be put beside it (kernel/installer.py), which is tried when a status is first asked for. Kinds that cannot be
had here are FAILED, as a task that names them is refused.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from databricks.sdk.service.compute import Library
from packaging.requirements import InvalidRequirement, Requirement

from harness.runner.forks import kernel_environment
from harness.runner.interpreter import Installed, installed_here, installed_in, unmet
from harness.runner.taskkinds import JVM_LIBRARIES, CannotRun, requirement_lines
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
INSTALL_SECONDS = 600
OF_JAR_TASKS = "Given to JAR tasks on this cluster. Notebooks share one Spark, which takes no jars of clusters."


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


def of_clusters(workspace: Workspace, cluster_ids: Iterable[str]) -> dict[str, list[Document]]:
    """What tasks on clusters are given, by cluster: also what goes with the next restart."""
    found = {}
    for cluster_id in cluster_ids:
        cluster = workspace.store.get("cluster", cluster_id)
        if cluster is not None:
            found[cluster_id] = [entry["library"] for entry in _of(workspace, cluster)]
    return found


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
    if running:
        entries = _tried(workspace, cluster, entries, asked)
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
    if JVM_LIBRARIES & set(entry["library"]):
        return {"status": "INSTALLED", "messages": [OF_JAR_TASKS]}
    why = entry["why"] if "why" in entry else asked.why_not(entry["library"])
    return {"status": "FAILED", "messages": [why]} if why else {"status": "INSTALLED"}


def _tried(workspace: Workspace, cluster: Document, entries: list[Document], asked: _Asked) -> list[Document]:
    """The libraries, with ``why`` those that the interpreter lacks cannot be had: tried once in a cluster's life."""
    life = cluster["life"]
    lacking = [entry for entry in entries if "until" not in entry and _lacking(entry["library"], asked)]
    new = [entry["library"] for entry in lacking if entry.get("tried") != life]
    if not new:
        return [entry if entry in lacking else {k: v for k, v in entry.items() if k != "why"} for entry in entries]
    outcomes = dict(zip(map(json.dumps, new), _install(workspace, new), strict=True))

    def change(kept: list[Document]) -> list[Document]:
        return [
            {**entry, "tried": life, "why": outcomes[text]}
            if (text := json.dumps(entry["library"])) in outcomes
            else entry
            for entry in kept
        ]

    _change(workspace, cluster, change)
    return _tried(workspace, cluster, _of(workspace, cluster), asked)


def _lacking(library: Document, asked: _Asked) -> bool:
    """Whether a library might be had although the interpreter has it not."""
    if "pypi" in library:
        return asked.failure is None and asked.why_not(library) is not None
    return bool({"whl", "requirements"} & set(library))


def _install(workspace: Workspace, libraries: list[Document]) -> list[str | None]:
    """Install libraries for tasks. Returns: why each cannot be had, or None."""
    config, reasons, lines = workspace.config, dict[int, str](), dict[int, list[str]]()
    for at, library in enumerate(libraries):
        try:
            lines[at] = requirement_lines([library])
        except CannotRun as error:
            reasons[at] = str(error)
    python = config.kernel_python or sys.executable
    order = {
        "cache": str(Path(config.engine.get("cache") or config.directory) / "packages"),
        "roots": {prefix: str(folder) for prefix, folder in workspace.paths.roots.items()},
        "libraries": list(lines.values()),
    }
    try:
        done = subprocess.run(
            [python, "-m", "harness.kernel.installer"],
            input=json.dumps(order), capture_output=True, text=True, timeout=INSTALL_SECONDS,
            env=kernel_environment(config.directory, python),
        )  # fmt: skip
        found = json.loads(done.stdout) if done.returncode == 0 else [done.stderr.strip()[-2000:]] * len(lines)
    except (OSError, subprocess.SubprocessError) as error:
        found = [f"The notebooks' Python {python} does not answer: {error}"] * len(lines)
    reasons |= {at: why for at, why in zip(lines, found, strict=True) if why}
    return [reasons.get(at) for at in range(len(libraries))]


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
