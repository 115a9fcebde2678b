"""Graphs, cancelling, time limits, retries and deaths, with real processes."""

from __future__ import annotations

import itertools
import os
import re
import select
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from harness.runner.render import RenderFailed
from harness.runner.rules import RULES
from harness.runner.run import LifeCycle, Result, Run, TaskRun
from tests.runner.conftest import another, gone

if TYPE_CHECKING:
    from conftest import Bench

NO_INDEX = "file:///no-such-index"
_numbers = itertools.count(1)

# Says that it runs (its process id, into a pipe), then goes on for longer than any test waits.
PYTHON = "import os, threading\nopen('{pipe}', 'w').write(str(os.getpid()))\nthreading.Event().wait(300)"
# The same from within a Spark job.
SPARK = """import os
def wait(pid):
    import threading
    open('{pipe}', 'w').write(str(pid))
    threading.Event().wait(300)

spark.sparkContext.parallelize([os.getpid()], 1).foreach(wait)"""


class Endless:
    """A notebook that does not end by itself, and tells when it runs."""

    def __init__(self, bench: Bench, code: str = PYTHON, before: str = "") -> None:
        self.pipe = bench.directory / f"pipe{next(_numbers)}"
        os.mkfifo(self.pipe)
        self._reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.path = bench.write(f"{self.pipe.name}.py", before, code.format(pipe=self.pipe))

    def started(self) -> psutil.Process:
        """Wait until it runs. Returns: its process."""
        ready, _, _ = select.select([self._reader], [], [], 60)
        assert ready, "the notebook did not start"
        pid = os.read(self._reader, 100)
        os.close(self._reader)
        return psutil.Process(int(pid))


def notebook(key: str, path: str, *after: str, **fields: object) -> dict[str, object]:
    depends_on = {"depends_on": [{"task_key": upstream} for upstream in after]} if after else {}
    return {"task_key": key, "notebook_task": {"notebook_path": path}, **depends_on, **fields}


def test_branches_run_side_by_side_and_values_flow_downstream(bench: Bench) -> None:
    # Opening a pipe waits for the other side: the two end only if they run at once.
    pipe = bench.directory / "meet"
    os.mkfifo(pipe)
    first = bench.write("left.py", f"open('{pipe}', 'w').close()", "dbutils.jobs.taskValues.set('rows', 3)")
    second = bench.write("right.py", f"open('{pipe}').close()")
    last = bench.write(
        "join.py",
        "print(dbutils.jobs.taskValues.get('left', 'rows'), dbutils.widgets.get('n'))",
        "print(dbutils.jobs.taskValues.get('left', 'none', default='d'))\ndbutils.jobs.taskValues.get('left', 'none')",
    )
    join = notebook("join", last, "left", "right")
    join["notebook_task"] = {"notebook_path": last, "base_parameters": {"n": "{{tasks.left.values.rows}}"}}
    run = bench.run(notebook("left", first), notebook("right", second), join)
    assert run.task("join").output.logs == "3 3\nd\n"
    assert run.task("join").output.error == (
        "ValueError: No task value 'none' of task 'left' in this run, and no default was given"
    )
    assert run.task("left").state.result is Result.SUCCESS
    assert run.task("join").start_time >= run.task("left").end_time
    assert run.state.message == "Task join failed with message: Workload failed, see run output for details."
    assert run.state.life_cycle is LifeCycle.INTERNAL_ERROR


def test_what_depends_on_a_failure_does_not_run(bench: Bench) -> None:
    bad, good = bench.write("bad_one.py", "1 / 0"), bench.write("good_one.py", "print('ran')")
    run = bench.run(
        notebook("a", bad), notebook("b", good, "a"), notebook("c", good, "a", run_if="AT_LEAST_ONE_FAILED")
    )
    assert [run.task(key).state.result for key in "abc"] == [Result.FAILED, Result.UPSTREAM_FAILED, Result.SUCCESS]
    assert run.task("b").output.logs == ""
    assert run.state.result is Result.FAILED


