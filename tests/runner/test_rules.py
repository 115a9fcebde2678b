"""What a cluster and the settings make of a task's process: init scripts, access mode, memory, nothing left behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.lake.engine import Engine
from harness.runner.rules import Rules
from harness.runner.run import Result, Run, TaskRun
from tests.runner.conftest import Bench, another, gone, task
from tests.wheels import wheel

CLUSTER = {"spark_version": "17.3.x-scala2.13", "node_type_id": "i3.xlarge", "num_workers": 0}


@pytest.fixture(scope="module")
def ruled(engine: Engine, bench: Bench, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A runner that runs init scripts and gives each process 600 MB."""
    directory = tmp_path_factory.mktemp("rules")
    rules = Rules(standby=1, memory=600 << 20, init_scripts=True, clusters=directory / "clusters")
    with another(bench, directory, rules) as made:
        yield made


def scripts(*paths: str, **fields: Any) -> dict[str, Any]:
    """A cluster with init scripts."""
    return {**CLUSTER, "init_scripts": [{"workspace": {"destination": path}} for path in paths], **fields}


def on_cluster(bench: Bench, cluster: dict[str, Any], *sources: str) -> Run:
    """A run of notebooks, one after the other, on one job cluster."""
    tasks: list[dict[str, Any]] = []
    for number, source in enumerate(sources):
        path = bench.write(f"on_cluster_{number}.py", source)
        after = [{"task_key": f"t{number - 1}"}] if number else []
        body = {"notebook_path": path}
        tasks.append({"task_key": f"t{number}", "notebook_task": body, "job_cluster_key": "c", "depends_on": after})
    return bench.run(*tasks, job_clusters=[{"job_cluster_key": "c", "new_cluster": cluster}])


def log(task: TaskRun) -> str:
    return (Path(task.directory) / "log.txt").read_text()


# ---- init scripts -------------------------------------------------------------------------------


def test_init_scripts_run_once_for_a_cluster_in_their_order_and_are_told_of_it(ruled: Bench) -> None:
    (ruled.notebooks / "one.sh").write_text('echo "one $DB_IS_DRIVER $DB_CLUSTER_ID $TEAM" >> said\n')
    (ruled.notebooks / "two.sh").write_text("cat said; echo two >> said\n")
    cluster = scripts("/Shared/one.sh", "/Workspace/Shared/two.sh", spark_env_vars={"TEAM": "lake"})
    run = on_cluster(ruled, cluster, "print('first')", "print('second')")
    assert [task.state.result for task in run.tasks] == [Result.SUCCESS, Result.SUCCESS], run.tasks[0].output
    told = log(run.tasks[0])
    assert f"Init script /Workspace/Shared/two.sh has run.\none TRUE job-{run.job_id}-run-{run.run_id} lake" in told
    assert log(run.tasks[1]).strip() == "second"
    again = on_cluster(ruled, cluster, "print('another cluster')")
    assert "Init script /Shared/one.sh has run." in log(again.tasks[0])


