"""What crosses between the runner and a kernel: one ``spec.json`` in, one ``result.json`` out."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True)
class Gateway:
    """A py4j ClientServer in the Spark JVM that belongs to one task."""

    port: int
    secret: str
    tag: str


@dataclass(frozen=True)
class KernelSpec:
    """Everything a kernel needs to know.

    ``kind``: what to execute. ``path``: the local file. ``workspace_path``: its name in the workspace (what
    ``%run`` and messages are relative to). ``parameters``: widget values. ``arguments``: ``sys.argv[1:]`` of a Python
    script. ``roots``: workspace path prefix → local folder, for ``%run``, ``dbutils.notebook.run`` and imports.
    ``directory``: where the kernel writes ``result.json`` and ``executed.ipynb``; its output goes to ``log.txt`` there.
    ``context``: run identity (``job_id``, ``run_id``, ``task_run_id``, ``task_key``, ``user``, …), all strings.
    ``libraries``: what the task asks for, in the lines of a requirements file; ``cluster_libraries``: what its cluster
    has besides, each in such lines; ``cache``: where what is installed for
    it is kept. ``task_values``: what earlier tasks of the run set, by task key. ``package`` and ``entry_point`` of a
    wheel task, whose ``path`` is the place it runs in. ``variables`` (of the environment) and ``conf`` (of Spark): what
    the task's cluster is given; they may name secrets (cluster.py). Of a jar task: ``entry_point``: its main class,
    ``jars``: paths, ``options``: more for spark-submit. ``jvm``: what starts its JVM (lake/submission.py).
    ``debugger``: the Unix socket that its breakpoints lead to; empty: nowhere. ``coverage``: how its lines are counted
    (coverage.py); empty: not. ``interactive``: no task, but a shell (interactive.py). ``debugpy``:
    the port at which it waits for a debugger; 0: it does not (ide.py). ``pipeline``: what an update of a pipeline is to
    do (runner/pipelinesources.py). ``memory``: bytes that the process may have; 0: as many as there are.
    ``access_mode``: the cluster's ``data_security_mode``. ``init_scripts``: places of its scripts; ``cluster``: the
    folder of its start, empty: they are not run; ``cluster_variables``: what tells them of it (initscripts.py).
    """

    kind: Literal["notebook", "python", "wheel", "jar", "submit", "pipeline"]
    path: str
    workspace_path: str
    directory: str
    gateway: Gateway
    workspace_url: str
    token: str
    parameters: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    roots: dict[str, str] = field(default_factory=dict)
    context: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    libraries: list[str] = field(default_factory=list)
    cluster_libraries: list[list[str]] = field(default_factory=list)
    task_values: dict[str, dict[str, Any]] = field(default_factory=dict)
    cache: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    conf: dict[str, str] = field(default_factory=dict)
    package: str = ""
    entry_point: str = ""
    jars: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    jvm: dict[str, Any] = field(default_factory=dict)
    debugger: str = ""
    coverage: dict[str, Any] = field(default_factory=dict)
    interactive: bool = False
    debugpy: int = 0
    pipeline: dict[str, Any] = field(default_factory=dict)
    memory: int = 0
    access_mode: str = ""
    init_scripts: list[str] = field(default_factory=list)
    cluster: str = ""
    cluster_variables: dict[str, str] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the specification, readable by us alone: it holds secrets."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def read(cls, path: Path) -> KernelSpec:
        """What :meth:`write` wrote."""
        document: dict[str, Any] = json.loads(path.read_text())
        return cls(**{**document, "gateway": Gateway(**document["gateway"])})


@dataclass(frozen=True)
class KernelError:
    """The exception that ended a notebook: its class and text, and where (``line`` counts in the file for source
    notebooks, in the cell for ``.ipynb``; ``cell`` counts from 1)."""

    name: str
    value: str
    trace: str
    notebook: str = ""
    cell: int = 0
    line: int = 0
    source: str = ""


@dataclass(frozen=True)
class KernelResult:
    """How it ended. ``exit_value``: what ``dbutils.notebook.exit`` was given. ``error``: set when it failed."""

    succeeded: bool
    exit_value: str | None = None
    error: KernelError | None = None
    task_values: dict[str, Any] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the result, whole or not at all: the process may be killed at any time."""
        part = path.with_suffix(".part")
        part.write_text(json.dumps(dataclasses.asdict(self)))
        part.replace(path)

    @classmethod
    def read(cls, path: Path) -> KernelResult:
        document: dict[str, Any] = json.loads(path.read_text())
        error = document.get("error")
        return cls(**{**document, "error": KernelError(**error) if error else None})