def test_a_missing_notebook_fails_the_run_with_the_services_words(bench: Bench) -> None:
    run = bench.run(notebook("only", "/Workspace/Shared/nowhere"))
    task = run.task("only")
    assert (task.state.life_cycle, task.state.result) == (LifeCycle.INTERNAL_ERROR, Result.FAILED)
    assert task.state.message.startswith('Unable to access the notebook "/Workspace/Shared/nowhere" in the workspace.')
    assert run.state.message == f"Task only failed with message: {task.state.message}."


def test_a_library_that_is_not_installed_fails_the_task_before_it_runs(bench: Bench) -> None:
    path = bench.write("library.py", "print('ran')")
    run = bench.run(notebook("only", path, libraries=[{"pypi": {"package": "no-such-package", "repo": NO_INDEX}}]))
    output = run.task("only").output
    assert output.logs == ""
    assert output.error is not None
    assert output.error.startswith("PackageNotInstalled: Installing no-such-package failed.")


def test_a_failing_task_is_tried_again_as_often_as_it_says(bench: Bench) -> None:
    marks = bench.directory / "marks"
    path = bench.write(
        "flaky.py",
        f"import pathlib\nm = pathlib.Path('{marks}')\nn = len(m.read_text()) if m.exists() else 0",
        "m.write_text('x' * (n + 1))",
        "assert n == 2, n",
    )
    run = bench.run(notebook("only", path, max_retries=3, min_retry_interval_millis=10), notebook("next", path, "only"))
    attempts = [task for task in run.tasks if task.task_key == "only"]
    assert [task.attempt for task in attempts] == [0, 1, 2]
    assert [task.state.result for task in attempts] == [Result.FAILED, Result.FAILED, Result.SUCCESS]
    assert len({task.run_id for task in attempts}) == len({task.directory for task in attempts}) == 3
    assert run.task("next").state.result is Result.FAILED


@pytest.mark.parametrize("code", [PYTHON, SPARK], ids=["python", "spark"])
def test_cancelling_kills_the_notebook_its_jobs_and_its_children_within_a_second(bench: Bench, code: str) -> None:
    bench.engine.wait_warm(60)  # its own jobs are over
    endless = Endless(bench, code, "import subprocess\nchild = subprocess.Popen(['sleep', '300'])")
    run = bench.start(notebook("only", endless.path), notebook("after", endless.path, "only"))
    kernel = endless.started()
    processes = [kernel, *kernel.children(recursive=True)]
    assert len(processes) == 2
    began = time.monotonic()
    bench.runner.cancel(run)
    bench.watch.wait(lambda: run.state.ended)
    seconds = time.monotonic() - began
    assert (run.state.life_cycle, run.state.result) == (LifeCycle.TERMINATED, Result.CANCELED)
    assert run.state.message == "Run cancelled."
    assert [task.state.result for task in run.tasks] == [Result.CANCELED, Result.CANCELED]
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive
    spark = bench.engine.root.sparkContext.statusTracker()
    while spark.getActiveJobsIds():  # Spark kills a task's threads in its own time
        assert time.monotonic() - began < 10, "its job goes on"
    # On a machine that is busy with other things only the order of magnitude can be held.
    assert seconds < (1.0 if os.getloadavg()[0] < 2 * (os.cpu_count() or 1) else 10.0)


def test_cancelling_one_task_lets_the_others_go_on(bench: Bench) -> None:
    first, second, quick = Endless(bench), Endless(bench), bench.write("quick.py", "print(1)")
    run = bench.start(notebook("a", first.path), notebook("b", second.path), notebook("c", quick, "a"))
    first.started()
    bench.runner.cancel(run, run.task("a"))
    bench.watch.wait(lambda: run.task("c").state.ended)
    assert run.task("a").state.result is Result.CANCELED
    assert run.task("c").state.result is Result.UPSTREAM_CANCELED
    assert second.started().is_running()
    bench.runner.cancel(run)
    bench.watch.wait(lambda: run.state.ended)