def test_what_an_init_script_installs_its_clusters_tasks_import(ruled: Bench) -> None:
    wheel(ruled.notebooks, "harnesstest_init", "1.0", "NAME = 'from the script'")
    install = "/databricks/python/bin/pip install /Workspace/Shared/harnesstest_init-1.0-py3-none-any.whl\n"
    (ruled.notebooks / "pip.sh").write_text("#!/bin/bash\nset -e\n" + install + "python -m pip install packaging\n")
    uses = "import harnesstest_init\nprint(harnesstest_init.NAME)"
    run = on_cluster(ruled, scripts("/Shared/pip.sh"), uses, uses)
    assert [task.state.result for task in run.tasks] == [Result.SUCCESS, Result.SUCCESS], run.tasks[0].output
    assert log(run.tasks[1]).endswith("from the script\n")
    elsewhere = on_cluster(ruled, CLUSTER, uses)
    assert elsewhere.tasks[0].output.error == "ModuleNotFoundError: No module named 'harnesstest_init'"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("echo no such mirror >&2; exit 3", "Script exit status is non-zero (3).\nno such mirror"),
        ("pip uninstall -y pandas", "only `%pip install` is"),
        (None, "it cannot be read"),
    ],
)
def test_an_init_script_that_fails_fails_the_task_by_name(ruled: Bench, text: str | None, said: str) -> None:
    (ruled.notebooks / "bad.sh").unlink(missing_ok=True)
    if text is not None:
        (ruled.notebooks / "bad.sh").write_text(f"{text}\n")
    run = on_cluster(ruled, scripts("/Shared/bad.sh"), "print('never')")
    assert run.tasks[0].state.result is Result.FAILED
    error = run.tasks[0].output.error or ""
    assert error.startswith("InitScriptFailed: Cluster scoped init script /Shared/bad.sh failed: ")
    assert said in error
    assert "never" not in log(run.tasks[0])


def test_an_agent_that_an_init_script_starts_is_not_waited_for(ruled: Bench) -> None:
    agent = ruled.notebooks / "agent"
    (ruled.notebooks / "agent.sh").write_text(f"sleep 1000 &\necho $! > {agent}\necho started\n")
    run = on_cluster(ruled, scripts("/Shared/agent.sh"), "print('first')")
    assert run.tasks[0].state.result is Result.SUCCESS, run.tasks[0].output
    assert "agent.sh has run.\nstarted\n" in log(run.tasks[0])
    assert gone(int(agent.read_text()))


def test_init_scripts_do_not_run_unasked(bench: Bench) -> None:
    (bench.notebooks / "touch.sh").write_text(f"touch {bench.notebooks}/touched\n")
    run = on_cluster(bench, scripts("/Shared/touch.sh"), "print('ran')")
    assert run.tasks[0].state.result is Result.SUCCESS
    assert "The cluster's init scripts are not run: /Shared/touch.sh." in log(run.tasks[0])
    assert not (bench.notebooks / "touched").exists()


def test_wheels_on_one_cluster_run_in_one_folder(ruled: Bench) -> None:
    code = """
import pathlib
def left(): pathlib.Path("shared").write_text("x")
def found(): print(pathlib.Path("shared").read_text())
"""
    file = wheel(
        ruled.notebooks, "harnesstest_cwd", "1.0", code, left="harnesstest_cwd:left", found="harnesstest_cwd:found"
    )
    library = [{"whl": f"/Workspace/Shared/{file.name}"}]

    def entry(point: str, key: str, *after: str) -> dict[str, Any]:
        body = {"package_name": "harnesstest_cwd", "entry_point": point}
        first = {"depends_on": [{"task_key": upstream} for upstream in after]}
        return {
            "task_key": point + key,
            "python_wheel_task": body,
            "job_cluster_key": key,
            "libraries": library,
            **first,
        }

    clusters = [{"job_cluster_key": key, "new_cluster": CLUSTER} for key in ("a", "b")]
    run = ruled.run(
        entry("left", "a"), entry("found", "a", "lefta"), entry("found", "b", "lefta"), job_clusters=clusters
    )
    assert run.task("founda").state.result is Result.SUCCESS, run.task("founda").output
    assert "FileNotFoundError" in str(run.task("foundb").output.error)


# ---- access modes -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "attribute"),
    [
        ("sc.parallelize([1])", "sc"),
        ("sqlContext.sql('SELECT 1')", "sqlContext"),
        ("spark.sparkContext.defaultParallelism", "sparkContext"),
        ("spark.range(3).rdd.map(lambda row: row).collect()", "rdd"),
        ("spark._jvm.java.lang.System.getProperty('user.home')", "_jvm"),
        ("spark.range(1)._jdf.queryExecution()", "_jdf"),
    ],
)
def test_the_standard_access_mode_has_no_way_around_spark_connect(bench: Bench, code: str, attribute: str) -> None:
    cluster = {**CLUSTER, "data_security_mode": "USER_ISOLATION"}
    run = on_cluster(bench, cluster, code)
    error = run.tasks[0].output.error or ""
    assert error.startswith(f"PySparkAttributeError: [JVM_ATTRIBUTE_NOT_SUPPORTED] Attribute `{attribute}` is not"), (
        error
    )
    assert on_cluster(bench, {**CLUSTER, "data_security_mode": "SINGLE_USER"}, code).tasks[0].state.result is (
        Result.SUCCESS
    )


