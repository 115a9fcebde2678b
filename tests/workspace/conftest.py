"""A workspace served over real HTTP, for unmodified clients.

Spark is not needed to test the wire: where a run has to move, a stand-in for the runner moves the *record*; that code
is executed is asserted in tests/runner and through the whole stack, never here.
"""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import httpx2
import pytest
from databricks import sql as connector
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.iam import ComplexValue

from harness.lake.paths import WorkspacePaths
from harness.process import bind
from harness.runner.run import LifeCycle, Result, Run, State, TaskRun, now
from harness.workspace import control, launch
from harness.workspace.app import Server
from harness.workspace.longpoll import Signal
from harness.workspace.requestlog import RequestLog
from harness.workspace.state import Config, Runs, Workspace
from harness.workspace.store import Store

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    from harness.stack import Stack

TOKEN = "dapi-test-token"
CLIENT_ID = "6f1c1b52-9f0e-4a7e-8f5e-0d6c8b1f2a3c"
CLIENT_SECRET = "dose-test-secret"


@dataclass
class HandRunner:
    """Takes runs and lets the test move their records by hand. Executes nothing."""

    workspace: Workspace | None = None
    submitted: list[Run] = field(default_factory=list)
    taken: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def submit(self, run: Run) -> None:
        run.state = State(LifeCycle.PENDING)
        self.submitted.append(run)
        self.taken.release()

    def cancel(self, run: Run, task: TaskRun | None = None) -> None:
        self.end(run, Result.CANCELED, "Run cancelled.")

    def status(self) -> dict[str, Any]:
        return {"active": 0}

    def html(self, task: TaskRun) -> Path | None:
        page = Path(task.directory) / "executed.html"
        return page if page.is_file() else None

    def start(self, run: Run) -> None:
        for task in run.tasks:
            task.start_time = now()
            task.state = State(LifeCycle.RUNNING)
        run.state = State(LifeCycle.RUNNING)
        self._changed(run)

    def end_task(self, run: Run, task: TaskRun, result: Result = Result.SUCCESS, message: str = "") -> None:
        task.end_time = now()
        task.state = State(LifeCycle.TERMINATED, result, message)
        self._changed(run)

    def end(self, run: Run, result: Result = Result.SUCCESS, message: str = "") -> None:
        for task in run.tasks:
            if not task.state.ended:
                task.start_time = task.start_time or now()
                task.end_time = now()
                task.state = State(LifeCycle.TERMINATED, result, message)
        run.end_time = now()
        run.state = State(LifeCycle.TERMINATED, result, message)
        self._changed(run)

    def next(self) -> Run:
        """The next run that was handed over."""
        assert self.taken.acquire(timeout=10), "no run was submitted"
        return self.submitted[-1]

    def _changed(self, run: Run) -> None:
        assert self.workspace is not None
        launch.progressed(self.workspace, run)


class WatchedSignal(Signal):
    """Tells the test when a poll begins to be held."""

    def __init__(self) -> None:
        super().__init__()
        self.held: queue.Queue[Hashable] = queue.Queue()

    async def wait(self, key: Hashable, until: Callable[[], bool], seconds: float) -> bool:
        if not until():
            self.held.put(key)
        return await super().wait(key, until, seconds)

    def wait_held(self, key: Hashable) -> None:
        while self.held.get(timeout=10) != key:
            pass


@dataclass
class IdleEngine:
    """An engine that was not started: these tests ask for no Spark. It says what it is told to."""

    state: str = "ready"
    error: str | None = None

    def status(self) -> dict[str, Any]:
        return {"state": self.state, "error": self.error}

    def clear_caches(self) -> None: ...

    def add_catalog(self, name: str) -> None: ...

    def remove_catalog(self, name: str) -> None: ...


class IdleSql:
    """A SQL engine without sessions."""

    def status(self) -> dict[str, Any]:
        return {"sessions": 0}

    def reset(self) -> None: ...


@dataclass
class Service:
    """A served workspace and its hand-moved runner."""

    url: str
    workspace: Workspace
    runner: HandRunner
    mount: Path