def test_what_is_cancelled_on_its_way_to_the_runner_does_not_run(bench: Bench) -> None:
    spec = notebook("only", bench.write("never.py", "print(1)"))
    for which in (None, 0):
        tasks = [TaskRun(31 + at, key, {**spec, "task_key": key}, "") for at, key in enumerate(("only", "other"))]
        run = Run(30, 7, "a run", {"tasks": [task.spec for task in tasks]}, tasks[: 1 if which == 0 else 2])
        bench.runner.cancel(run, None if which is None else tasks[which])
        bench.runner.submit(run)
        bench.watch.wait(lambda run=run: run.state.ended)
        assert run.state.result is Result.CANCELED
        assert {task.state.result for task in run.tasks} == {Result.CANCELED}
        assert {task.setup_duration for task in run.tasks} == {0}


def test_a_task_that_takes_too_long_is_killed_and_timed_out(bench: Bench) -> None:
    run = bench.run(notebook("only", Endless(bench).path, timeout_seconds=1))
    task = run.task("only")
    assert (task.state.life_cycle, task.state.result) == (LifeCycle.TERMINATED, Result.TIMEDOUT)
    assert task.state.message == "Timed out after 1 seconds."
    assert run.state.result is Result.FAILED


@pytest.mark.parametrize(("fields", "attempts"), [({"retry_on_timeout": True}, 2), ({}, 1)])
def test_a_task_that_timed_out_is_tried_again_only_when_it_says_so(
    bench: Bench, fields: dict[str, object], attempts: int
) -> None:
    bench.engine.wait(60)
    run = bench.run(notebook("only", Endless(bench).path, timeout_seconds=1, max_retries=1, **fields))
    assert [task.state.result for task in run.tasks] == [Result.TIMEDOUT] * attempts


def test_a_task_whose_run_is_out_of_time_or_that_was_cancelled_is_not_tried_again(bench: Bench) -> None:
    fields = {"max_retries": -1, "retry_on_timeout": True}
    run = bench.run(notebook("only", Endless(bench).path, **fields), timeout_seconds=1)
    assert [task.state.result for task in run.tasks] == [Result.TIMEDOUT]
    endless = Endless(bench)
    run = bench.start(notebook("only", endless.path, **fields))
    endless.started()
    bench.runner.cancel(run, run.task("only"))
    bench.watch.wait(lambda: run.state.ended)
    assert [task.state.result for task in run.tasks] == [Result.CANCELED]


def test_a_run_that_takes_too_long_is_timed_out_as_a_whole(bench: Bench) -> None:
    path = Endless(bench).path
    run = bench.run(notebook("a", path), notebook("b", path, "a"), timeout_seconds=1)
    assert (run.state.life_cycle, run.state.result) == (LifeCycle.TERMINATED, Result.TIMEDOUT)
    assert [task.state.result for task in run.tasks] == [Result.TIMEDOUT, Result.TIMEDOUT]


def test_a_killed_notebook_process_is_told_with_its_signal(bench: Bench) -> None:
    endless = Endless(bench, before="print('before')")
    run = bench.start(notebook("only", endless.path))
    endless.started().kill()
    bench.watch.wait(lambda: run.state.ended)
    output = run.task("only").output
    assert output.error == "The notebook process ended unexpectedly (signal 9, SIGKILL)."
    assert output.logs == "before\n"
    assert run.state.result is Result.FAILED


def test_a_notebook_that_ends_its_own_process_fails(bench: Bench) -> None:
    task = bench.notebook("import os\nos._exit(0)")
    assert task.state.result is Result.FAILED
    assert task.output.error == "The notebook process ended unexpectedly (exit code 0)."


def test_nothing_that_a_notebook_started_outlives_it(bench: Bench) -> None:
    task = bench.notebook("import subprocess\nprint(subprocess.Popen(['sleep', '300']).pid)")
    assert gone(int(task.output.logs))


