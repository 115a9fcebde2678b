"""A runner over a real engine and a real fork server; the tests see what the workspace would see."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.lake.engine import Engine, EngineConfig
from harness.lake.paths import WorkspacePaths
from harness.lake.s3 import S3Endpoint
from harness.runner.rules import Rules
from harness.runner.run import Run, TaskRun
from harness.runner.runner import Runner
from harness.settings import user_cache

SOURCE = "# Databricks notebook source\n"
CELL = "\n# COMMAND ----------\n"
SECONDS = 60.0

_ids = itertools.count(1)


class Watch:
    """Takes the runner's notes of change, and lets a test wait for a state."""

    def __init__(self) -> None:
        self._changed = threading.Condition()

    def changed(self, run: Run) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait(self, until: Callable[[], bool], seconds: float = SECONDS) -> None:
        with self._changed:
            assert self._changed.wait_for(until, seconds), "it did not happen in time"


@dataclass
class Bench:
    """A runner, the folder its notebooks rest in, and a way to run them."""

    runner: Runner
    engine: Engine
    notebooks: Path
    directory: Path
    watch: Watch

    def write(self, name: str, *cells: str) -> str:
        """Write a source notebook. Returns: its workspace path, without suffix."""
        path = self.notebooks / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SOURCE + CELL.join(cells) if path.suffix == ".py" else cells[0])
        return f"/Workspace/Shared/{name.rpartition('.')[0]}"

    def start(self, *tasks: Mapping[str, Any], kind: str = "SUBMIT_RUN", **settings: Any) -> Run:
        """Submit a run of tasks."""
        parameters = settings.pop("run_parameters", {})
        first = next(_ids) * 100
        records = [
            TaskRun(first + at, str(task["task_key"]), dict(task), str(self.directory / "runs" / str(first + at)))
            for at, task in enumerate(tasks, 1)
        ]
        run = Run(first, 7, "a run", {**settings, "tasks": list(tasks)}, records, run_type=kind, parameters=parameters)
        self.runner.submit(run)
        return run

    def run(self, *tasks: Mapping[str, Any], **settings: Any) -> Run:
        """Submit a run and wait for its end."""
        run = self.start(*tasks, **settings)
        self.watch.wait(lambda: run.state.ended)
        return run

    def notebook(self, *cells: str, parameters: Mapping[str, str] | None = None, name: str = "") -> TaskRun:
        """Write a notebook of Python cells, run it, and return its task run."""
        path = self.write(name or f"notebook{next(_ids)}.py", *cells)
        return self.run(task("only", path, base_parameters=dict(parameters or {}))).task("only")


def task(key: str, path: str, *, after: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    """A notebook task."""
    body = {"notebook_path": path}
    if "base_parameters" in fields:
        body["base_parameters"] = fields.pop("base_parameters")
    depends_on = {"depends_on": [{"task_key": upstream} for upstream in after]} if after else {}
    return {"task_key": key, "notebook_task": body, **depends_on, **fields}


def executed(task: TaskRun) -> list[dict[str, Any]]:
    """The cells of a task's executed notebook."""
    document: dict[str, Any] = json.loads((Path(task.directory) / "executed.ipynb").read_text())
    cells: list[dict[str, Any]] = document["cells"]
    return cells


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Spark. Its catalogs lead nowhere: these tests make no tables."""
    config = EngineConfig(
        directory=tmp_path_factory.mktemp("engine"),
        cache=user_cache(),
        catalog_url="http://127.0.0.1:9",
        token="none",
        s3=S3Endpoint("http://127.0.0.1:9", "key", "secret"),
        cores=2,
    )
    engine = Engine(config)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="session")
def bench(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A runner over the engine, and a mounted folder."""
    notebooks, directory, watch = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("runner"), Watch()
    runner = Runner(
        engine,
        WorkspacePaths({"/Workspace/Shared": notebooks}),
        directory,
        "http://127.0.0.1:9",
        "token",
        "",
        watch.changed,
        "me@example.com",
    )
    runner.start()
    yield Bench(runner, engine, notebooks, directory, watch)
    runner.stop()


def gone(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    try:
        psutil.Process(pid).wait(5)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


@contextlib.contextmanager
def another(bench: Bench, directory: Path, rules: Rules) -> Iterator[Bench]:
    """A runner by other rules, over the same engine and notebooks."""
    paths = WorkspacePaths({"/Workspace/Shared": bench.notebooks})
    changed, url = bench.watch.changed, "http://127.0.0.1:9"
    runner = Runner(bench.engine, paths, directory, url, "token", "", changed, "me@example.com", rules=rules)
    runner.start()
    yield replace(bench, runner=runner, directory=directory)
    runner.stop()