def config(directory: Path, mount: Path) -> Config:
    return Config.of(
        {
            "token": TOKEN,
            "org_id": "1",
            "user": "me@example.com",
            "directory": str(directory),
            "s3": {"url": "", "access_key": "", "secret_key": ""},
            "roots": {"/Workspace/Shared/pipelines": str(mount)},
            "warehouses": [{"id": "local", "name": "Local Warehouse"}],
            "catalogs": ["main", "hive_metastore"],
            "default_catalog": "main",
            "engine": {},
            "kernel_python": "",
            "hosts": ["adb-123.azuredatabricks.net"],
            "hold_seconds": 20.0,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "secrets": {"Seeded/password": "from the settings"},
        }
    )


def compose(settings: Config, url: str) -> tuple[Workspace, HandRunner]:
    store, signal, runner = Store(settings.directory / "workspace.db"), WatchedSignal(), HandRunner()
    workspace = Workspace(
        config=settings,
        url=url,
        store=store,
        signal=signal,
        requests=RequestLog(),
        paths=WorkspacePaths(settings.folders),
        runs=Runs(store, signal),
        engine=cast(Any, IdleEngine()),
        sql=cast(Any, IdleSql()),
        runner=cast(Any, runner),
    )
    runner.workspace = workspace
    workspace.runs.load()
    control.seed(workspace)
    return workspace, runner


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A workspace listening on a free port of loopback."""
    directory, mount = tmp_path_factory.mktemp("workspace"), tmp_path_factory.mktemp("pipelines")
    (mount / "load.py").write_text("# Databricks notebook source\nprint(1)\n")
    (mount / "helpers.py").write_text("X = 1\n")
    sock = bind()
    url = f"http://127.0.0.1:{sock.getsockname()[1]}"
    workspace, runner = compose(config(directory, mount), url)
    listening = threading.Event()
    server = Server(workspace, listening.set)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    assert listening.wait(20), "the server did not start"
    yield Service(url, workspace, runner, mount)
    server.stop()
    thread.join(20)
    assert not thread.is_alive(), "the server did not stop"
    workspace.store.close()
    sock.close()


@pytest.fixture
def engine(service: Service) -> Iterator[IdleEngine]:
    """The stand-in for Spark; ready again after the test."""
    engine = cast(IdleEngine, service.workspace.engine)
    yield engine
    engine.state, engine.error = "ready", None


@pytest.fixture
def w(service: Service) -> WorkspaceClient:
    """The Databricks SDK, unmodified."""
    return WorkspaceClient(host=service.url, token=TOKEN)


@pytest.fixture
def http(service: Service) -> Iterator[httpx2.Client]:
    """Raw HTTP with the token, for what no client would send."""
    with httpx2.Client(base_url=service.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30) as client:
        yield client


@pytest.fixture
def hook_of(service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], DatabricksHook]:
    """Makes Airflow's hook, unmodified, as the operator of that name makes it."""
    # Not at the top: Airflow must not be imported before the plugin has set its home.
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    host, _, port = service.url.removeprefix("http://").partition(":")
    connection = {"conn_type": "databricks", "host": host, "port": int(port), "schema": "http", "password": TOKEN}
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_DEFAULT", json.dumps(connection))
    return lambda caller: DatabricksHook("databricks_default", caller=caller)


@pytest.fixture
def robot(clean_stack: Stack, workspace: WorkspaceClient) -> Iterator[tuple[str, Callable[..., list[Any]]]]:
    """A service principal in the group ``readers``: its name, and what runs its statements."""
    made = workspace.service_principals.create(display_name="robot")
    workspace.groups.create(display_name="readers", members=[ComplexValue(value=made.id)])
    name = made.application_id or ""
    secret = workspace.service_principal_secrets_proxy.create(made.id or "").secret
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    answer = httpx2.post(f"{clean_stack.workspace_url}/oidc/v1/token", data=form, auth=(name, secret or ""))
    path = f"/sql/1.0/warehouses/{clean_stack.warehouse_id}"
    options = {"_connection_uri": clean_stack.workspace_url + path, "enable_telemetry": False}
    with connector.connect("127.0.0.1", path, answer.json()["access_token"], **options) as connection:

        def run(statement: str, parameters: Any = None) -> list[Any]:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return list(cursor.fetchall()) if cursor.description else []

        yield name, run
