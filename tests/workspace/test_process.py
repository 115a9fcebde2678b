"""The whole workspace process, Spark and kernels behind it, through the SDK: what ran is what the records say."""

from __future__ import annotations

import base64
import os
import signal
import urllib.parse
import urllib.request
from pathlib import Path

import httpx2
import psutil
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service import jobs as sdk
from databricks.sdk.service.sql import StatementState
from databricks.sdk.service.workspace import Language

from harness.settings import Settings
from harness.stack import Stack

pytestmark = pytest.mark.slow

HOME = "/Users/harness@localhost"
MARK = "# Databricks notebook source\n"


@pytest.fixture
def w(clean_stack: Stack) -> WorkspaceClient:
    return WorkspaceClient(host=clean_stack.workspace_url, token=clean_stack.token)


def notebook(w: WorkspaceClient, name: str, source: str) -> sdk.NotebookTask:
    content = base64.b64encode((MARK + source).encode()).decode()
    w.workspace.import_(f"{HOME}/{name}", content=content, language=Language.PYTHON)
    return sdk.NotebookTask(f"{HOME}/{name}", base_parameters={"n": "3"})


def run_one(w: WorkspaceClient, task: sdk.NotebookTask) -> tuple[sdk.Run, sdk.RunOutput]:
    """Submit one notebook task and wait for its end, however it ends."""
    waiter = w.jobs.submit(run_name="one", tasks=[sdk.SubmitTask("only", notebook_task=task)])
    run = ended(w, waiter.run_id)
    assert run.tasks is not None
    assert run.tasks[0].run_id is not None
    return run, w.jobs.get_run_output(run.tasks[0].run_id)


def ended(w: WorkspaceClient, run_id: int) -> sdk.Run:
    """The run once it has ended, by reads that the workspace holds until then, as it holds those of triggers."""
    headers = {**w.config.authenticate(), "User-Agent": "test operator/DatabricksExecutionTrigger"}
    url = f"{w.config.host}/api/2.2/jobs/runs/get"
    while True:
        answer = httpx2.request("GET", url, json={"run_id": run_id}, headers=headers, timeout=120)
        if answer.raise_for_status().json()["end_time"]:
            return w.jobs.get_run(run_id)


def started(w: WorkspaceClient, warehouse_id: str) -> str:
    """The state of a warehouse once it is not starting, by the held read of Airflow's operator."""
    headers = {**w.config.authenticate(), "User-Agent": "test operator/DatabricksStartWarehouseOperator"}
    url = f"{w.config.host}/api/2.0/sql/warehouses/{warehouse_id}"
    answer = httpx2.get(url, headers=headers, timeout=100)
    return str(answer.raise_for_status().json()["state"])


def serving(stack: Stack) -> psutil.Process:
    """The workspace process of a stack: the one of our children that listens on its port."""
    port = urllib.parse.urlsplit(stack.workspace_url).port
    (process,) = [
        child
        for child in psutil.Process().children()
        if child.status() != psutil.STATUS_ZOMBIE
        and "harness.workspace" in child.cmdline()
        and port in {c.laddr.port for c in child.net_connections()}
    ]
    return process


def sql(w: WorkspaceClient, statement: str) -> list[list[str]]:
    answer = w.statement_execution.execute_statement(statement, "local", wait_timeout="50s")
    assert answer.status is not None
    assert answer.status.state is StatementState.SUCCEEDED, answer.status
    return (answer.result.data_array if answer.result else None) or []


def test_a_notebook_returns_its_exit_value_its_log_and_its_page(w: WorkspaceClient) -> None:
    source = "print('hello')\ndbutils.notebook.exit(str(spark.range(int(dbutils.widgets.get('n'))).count()))\n"
    run, output = run_one(w, notebook(w, "counts", source))
    assert run.state is not None
    assert (run.state.life_cycle_state, run.state.result_state) == (
        sdk.RunLifeCycleState.TERMINATED,
        sdk.RunResultState.SUCCESS,
    )
    assert output.notebook_output == sdk.NotebookOutput(result="3", truncated=False)
    assert output.logs == "hello\n"
    assert output.error is None
    assert run.tasks is not None
    views = w.jobs.export_run(run.tasks[0].run_id or 0).views or []
    assert "hello" in (views[0].content or "")
    link = urllib.parse.urlsplit(run.tasks[0].run_page_url or "")
    key = urllib.parse.parse_qs(link.query)["key"][0]
    page = f"{link.scheme}://{link.netloc}/_view/runs/{run.tasks[0].run_id}/notebook?key={key}"
    with urllib.request.urlopen(page, timeout=30) as answer:
        assert b"hello" in answer.read()


def test_a_failing_notebook_says_which_exception_and_where(w: WorkspaceClient) -> None:
    run, output = run_one(w, notebook(w, "fails", "x = 1\n# COMMAND ----------\nraise KeyError('missing column')\n"))
    assert run.state is not None
    assert (run.state.life_cycle_state, run.state.result_state) == (
        sdk.RunLifeCycleState.INTERNAL_ERROR,
        sdk.RunResultState.FAILED,
    )
    assert run.state.state_message == "Task only failed with message: Workload failed, see run output for details."
    assert output.error is not None
    assert "KeyError" in output.error
    assert "missing column" in output.error
    assert "raise KeyError('missing column')" in (output.error_trace or "")


