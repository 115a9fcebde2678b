"""The workspace: one object composed of its parts, made once by ``__main__`` and found by handlers on the request."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request

from harness.lake.faults import Faults
from harness.lake.paths import WorkspacePaths, storage_folders
from harness.runner.rules import Rules
from harness.runner.run import LifeCycle, Result, Run, State, TaskRun, now
from harness.workspace.longpoll import Signal
from harness.workspace.pipelinerecords import Updates
from harness.workspace.requestlog import RequestLog
from harness.workspace.store import Store

if TYPE_CHECKING:
    from harness.lake.engine import Engine
    from harness.lake.sql.operations import SqlEngine
    from harness.runner.runner import Runner


INTERRUPTED = "The workspace stopped during this run."


@dataclass(frozen=True)
class Config:
    """What the stack tells the workspace.

    ``roots``: mounted folders, workspace path to local folder. ``warehouses``: ``[{"id", "name"}, …]``.
    ``ephemeral``: the directory goes when we stop. ``hosts``: names accepted in the Host header besides loopback's.
    ``hold_seconds``: how long a poll is held at most. ``client_id``, ``client_secret``: the OAuth client that may sign
    in from the start. ``secrets``: what secret scopes hold from the start, "scope/key" to value. ``certificate``: for
    HTTPS, a PEM file with its key; empty: HTTP only. ``git_remotes``: where remotes of Git are instead (git.py).
    ``enforce_grants``: whether SQL refuses tables to those who lack privileges (enforcement.py).
    ``standby``: how many kernels wait for tasks (runner/standby.py). ``kernel_memory``: what each may have, such as
    ``4g``; empty: no limit. ``init_scripts``: whether those of clusters run.
    """

    token: str
    org_id: int
    directory: Path
    s3: Mapping[str, str]
    roots: Mapping[str, str]
    warehouses: list[dict[str, str]]
    catalogs: list[str]
    default_catalog: str
    engine: Mapping[str, Any]
    kernel_python: str
    user: str
    ephemeral: bool = False
    hosts: list[str] = field(default_factory=list)
    # The provider gives up on an answer after 180 s (wire.md 1.1) and sleeps 30 s after each that says "running".
    hold_seconds: float = 150.0
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    certificate: str = ""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    git_remotes: Mapping[str, str] = field(default_factory=dict)
    enforce_grants: bool = False
    standby: int = 0
    kernel_memory: str = ""
    init_scripts: bool = False

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Config:
        """The configuration as the parent process sent it. Raises: ``TypeError`` for a missing or unknown name."""
        values = {**document, "directory": Path(document["directory"]), "org_id": int(document["org_id"])}
        return cls(**values)

    @property
    def rules(self) -> Rules:
        """What holds for kernels."""
        number, unit = self.kernel_memory[:-1], self.kernel_memory[-1:].lower()
        memory = int(number) << {"k": 10, "m": 20, "g": 30}[unit] if number else 0
        return Rules(self.standby, memory, self.init_scripts, self.clusters)

    @property
    def clusters(self) -> Path:
        """Where each start of a cluster has a folder."""
        return self.directory / "clusters"

    @property
    def mlflow(self) -> Path:
        """Where MLflow in notebooks keeps its runs."""
        return self.directory / "mlflow"

    @property
    def files(self) -> Path:
        """Where imported workspace objects rest."""
        return self.directory / "files"

    @property
    def uploads(self) -> Path:
        """Where files rest that are not whole yet."""
        return self.directory / "uploads"

    @property
    def folders(self) -> dict[str, str | Path]:
        """Every path prefix and the local folder behind it: workspace files, mounted folders, DBFS, volumes."""
        return {"/Workspace": self.files, **storage_folders(self.directory), **self.roots}


class Runs:
    """The runs this workspace knows, live: the runner changes them, handlers read them, the store keeps them."""

    def __init__(self, store: Store, signal: Signal) -> None:
        self._store = store
        self._signal = signal
        self._lock = threading.Lock()
        self._runs: dict[int, Run] = {}
        self._asked: set[tuple[int, str]] = set()
        self._children: dict[int, list[Run]] = {}
        self._progress = threading.Condition()

    def load(self) -> None:
        """Take up the runs of a former process. What was active then has died with it, and says so."""
        for document in self._store.all("run"):
            run = Run.of(document)
            if not run.state.ended:
                parts: list[Run | TaskRun] = [*run.task_runs(), run]
                for part in parts:
                    if not part.state.ended:
                        part.state = State(LifeCycle.INTERNAL_ERROR, Result.FAILED, INTERRUPTED)
                        part.end_time = now()
                self._store.put("run", run.run_id, run.document())
            self._runs[run.run_id] = run

    def add(self, run: Run) -> None:
        """Take up a new run."""
        self._store.put("run", run.run_id, run.document())
        with self._lock:
            self._runs[run.run_id] = run

    def changed(self, run: Run) -> None:
        """Keep a run's new state and wake who waits for it. Runs cleared since are let go."""
        if self._runs.get(run.run_id) is run:
            self._store.put("run", run.run_id, run.document())
            self._signal.notify(("run", run.run_id))
        with self._progress:
            self._progress.notify_all()

    def ended(self, run: Run, seconds: float | None) -> bool:
        """Wait for a run's end, in a thread of the caller's. Returns: False when ``seconds`` passed first."""
        with self._progress:
            return self._progress.wait_for(lambda: run.state.ended, seconds)

    def find(self, run_id: int) -> tuple[Run, TaskRun | None] | None:
        """The run of an id, and the task run when the id is a task run's."""
        run = self._runs.get(run_id)
        if run is not None:
            return run, None
        for run in reversed(self.all()):
            for task in run.task_runs():
                if task.run_id == run_id:
                    return run, task
        return None

    def all(self) -> list[Run]:
        """Every run, oldest first."""
        with self._lock:
            return list(self._runs.values())

    def first_read(self, run_id: int, reader: str) -> bool:
        """Whether ``reader`` has not read this run before; it has, from now on."""
        with self._lock:
            known = (run_id, reader) in self._asked
            self._asked.add((run_id, reader))
            return not known

    def adopt(self, child: Run, task_run_id: int) -> None:
        """Note that a task run has started a run of its own (``dbutils.notebook.run``)."""
        with self._lock:
            self._children.setdefault(task_run_id, []).append(child)

    def children(self, task: TaskRun) -> list[Run]:
        """The runs that a task run has started and that have not ended."""
        with self._lock:
            return [run for run in self._children.get(task.run_id, ()) if not run.state.ended]

    def active(self, job_id: int) -> list[Run]:
        """The runs of a job that have neither ended nor wait in its queue."""
        with self._lock:
            return self._active(job_id)

    def _active(self, job_id: int) -> list[Run]:
        waits = LifeCycle.QUEUED
        runs = self._runs.values()
        return [r for r in runs if r.job_id == job_id and not r.state.ended and r.state.life_cycle is not waits]

    def admit(self, job_id: int) -> Run | None:
        """Take the oldest run out of a job's queue, if its ``max_concurrent_runs`` leaves room for it now."""
        with self._lock:
            active = len(self._active(job_id))
            for run in self._runs.values():
                queued = run.job_id == job_id and run.state.life_cycle is LifeCycle.QUEUED
                if queued and active < run.settings.get("max_concurrent_runs", 1):
                    run.state = State(LifeCycle.PENDING)
                    return run
        return None

    def claim(self, run: Run) -> bool:
        """Take a run out of its job's queue. Returns: whether it was there, and is now the caller's alone."""
        with self._lock:
            if run.state.life_cycle is not LifeCycle.QUEUED:
                return False
            run.state = State(LifeCycle.PENDING)
            return True

    def remove(self, run_id: int) -> None:
        with self._lock:
            self._runs.pop(run_id, None)
        self._store.delete("run", run_id)

    def clear(self) -> None:
        """Forget every run."""
        with self._lock:
            self._runs.clear()
            self._asked.clear()
            self._children.clear()


@dataclass
class Workspace:
    """Everything a handler may ask. ``url``: where we serve. Holds no rules: those live with their API group."""

    config: Config
    url: str
    store: Store
    signal: Signal
    requests: RequestLog
    paths: WorkspacePaths
    runs: Runs
    engine: Engine
    sql: SqlEngine
    runner: Runner
    faults: Faults = field(default_factory=Faults)
    updates: Updates = field(default_factory=Updates)

    @property
    def hold_seconds(self) -> float:
        """How long a poll may be held now."""
        return min(self.config.hold_seconds, self.signal.patience)


def workspace_of(request: Request) -> Workspace:
    """The workspace that serves a request."""
    workspace: Workspace = request.app.state.workspace
    return workspace