def test_dataframes_functions_and_sql_work_in_the_standard_access_mode(bench: Bench) -> None:
    code = """
from pyspark.sql import functions as F
from pyspark.sql.functions import udf
double = udf(lambda n: n * 2, "long")
frame = spark.range(3).withColumn("twice", double("id"))
frame.createOrReplaceTempView("v")
display(spark.sql("SELECT sum(twice) AS total FROM v"))
pandas = spark.createDataFrame(frame.toPandas()).groupBy().agg(F.sum("twice")).toPandas()
frame.mapInPandas(lambda frames: frames, frame.schema).cache().count()
dbutils.notebook.exit(str(pandas.iloc[0, 0]) + " " + spark.conf.get("spark.sql.session.timeZone"))
"""
    run = on_cluster(bench, {**CLUSTER, "data_security_mode": "DATA_SECURITY_MODE_STANDARD"}, code)
    assert run.tasks[0].state.result is Result.SUCCESS, run.tasks[0].output
    assert str(run.tasks[0].output.result).startswith("6 ")


# ---- memory -------------------------------------------------------------------------------------


def test_a_notebook_that_wants_more_memory_than_it_may_have_is_told_so(ruled: Bench) -> None:
    task = ruled.notebook("print(len(bytearray(100 << 20)))", "import numpy\nnumpy.ones(200 << 20)")
    assert task.state.result is Result.FAILED
    error = task.output.error or ""
    assert "MemoryError: " in error
    assert "(the process of a task may have 600 MB: the setting kernel_memory)" in error
    assert "cell 2, line 5" in str(task.output.place)
    assert ruled.notebook("print('the next has its own')").state.result is Result.SUCCESS


# ---- what tasks leave behind --------------------------------------------------------------------


def test_a_daemon_that_a_notebook_has_started_ends_with_it(bench: Bench) -> None:
    """It leads a session of its own, so that it is in no group of the notebook's, and nobody's child."""
    code = """
import subprocess, sys
inner = "import os, time; print(os.getpid(), flush=True); time.sleep(1000)"
middle = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {inner!r}], start_new_session=True)"
starter = subprocess.Popen([sys.executable, "-c", middle], stdout=subprocess.PIPE, text=True)
pid = starter.stdout.readline()
starter.wait()
dbutils.notebook.exit(pid)
"""
    task = bench.notebook(code)
    assert task.state.result is Result.SUCCESS, task.output
    assert gone(int(task.output.result or 0))


def test_processes_that_a_cancelled_task_goes_on_forking_end_and_the_next_task_runs(bench: Bench) -> None:
    started = bench.notebooks / "started"
    started.unlink(missing_ok=True)
    os.mkfifo(started)
    code = f"""
import os, time
pids = []
for _ in range(200):
    if (pid := os.fork()) == 0:
        os.setsid()
        time.sleep(1000)
        os._exit(0)
    pids.append(pid)
with open({str(started)!r}, "w") as told:
    print(*pids, file=told)
time.sleep(1000)
"""
    run = bench.start(task("forks", bench.write("forks.py", code)))
    pids = [int(pid) for pid in started.read_text().split()]
    assert len(pids) == 200
    bench.runner.cancel(run)
    bench.watch.wait(lambda: run.state.ended)
    assert all(gone(pid) for pid in pids)
    assert bench.notebook("print('still here')").state.result is Result.SUCCESS