def test_a_cancelled_notebook_stops(w: WorkspaceClient, tmp_path: Path) -> None:
    fifo = tmp_path / "began"
    os.mkfifo(fifo)
    source = f"open({str(fifo)!r}, 'w').close()\nimport threading\nthreading.Event().wait()\n"
    waiter = w.jobs.submit(tasks=[sdk.SubmitTask("waits", notebook_task=notebook(w, "waits", source))])
    fifo.open().close()  # opens when the notebook opens it
    w.jobs.cancel_run(waiter.run_id)
    run = ended(w, waiter.run_id)
    assert run.state is not None
    assert run.state.result_state is sdk.RunResultState.CANCELED
    assert run.state.user_cancelled_or_timedout


def test_a_reset_ends_a_running_notebook_before_it_answers(
    w: WorkspaceClient, clean_stack: Stack, tmp_path: Path
) -> None:
    fifo = tmp_path / "began"
    os.mkfifo(fifo)
    told = f"import os\nwith open({str(fifo)!r}, 'w') as f: f.write(str(os.getpid()))\n"
    source = told + "import threading\nthreading.Event().wait()\n"
    w.jobs.submit(tasks=[sdk.SubmitTask("waits", notebook_task=notebook(w, "waits", source))])
    pid = int(fifo.read_text())
    clean_stack.reset()
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_what_spark_makes_is_what_unity_catalog_tells_and_the_other_way_round(w: WorkspaceClient) -> None:
    sql(w, "CREATE TABLE main.default.made (id INT NOT NULL, name STRING COMMENT 'who') COMMENT 'a table'")
    table = w.tables.get("main.default.made")
    assert table.comment == "a table"
    assert [(c.name, c.type_text, c.nullable, c.comment) for c in table.columns or []] == [
        ("id", "int", False, None),
        ("name", "string", True, "who"),
    ]
    w.catalogs.create("dev")
    w.schemas.create("bronze", "dev")
    sql(w, "CREATE TABLE dev.bronze.t AS SELECT 7 AS n")
    assert sql(w, "SELECT n FROM dev.bronze.t") == [["7"]]
    location = Path((w.tables.get("dev.bronze.t").storage_location or "").removeprefix("file:"))
    assert location.is_dir()
    sql(w, "DROP TABLE dev.bronze.t")
    assert not w.tables.exists("dev.bronze.t").table_exists
    assert location.is_dir()  # for UNDROP TABLE
    w.catalogs.delete("dev", force=True)


def test_jobs_runs_and_tables_survive_the_kill_of_the_workspace(tmp_path: Path) -> None:
    settings = Settings(project=Path(__file__).parents[2])
    directory = tmp_path / "state"
    with Stack(settings, directory) as stack:
        w = WorkspaceClient(host=stack.workspace_url, token=stack.token)
        stack.wait_engine()
        w.catalogs.create("kept")
        sql(w, "CREATE TABLE kept.default.t AS SELECT 1 AS one")
        task = sdk.Task("only", notebook_task=notebook(w, "quick", "pass\n"))
        job = w.jobs.create(name="kept", tasks=[task])
        assert job.job_id is not None
        run_id = w.jobs.run_now(job.job_id).run_id
        ended(w, run_id)
        warehouse = w.warehouses.create(name="kept", cluster_size="Small").id
        cluster = w.clusters.create("16.4.x-scala2.12", node_type_id="m5.large", num_workers=1).result()
        os.kill(serving(stack).pid, signal.SIGKILL)
    with Stack(settings, directory) as stack:
        w = WorkspaceClient(host=stack.workspace_url, token=stack.token)
        assert [j.job_id for j in w.jobs.list(name="kept")] == [job.job_id]
        run = w.jobs.get_run(run_id)
        assert run.state is not None
        assert run.state.result_state is sdk.RunResultState.SUCCESS
        assert w.clusters.get(str(cluster.cluster_id)).spec == cluster.spec
        # Spark comes up meanwhile, and again after it has died: its warehouses are STARTING until then.
        assert started(w, str(warehouse)) == "RUNNING"
        assert sql(w, "SELECT one FROM kept.default.t") == [["1"]]
        os.kill(stack.wait_engine()["pid"], signal.SIGKILL)
        while (engine := stack.control("GET", "engine"))["state"] == "ready" and engine["generation"] == 1:
            pass
        assert started(w, str(warehouse)) == "RUNNING"
        assert sql(w, "SELECT one FROM kept.default.t") == [["1"]]


def test_a_repaired_run_runs_its_failed_tasks_only(w: WorkspaceClient, tmp_path: Path) -> None:
    log, good = tmp_path / "log", tmp_path / "good"
    first = notebook(w, "first", f"with open({str(log)!r}, 'a') as f: f.write('first ')\n")
    told = f"import os\nwith open({str(log)!r}, 'a') as f: f.write('second ')\n"
    second = notebook(w, "second", told + f"assert os.path.exists({str(good)!r})\n")
    job = w.jobs.create(
        name="repairable",
        tasks=[
            sdk.Task("first", notebook_task=first),
            sdk.Task("second", notebook_task=second, depends_on=[sdk.TaskDependency("first")]),
        ],
    )
    assert job.job_id is not None
    run_id = w.jobs.run_now(job.job_id).run_id
    run = ended(w, run_id)
    assert run.state is not None
    assert run.state.result_state is sdk.RunResultState.FAILED
    good.touch()
    w.jobs.repair_run(run_id, rerun_all_failed_tasks=True)
    run = ended(w, run_id)
    assert run.state is not None
    assert run.state.result_state is sdk.RunResultState.SUCCESS
    assert log.read_text() == "first second second "
