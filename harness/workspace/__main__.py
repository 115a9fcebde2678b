"""The workspace process, ``python -m harness.workspace``: started by the stack, ends with it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import signal
import sys
import threading
from functools import partial
from pathlib import Path

from harness.lake.engine import Engine, EngineConfig, EngineFailed
from harness.lake.faults import Faults
from harness.lake.paths import WorkspacePaths
from harness.lake.s3 import S3Endpoint
from harness.lake.sql.frontend import SCRIPTED
from harness.lake.sql.operations import SqlEngine
from harness.process import Lifeline
from harness.runner.run import Run
from harness.runner.runner import Runner
from harness.workspace import control, faults, launch, thrift
from harness.workspace.app import Server
from harness.workspace.longpoll import Signal
from harness.workspace.requestlog import RequestLog
from harness.workspace.state import Config, Runs, Workspace
from harness.workspace.store import Store
from harness.workspace.taskservice import TaskService

# The parent waits ten seconds before it kills us (harness.process.STOP_SECONDS).
STOP_SECONDS = 8.0

log = logging.getLogger("harness.workspace")


def engine_config(config: Config, url: str, catalogs: list[str]) -> EngineConfig:
    """What the engine is told. Empty texts of the settings stand for "not set"."""
    given = config.engine
    return EngineConfig(
        directory=config.directory / "engine",
        cache=Path(given["cache"]),
        catalog_url=url,
        token=config.token,
        s3=S3Endpoint(**config.s3),
        java_home=Path(given["java_home"]) if given["java_home"] else None,
        mirror=given["mirror"] or None,
        cores=given["cores"],
        memory=given["memory"],
        class_archive=given["class_archive"],
        catalogs=catalogs,
        default_catalog=config.default_catalog,
        folders=WorkspacePaths(config.folders).roots,
        user=config.user,
        conf={"spark.harness.families": ",".join(SCRIPTED)},
    )


def compose(config: Config, url: str) -> Workspace:
    """The workspace of a configuration, with its records loaded and nothing started yet."""
    store, changes = Store(config.directory / "workspace.db"), Signal()
    paths = WorkspacePaths(config.folders)
    # Catalogs made in a former life are among the records.
    kept = [catalog["name"] for catalog in store.all("catalog")]
    asked = Faults()
    engine = Engine(engine_config(config, url, sorted({*config.catalogs, *kept})))

    def changed(run: Run) -> None:
        launch.progressed(workspace, run)

    workspace = Workspace(
        config=config,
        url=url,
        store=store,
        signal=changes,
        requests=RequestLog(),
        paths=paths,
        runs=Runs(store, changes),
        engine=engine,
        sql=SqlEngine(engine, paths, around=partial(faults.around_statement, asked)),
        runner=Runner(
            engine,
            paths,
            config.directory / "logs",
            url,
            config.token,
            config.kernel_python,
            changed,
            config.user,
            str(config.org_id),
            TaskService(lambda: workspace),
            partial(faults.around_task, asked),
            config.mlflow,
            config.rules,
        ),
        faults=asked,
    )
    workspace.runs.load()
    control.seed(workspace)
    return workspace


def start(workspace: Workspace) -> None:
    """Begin to start what works behind the server; whatever needs Spark waits for it."""
    workspace.engine.start()
    workspace.runner.start()
    thrift.warm_up()

    def watch() -> None:
        with contextlib.suppress(EngineFailed):  # its status says why
            workspace.engine.wait()
        workspace.signal.notify("engine")

    def watch_boot(crash: str = "") -> None:
        threading.Thread(target=watch, name="engine-watch", daemon=True).start()

    workspace.engine.on_crash(watch_boot)
    watch_boot()


def stop(workspace: Workspace) -> None:
    """End what works behind the server, in the reverse order of their needs."""
    for part in (workspace.runner, workspace.sql, workspace.engine):
        try:
            part.stop()
        except Exception:
            log.exception("%s did not stop", type(part).__name__)
    workspace.store.close()


def leave(workspace: Workspace, code: int) -> None:
    """End the process; a directory that nobody keeps goes first, since a parent that was killed cannot remove it."""
    if workspace.config.ephemeral:
        shutil.rmtree(workspace.config.directory, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    # Not by return: worker threads that still wait for an answer from Spark would be waited for.
    os._exit(code)


def main() -> None:
    lifeline = Lifeline.adopt()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sock, *tls = lifeline.sockets
    host, port = sock.getsockname()
    # Our own parts, and notebooks, reach us on this machine, on whatever else we listen.
    url = f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}"
    workspace = compose(Config.of(lifeline.config), url)
    server = Server(workspace, listening=lambda: lifeline.ready(url=url), tls=tls[0] if tls else None)

    def end() -> None:
        # A call that hangs in Spark must not keep us: the parent is gone or waits.
        watchdog = threading.Timer(STOP_SECONDS, leave, (workspace, 1))
        watchdog.daemon = True
        watchdog.start()
        server.stop()

    signal.signal(signal.SIGTERM, lambda *_: end())
    lifeline.on_parent_gone(end)
    start(workspace)
    server.run([sock])
    stop(workspace)
    leave(workspace, 0)


if __name__ == "__main__":
    main()