def test_killing_the_fork_server_fails_its_tasks_and_another_takes_its_place(bench: Bench) -> None:
    endless = Endless(bench)
    run = bench.start(notebook("only", endless.path))
    kernel = endless.started()
    os.kill(bench.runner.status()["forks"]["pid"], signal.SIGKILL)
    bench.watch.wait(lambda: run.state.ended)
    error = run.task("only").output.error
    assert error == "The notebook process ended unexpectedly: the process that notebooks are forked from ended."
    _, alive = psutil.wait_procs([kernel], timeout=5)
    assert not alive
    assert bench.notebook("print('again')").output.logs == "again\n"


def test_the_secrets_of_a_task_do_not_stay_on_disk(bench: Bench) -> None:
    task = bench.notebook("print(1)")
    assert not (Path(task.directory) / "spec.json").exists()


def test_more_tasks_than_places_all_run(bench: Bench) -> None:
    path = bench.write("quick.py", "print(1)")
    run = bench.run(*[notebook(str(i), path) for i in range(12)])
    assert [task.output.logs for task in run.tasks] == ["1\n"] * 12
    assert bench.runner.status()["free"] == 8


def test_the_executed_notebook_becomes_a_page(bench: Bench) -> None:
    task = bench.notebook("import matplotlib.pyplot as plt\nplt.plot([1, 2])", "1 / 0")
    page = bench.runner.html(task)
    assert page is not None
    html = page.read_text()
    assert "data:image/png;base64," in html
    assert "ZeroDivisionError" in html
    assert not re.search(r"<(script|link|img)[^>]*(src|href)=\"?https?:", html)
    assert "@import" not in html


def test_a_run_ends_although_the_page_of_its_notebook_cannot_be_made(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "renderer.log").mkdir()  # so its process cannot begin
    with another(bench, tmp_path, RULES) as made:
        task = made.notebook("print('done')")
        assert (task.state.result, task.output.logs) == (Result.SUCCESS, "done\n")
        with pytest.raises(RenderFailed, match="Is a directory"):
            made.runner.html(task)


@pytest.mark.slow
def test_when_spark_dies_its_tasks_fail_with_the_reason_and_the_next_ones_run(bench: Bench) -> None:
    endless = Endless(bench, SPARK)
    run = bench.start(notebook("only", endless.path))
    endless.started()
    os.kill(bench.engine.status()["pid"], signal.SIGKILL)
    bench.watch.wait(lambda: run.state.ended)
    task = run.task("only")
    assert (task.state.life_cycle, task.state.result) == (LifeCycle.INTERNAL_ERROR, Result.FAILED)
    assert "was killed by SIGKILL" in (task.output.error or "")
    assert bench.notebook("print(spark.range(3).count())").output.logs == "3\n"


@pytest.mark.slow
def test_a_task_whose_spark_died_is_tried_again_as_often_as_it_says(bench: Bench) -> None:
    mark = bench.directory / "mark-of-the-dead"
    once = f"import pathlib\nmark = pathlib.Path('{mark}')\nif mark.exists(): dbutils.notebook.exit('again')"
    endless = Endless(bench, SPARK, f"{once}\nmark.touch()")
    run = bench.start(notebook("only", endless.path, max_retries=1))
    endless.started()
    os.kill(bench.engine.status()["pid"], signal.SIGKILL)
    bench.watch.wait(lambda: run.state.ended)
    assert [task.state.result for task in run.tasks] == [Result.FAILED, Result.SUCCESS]
    assert run.tasks[0].state.message.startswith("Spark ended unexpectedly.")
    assert run.state.result is Result.SUCCESS


@pytest.mark.slow
def test_a_notebook_that_finds_spark_dead_is_told_why_it_died(bench: Bench) -> None:
    bench.engine.wait(60)
    kill = "import os, signal\nos.kill(int(dbutils.widgets.get('jvm')), signal.SIGKILL)\n"
    task = bench.notebook(
        kill + "while True: spark.range(1).count()", parameters={"jvm": str(bench.engine.status()["pid"])}
    )
    assert (task.state.life_cycle, task.state.result) == (LifeCycle.INTERNAL_ERROR, Result.FAILED)
    assert task.state.message.startswith("Spark ended unexpectedly.")
    assert "was killed by SIGKILL" in (task.output.error or "")
