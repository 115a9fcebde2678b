"""Kernels that stand by: claimed by the next task, like any other to it, replaced, and gone with the runner."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.lake.engine import Engine
from harness.runner.rules import Rules
from harness.runner.run import Result, Run, TaskRun
from tests.runner.conftest import SECONDS, Bench, another, gone

TELLS = """import json, os
seen = {
    "pid": os.getpid(), "cwd": os.getcwd(), "widget": dbutils.widgets.get("w"), "variable": os.environ.get("HERE"),
    "conf": spark.conf.get("spark.custom.one", None), "views": [t.name for t in spark.catalog.listTables()],
    "catalogs": [row[0] for row in spark.sql("show catalogs").collect()],
    "log": os.path.realpath("/proc/self/fd/1"),
}
spark.range(1).createOrReplaceTempView("mine")
spark.conf.set("spark.custom.one", "left behind")
dbutils.notebook.exit(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def ready(engine: Engine, bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A runner with a kernel that stands by."""
    directory = tmp_path_factory.mktemp("standby")
    with another(bench, directory, Rules(standby=1)) as made:
        yield made


def waiting(ready: Bench) -> int:
    """The process that stands by."""
    standby = ready.runner._standby
    assert standby.wait_full(2 * SECONDS)
    fork = standby._ready[0].fork
    assert fork is not None
    assert fork.begun.wait(SECONDS)
    return fork.pid


def told(ready: Bench, **parameters: str) -> dict[str, Any]:
    """What a task sees that claims the kernel."""
    cluster = {"spark_env_vars": {"HERE": "here"}, "spark_conf": {"spark.custom.one": "1"}, "spark_version": "17.3.x"}
    path = ready.write("folder/tells.py", TELLS)
    body = {"notebook_path": path, "base_parameters": {"w": "v", **parameters}}
    run = ready.run({"task_key": "t", "notebook_task": body, "new_cluster": cluster})
    assert run.tasks[0].state.result is Result.SUCCESS, run.tasks[0].output
    seen: dict[str, Any] = json.loads(run.tasks[0].output.result or "")
    assert seen["log"] == str((Path(run.tasks[0].directory) / "log.txt").resolve())
    return seen


def test_a_task_claims_the_kernel_that_stands_by_and_finds_it_new(ready: Bench) -> None:
    first = waiting(ready)
    assert ready.runner.status()["forks"] == {**ready.runner.status()["forks"], "tasks": 0, "standby": 1}
    seen = told(ready)
    assert seen["pid"] == first
    second = waiting(ready)
    assert second != first
    again = told(ready, w="other")
    assert again["pid"] == second
    for found, widget in ((seen, "v"), (again, "other")):
        assert found["cwd"] == str(ready.notebooks / "folder")
        assert (found["widget"], found["variable"], found["conf"]) == (widget, "here", "1")
        assert "mine" not in found["views"]


def test_a_kernel_that_has_died_meanwhile_is_passed_over(ready: Bench) -> None:
    pid = waiting(ready)
    fork = ready.runner._standby._ready[0].fork
    assert fork is not None
    os.kill(pid, signal.SIGKILL)
    assert fork.wait(SECONDS)
    assert told(ready)["pid"] != pid


def test_a_kernel_from_before_a_catalog_is_passed_over(ready: Bench) -> None:
    pid = waiting(ready)
    ready.engine.add_catalog("new_catalog")
    seen = told(ready)
    assert (seen["pid"] != pid, "new_catalog" in seen["catalogs"]) == (True, True)
    pid = waiting(ready)
    ready.engine.remove_catalog("new_catalog")
    seen = told(ready)
    assert (seen["pid"] != pid, "new_catalog" in seen["catalogs"]) == (True, False)


def test_a_kernel_whose_task_cannot_be_told_to_it_does_not_wait_on(ready: Bench) -> None:
    process = psutil.Process(waiting(ready))
    spec = {"task_key": "t", "notebook_task": {"notebook_path": ready.write("untold.py", "print(1)")}}
    task = TaskRun(41, "t", spec, str(ready.directory / "untold"))
    (ready.directory / "untold" / "spec.json").mkdir(parents=True)  # so it cannot be written
    run = Run(40, 7, "a run", {"tasks": [spec]}, [task])
    ready.runner.submit(run)
    ready.watch.wait(lambda: run.state.ended)
    assert (task.state.result, task.state.message.partition("]")[2][:16]) == (Result.FAILED, " Is a directory:")
    assert gone(process.pid)


def test_kernels_that_stand_by_end_with_the_runner(ready: Bench) -> None:
    process = psutil.Process(waiting(ready))
    ready.runner.stop()
    process.wait(SECONDS)
    assert ready.runner.status()["forks"]["standby"] == 0
