"""Task kinds beyond notebooks, through the whole workspace process by the SDK."""

from __future__ import annotations

import base64
import io
import json
import os
from pathlib import Path
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue
from databricks.sdk.service import compute, sql
from databricks.sdk.service import jobs as sdk
from databricks.sdk.service.workspace import ImportFormat, Language

from harness.stack import Stack
from tests.wheels import wheel

HOME = "/Users/harness@localhost"
MARK = "# Databricks notebook source\n"
CELL = "\n# COMMAND ----------\n"

Result = sdk.RunResultState


@pytest.fixture
def w(clean_stack: Stack) -> WorkspaceClient:
    return WorkspaceClient(host=clean_stack.workspace_url, token=clean_stack.token)


def notebook(w: WorkspaceClient, name: str, *cells: str, **parameters: str) -> sdk.NotebookTask:
    content = base64.b64encode((MARK + CELL.join(cells)).encode()).decode()
    w.workspace.import_(f"{HOME}/{name}", content=content, language=Language.PYTHON, overwrite=True)
    return sdk.NotebookTask(f"{HOME}/{name}", base_parameters=parameters or None)


def ended(w: WorkspaceClient, run_id: int) -> sdk.Run:
    """The run once it has ended, by reads that the workspace holds until then, as it holds those of triggers."""
    headers = {**w.config.authenticate(), "User-Agent": "test operator/DatabricksExecutionTrigger"}
    url = f"{w.config.host}/api/2.2/jobs/runs/get"
    while True:
        answer = httpx2.request("GET", url, json={"run_id": run_id}, headers=headers, timeout=120)
        if answer.raise_for_status().json()["end_time"]:
            return w.jobs.get_run(run_id)


def run(w: WorkspaceClient, *tasks: sdk.SubmitTask) -> dict[str, sdk.RunTask]:
    """Submit tasks and wait for their end. Returns: each by its key."""
    done = ended(w, w.jobs.submit(run_name="run", tasks=list(tasks)).run_id)
    assert done.tasks is not None
    return {str(task.task_key): task for task in done.tasks}


def result_of(task: sdk.RunTask | sdk.Run) -> sdk.RunResultState | None:
    assert task.state is not None
    return task.state.result_state


def output_of(w: WorkspaceClient, task: sdk.RunTask) -> sdk.RunOutput:
    assert task.run_id is not None
    return w.jobs.get_run_output(task.run_id)


def after(key: str, outcome: str | None = None) -> list[sdk.TaskDependency]:
    return [sdk.TaskDependency(key, outcome=outcome)]


def test_a_condition_on_a_task_value_takes_one_branch_and_excludes_the_other(w: WorkspaceClient) -> None:
    count = notebook(w, "count", "dbutils.jobs.taskValues.set('rows', 12)")
    shown = notebook(
        w, "shown", "dbutils.notebook.exit(dbutils.widgets.get('rows'))", rows="{{tasks.count.values.rows}}"
    )
    many = sdk.ConditionTask(sdk.ConditionTaskOp.GREATER_THAN, "{{tasks.count.values.rows}}", "10.0")
    tasks = run(
        w,
        sdk.SubmitTask("count", notebook_task=count),
        sdk.SubmitTask("many", condition_task=many, depends_on=after("count")),
        sdk.SubmitTask("load", notebook_task=shown, depends_on=after("many", "true")),
        sdk.SubmitTask("warn", notebook_task=shown, depends_on=after("many", "false")),
        sdk.SubmitTask(
            "join", notebook_task=shown, depends_on=after("warn") + after("load"), run_if=sdk.RunIf.NONE_FAILED
        ),
    )
    condition = tasks["many"].condition_task
    assert condition is not None
    assert (condition.outcome, condition.op) == ("true", sdk.ConditionTaskOp.GREATER_THAN)
    assert {key: result_of(task) for key, task in tasks.items()} == {
        "count": Result.SUCCESS,
        "many": Result.SUCCESS,
        "load": Result.SUCCESS,
        "warn": Result.EXCLUDED,
        "join": Result.SUCCESS,
    }
    loaded = output_of(w, tasks["load"]).notebook_output
    assert loaded is not None
    assert loaded.result == "12"
    assert not tasks["warn"].start_time


def test_a_condition_that_cannot_be_decided_fails_with_the_reason(w: WorkspaceClient) -> None:
    numbers = sdk.ConditionTask(sdk.ConditionTaskOp.LESS_THAN, "{{job.name}}", "10")
    nothing = sdk.ConditionTask(sdk.ConditionTaskOp.EQUAL_TO, "{{tasks.a.values.b}}", "10")
    tasks = run(w, sdk.SubmitTask("numbers", condition_task=numbers), sdk.SubmitTask("nothing", condition_task=nothing))
    assert {result_of(task) for task in tasks.values()} == {Result.FAILED}
    assert output_of(w, tasks["numbers"]).error == "The condition compares numbers, and 'run' is none."
    assert "{{tasks.a.values.b}}" in (output_of(w, tasks["nothing"]).error or "")


def test_a_condition_that_is_incomplete_is_refused(w: WorkspaceClient) -> None:
    with pytest.raises(InvalidParameterValue, match=r"Expected .*op|condition_task\.op"):
        w.api_client.do(
            "POST",
            "/api/2.2/jobs/runs/submit",
            body={"tasks": [{"task_key": "t", "condition_task": {"op": "LIKE", "left": "a", "right": "b"}}]},
        )


def script(w: WorkspaceClient, name: str, text: str) -> str:
    w.workspace.upload(f"{HOME}/{name}", io.BytesIO(text.encode()), format=ImportFormat.AUTO, overwrite=True)
    return f"/Workspace{HOME}/{name}"


def test_task_values_of_a_python_file_reach_notebooks_by_reference_and_by_get(w: WorkspaceClient) -> None:
    file = script(
        w,
        "values.py",
        "values = dbutils.jobs.taskValues\nvalues.set('ok', True)\nvalues.set(key='day', value='monday')\n"
        "assert values.get('set', 'none', default=1, debugValue=2) == 1\n",
    )
    reader = notebook(
        w,
        "reader",
        "import json\nvalues = dbutils.jobs.taskValues",
        "read = [values.get('set', 'ok'), values.get(taskKey='set', key='day'), values.get('set', 'no', default='d')]",
        "try:\n    values.get('set', 'no')\nexcept ValueError as error:\n    read.append('no' in str(error))",
        "dbutils.notebook.exit(json.dumps([read, dbutils.widgets.get('all')]))",
        all="{{tasks.set.values.ok}} {{tasks.set.result_state}} {{job.trigger.type}} {{workspace.id}} {{task.name}}",
    )
    tasks = run(
        w,
        sdk.SubmitTask("set", spark_python_task=sdk.SparkPythonTask(file)),
        sdk.SubmitTask("read", notebook_task=reader, depends_on=after("set")),
    )
    shown = output_of(w, tasks["read"])
    assert shown.error is None
    assert shown.notebook_output is not None
    expected = [[True, "monday", "d", True], f"true success one_time {w.get_workspace_id()} read"]
    assert json.loads(str(shown.notebook_output.result)) == expected


def job(w: WorkspaceClient, name: str, *tasks: sdk.Task, **settings: Any) -> int:
    job_id = w.jobs.create(name=name, tasks=list(tasks), **settings).job_id
    assert job_id is not None
    return job_id


def test_a_run_job_task_runs_the_job_and_ends_as_it_does(w: WorkspaceClient) -> None:
    shown = notebook(
        w, "shown", "day = dbutils.widgets.get('day')\nassert day != 'sunday', day", "dbutils.notebook.exit(day)"
    )
    day = sdk.JobParameterDefinition("day", "sunday")
    inner = job(w, "inner", sdk.Task("show", notebook_task=shown), parameters=[day])
    given = {"day": "{{job.name}}"}
    tasks = run(
        w,
        sdk.SubmitTask("good", run_job_task=sdk.RunJobTask(inner, job_parameters=given)),
        sdk.SubmitTask("bad", run_job_task=sdk.RunJobTask(inner)),
        sdk.SubmitTask("none", run_job_task=sdk.RunJobTask(123456789)),
    )
    assert {key: result_of(task) for key, task in tasks.items()} == {
        "good": Result.SUCCESS,
        "bad": Result.FAILED,
        "none": Result.FAILED,
    }
    told = output_of(w, tasks["good"]).run_job_output
    assert told is not None
    child = w.jobs.get_run(int(told.run_id or 0))
    assert (child.job_id, child.trigger, result_of(child)) == (inner, sdk.TriggerType.RUN_JOB_TASK, Result.SUCCESS)
    assert child.trigger_info is not None
    assert child.trigger_info.run_id == tasks["good"].run_id
    assert child.tasks is not None
    exited = output_of(w, child.tasks[0]).notebook_output
    assert exited is not None
    assert exited.result == "run"
    assert output_of(w, tasks["none"]).error == "Job 123456789 does not exist."
    assert f"of job {inner} (inner) ended FAILED" in (output_of(w, tasks["bad"]).error or "")


def test_job_parameters_go_to_run_job_and_sql_tasks_before_those_of_the_same_name(w: WorkspaceClient) -> None:
    checked = notebook(
        w,
        "pushed",
        "got = [dbutils.widgets.get(n) for n in ('day', 'env', 'own')]",
        "assert got == ['sunday', 'outer', 'own'], got",
    )
    inner = job(w, "inner", sdk.Task("check", notebook_task=checked))
    text = b"SELECT assert_true(:day = 'sunday' AND :env = 'outer' AND :own = 'own')"
    w.workspace.upload(f"{HOME}/day.sql", io.BytesIO(text), format=ImportFormat.AUTO, overwrite=True)
    file = sdk.SqlTaskFile(f"/Workspace{HOME}/day.sql")
    given = {"day": "monday", "own": "own"}
    outer = job(
        w,
        "outer",
        sdk.Task("run", run_job_task=sdk.RunJobTask(inner, job_parameters=given)),
        sdk.Task("sql", sql_task=sdk.SqlTask("local", file=file, parameters=given)),
        parameters=[sdk.JobParameterDefinition("day", "sunday"), sdk.JobParameterDefinition("env", "{{job.name}}")],
    )
    done = ended(w, w.jobs.run_now(outer).run_id)
    assert done.tasks is not None
    assert [(result_of(task), output_of(w, task).error) for task in done.tasks] == [(Result.SUCCESS, None)] * 2


def test_cancelling_a_run_job_task_cancels_its_run(w: WorkspaceClient, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    endless = notebook(w, "endless", f"import threading\nopen('{pipe}', 'w').close()\nthreading.Event().wait(300)")
    inner = job(w, "inner", sdk.Task("endless", notebook_task=endless))
    outer = w.jobs.submit(tasks=[sdk.SubmitTask("t", run_job_task=sdk.RunJobTask(inner))]).run_id
    pipe.read_text()  # it runs
    (child,) = w.jobs.list_runs(job_id=inner)
    w.jobs.cancel_run(outer)
    assert result_of(ended(w, int(child.run_id or 0))) is Result.CANCELED
    assert result_of(ended(w, outer)) is Result.CANCELED


def for_each(inputs: str, task: sdk.Task, concurrency: int | None = None) -> sdk.ForEachTask:
    return sdk.ForEachTask(inputs, task, concurrency)


def test_a_loop_runs_its_task_for_each_element_as_runs_of_their_own(w: WorkspaceClient) -> None:
    listed = notebook(w, "listed", "dbutils.jobs.taskValues.set('days', [{'day': 'monday'}, {'day': 'friday'}])")
    cells = "get = dbutils.widgets.get", "dbutils.notebook.exit(f\"{get('day')} {get('all')}\")"
    shown = notebook(w, "shown", *cells, day="{{input.day}}", all="{{input}} {{task.name}}")
    loop = for_each("{{tasks.list.values.days}}", sdk.Task("show", notebook_task=shown))
    tasks = run(
        w,
        sdk.SubmitTask("list", notebook_task=listed),
        sdk.SubmitTask("loop", for_each_task=loop, depends_on=after("list")),
    )
    assert result_of(tasks["loop"]) is Result.SUCCESS
    assert tasks["loop"].for_each_task is not None
    stats = tasks["loop"].for_each_task.stats
    assert stats is not None
    assert stats.task_run_stats == sdk.ForEachTaskTaskRunStats(0, 2, 0, 2, 2, 2)
    iterations = w.jobs.get_run(int(tasks["loop"].run_id or 0)).iterations
    assert iterations is not None
    outputs = [output_of(w, iteration).notebook_output for iteration in iterations]
    assert [output.result for output in outputs if output] == [
        'monday {"day": "monday"} show',
        'friday {"day": "friday"} show',
    ]
    assert [iteration.task_key for iteration in iterations] == ["show", "show"]
    alone = w.jobs.get_run(int(iterations[1].run_id or 0))
    assert (alone.run_name, result_of(alone)) == ("show", Result.SUCCESS)


def test_iterations_run_at_once_are_retried_and_fail_the_loop(w: WorkspaceClient, tmp_path: Path) -> None:
    # The two of them meet, which they cannot one after the other.
    os.mkfifo(tmp_path / "pipe")
    text = f"with open('{tmp_path}/pipe', dbutils.widgets.get('mode')):\n    pass"
    meet = notebook(w, "meet", text, mode="{{input}}")
    flaky = notebook(
        w,
        "flaky",
        f"import pathlib\nmark = pathlib.Path('{tmp_path}') / dbutils.widgets.get('n')\nfirst = not mark.exists()",
        "mark.touch()\nassert not (first and mark.name == '1') and mark.name != '2', mark.name",
        n="{{input}}",
    )
    tasks = run(
        w,
        sdk.SubmitTask("meet", for_each_task=for_each('["r", "w"]', sdk.Task("one", notebook_task=meet), 2)),
        sdk.SubmitTask(
            "flaky", for_each_task=for_each("[1, 2, 3]", sdk.Task("two", notebook_task=flaky, max_retries=1))
        ),
        sdk.SubmitTask("none", for_each_task=for_each("{{job.name}}", sdk.Task("three", notebook_task=flaky))),
    )
    assert [result_of(tasks[key]) for key in ("meet", "flaky", "none")] == [
        Result.SUCCESS,
        Result.FAILED,
        Result.FAILED,
    ]
    assert tasks["flaky"].for_each_task is not None
    stats = tasks["flaky"].for_each_task.stats
    assert stats is not None
    assert stats.task_run_stats == sdk.ForEachTaskTaskRunStats(0, 3, 1, 3, 2, 3)
    iterations = w.jobs.get_run(int(tasks["flaky"].run_id or 0)).iterations
    assert iterations is not None
    assert [(i.attempt_number, result_of(i)) for i in iterations] == [
        (0, Result.FAILED),
        (0, Result.FAILED),
        (0, Result.SUCCESS),
        (1, Result.SUCCESS),
        (1, Result.FAILED),
    ]
    error = output_of(w, tasks["flaky"]).error or ""
    assert error.startswith("1 of 3 iterations failed. The first: iteration 1 with input 2: AssertionError: 2")
    assert output_of(w, tasks["none"]).error == "The inputs of task none are not a JSON array: run"


def test_cancelling_a_loop_ends_what_runs_and_begins_nothing_more(w: WorkspaceClient, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    endless = notebook(w, "endless", f"import threading\nopen('{pipe}', 'w').close()\nthreading.Event().wait(300)")
    loop = for_each("[1, 2]", sdk.Task("one", notebook_task=endless, max_retries=3))
    run_id = w.jobs.submit(tasks=[sdk.SubmitTask("loop", for_each_task=loop)]).run_id
    pipe.read_text()  # it runs
    w.jobs.cancel_run(run_id)
    tasks = ended(w, run_id).tasks
    assert tasks is not None
    iterations = w.jobs.get_run(int(tasks[0].run_id or 0)).iterations
    assert iterations is not None
    assert [result_of(part) for part in (*tasks, *iterations)] == [Result.CANCELED] * 3
    assert not iterations[1].start_time


CODE = """
import sys
from pyspark.sql import SparkSession, functions as F
from pyspark.sql.types import StringType

def shout(text):
    return text.upper() + "!"

def main():
    spark = SparkSession.builder.getOrCreate()
    column = F.udf(shout, StringType())(F.lit(",".join(sys.argv[1:])))
    print(spark.range(1).select(column).first()[0])

def broken():
    raise ValueError("not today")
"""


def test_a_wheel_task_calls_an_entry_point_of_a_wheel_and_its_functions_work_in_udfs(
    w: WorkspaceClient, tmp_path: Path
) -> None:
    built = wheel(tmp_path, "harnesstest_jobs", "1.2", CODE, run="harnesstest_jobs:main")
    w.dbfs.upload("/wheels/" + built.name, io.BytesIO(built.read_bytes()), overwrite=True)
    w.workspace.upload(f"{HOME}/{built.name}", io.BytesIO(built.read_bytes()), format=ImportFormat.AUTO, overwrite=True)
    on_dbfs = [compute.Library(whl=f"dbfs:/wheels/{built.name}")]
    in_workspace = [compute.Library(whl=f"/Workspace{HOME}/{built.name}")]
    here = notebook(w, "here", "from harnesstest_jobs import shout\ndbutils.notebook.exit(shout('x'))")

    def task(entry_point: str, package: str = "harnesstest_jobs", **fields: Any) -> sdk.PythonWheelTask:
        return sdk.PythonWheelTask(package, entry_point, **fields)

    given: dict[str, Any] = {"parameters": ["a", "{{task.name}}"], "named_parameters": {"day": "monday"}}
    tasks = run(
        w,
        sdk.SubmitTask("metadata", python_wheel_task=task("run", **given), libraries=on_dbfs),
        sdk.SubmitTask("function", python_wheel_task=task("main"), libraries=in_workspace),
        sdk.SubmitTask("broken", python_wheel_task=task("broken"), libraries=on_dbfs),
        sdk.SubmitTask("nothing", python_wheel_task=task("nothing"), libraries=on_dbfs),
        sdk.SubmitTask("none", python_wheel_task=task("main", "harnesstest_none")),
        sdk.SubmitTask("lost", notebook_task=here, libraries=[compute.Library(whl="/Volumes/main/a/b/lost.whl")]),
        sdk.SubmitTask("notebook", notebook_task=here, libraries=in_workspace),
    )
    outputs = {key: output_of(w, one) for key, one in tasks.items()}
    assert [outputs[key].error for key in ("metadata", "function", "notebook")] == [None] * 3
    assert outputs["metadata"].logs == "A,METADATA,--DAY=MONDAY!\n"
    assert outputs["function"].logs == "!\n"
    assert outputs["broken"].error == "ValueError: not today"
    assert "no entry point and no function 'nothing'" in (outputs["nothing"].error or "")
    assert "Package 'harnesstest_none' is not installed" in (outputs["none"].error or "")
    assert "/Volumes/main/a/b/lost.whl does not exist" in (outputs["lost"].error or "")
    assert {key for key, one in tasks.items() if result_of(one) is Result.SUCCESS} == {
        "metadata",
        "function",
        "notebook",
    }


def test_sql_tasks_execute_files_and_saved_queries_with_parameters(w: WorkspaceClient) -> None:
    w.workspace.upload(
        f"{HOME}/days.sql",
        io.BytesIO(
            b"-- two statements; and a comment\n"
            b"CREATE TABLE main.default.days AS SELECT :day AS day, 1 AS n UNION ALL SELECT 'x;y', 2;\n"
            b"SELECT * FROM main.default.days ORDER BY n;"
        ),
        format=ImportFormat.AUTO,
        overwrite=True,
    )
    text = "SELECT day FROM days WHERE n = :n AND day LIKE :like"
    like = sql.QueryParameter(name="like", text_value=sql.TextValue("m%"))
    number = sql.QueryParameter(name="n", numeric_value=sql.NumericValue(7))
    query = w.queries.create(
        query=sql.CreateQueryRequestQuery(
            display_name="days", query_text=text, catalog="main", schema="default", parameters=[like, number]
        )
    )
    file = sdk.SqlTaskFile(f"/Workspace{HOME}/days.sql")
    saved = sdk.SqlTaskQuery(str(query.id))
    shown = notebook(
        w,
        "shown",
        "get = dbutils.widgets.get\ndbutils.notebook.exit(get('first') + ' ' + get('rows'))",
        first="{{tasks.file.output.first_row.day}}",
        rows="{{tasks.query.output.rows}}",
    )
    tasks = run(
        w,
        sdk.SubmitTask("file", sql_task=sdk.SqlTask("local", file=file, parameters={"day": "monday", "no": "x"})),
        sdk.SubmitTask(
            "query", sql_task=sdk.SqlTask("local", query=saved, parameters={"n": "1"}), depends_on=after("file")
        ),
        sdk.SubmitTask(
            "again", sql_task=sdk.SqlTask("local", file=file, parameters={"day": "x"}), depends_on=after("file")
        ),
        sdk.SubmitTask("lost", sql_task=sdk.SqlTask("local", file=sdk.SqlTaskFile("/Workspace/Users/none.sql"))),
        sdk.SubmitTask("none", sql_task=sdk.SqlTask("local", query=sdk.SqlTaskQuery("no-such-query"))),
        sdk.SubmitTask("show", notebook_task=shown, depends_on=after("query")),
    )
    outputs = {key: output_of(w, one) for key, one in tasks.items()}
    assert [outputs[key].error for key in ("file", "query", "show")] == [None] * 3
    told = outputs["file"].sql_output
    assert told is not None
    assert told.query_output is not None
    assert told.query_output.warehouse_id == "local"
    assert len(told.query_output.sql_statements or []) == 2
    exited = outputs["show"].notebook_output
    assert exited is not None
    assert exited.result == 'monday [{"day": "monday"}]'
    assert "TABLE_OR_VIEW_ALREADY_EXISTS" in (outputs["again"].error or "")
    assert "/Workspace/Users/none.sql" in (outputs["lost"].error or "")
    assert outputs["none"].error == "Query no-such-query does not exist."
    assert {key for key, one in tasks.items() if result_of(one) is Result.SUCCESS} == {"file", "query", "show"}
    history = [entry.query_text for entry in w.query_history.list().res or []]
    assert text in history


def test_cancelling_a_sql_task_cancels_its_statement(w: WorkspaceClient) -> None:
    slow = b"SELECT count(*) FROM range(100000000000) WHERE hash(id) = 1; CREATE TABLE main.default.never AS SELECT 1"
    w.workspace.upload(f"{HOME}/slow.sql", io.BytesIO(slow), format=ImportFormat.AUTO, overwrite=True)
    task = sdk.SqlTask("local", file=sdk.SqlTaskFile(f"{HOME}/slow.sql"))
    run_id = w.jobs.submit(tasks=[sdk.SubmitTask("slow", sql_task=task)]).run_id
    w.jobs.cancel_run(run_id)
    done = ended(w, run_id)
    assert done.tasks is not None
    assert [result_of(done), result_of(done.tasks[0])] == [Result.CANCELED] * 2
    assert not w.tables.exists("main.default.never").table_exists


def test_a_cluster_gives_variables_conf_and_secrets_which_are_not_shown(w: WorkspaceClient) -> None:
    w.secrets.create_scope("cluster")
    w.secrets.put_secret("cluster", "word", string_value="s3same-street")
    read = notebook(
        w,
        "read",
        "import json, os\nfrom pyspark.sql import functions as F\nget = spark.conf.get",
        "worker = spark.range(1).select(F.udf(lambda _: os.environ['STAGE'])('id')).first()[0]",
        "print(os.environ['WORD'])",
        "names = 'spark.sql.shuffle.partitions', 'spark.executor.memory', 'spark.some.key', 'spark.app.word'",
        "tags = 'spark.databricks.clusterUsageTags.'",
        "read = [get(name) for name in names] + [get(tags + 'clusterName'), get(tags + 'clusterOwnerOrgId')]",
        "rows = spark.sql('SELECT current_catalog()').first()",
        "print(get('spark.app.word'))\nread[3] = len(read[3])",
        "spark.conf.set(names[0], 'auto')\nassert get(names[0]) == sc.getConf().get(names[0])",
        "dbutils.notebook.exit(json.dumps([worker, rows[0], os.environ['DATABRICKS_RUNTIME_VERSION'], *read]))",
    )
    machine = compute.ClusterSpec(
        spark_version="15.4.x-scala2.12",
        cluster_name="nightly",
        spark_env_vars={"STAGE": "prod", "WORD": "{{secrets/cluster/word}}", "PYSPARK_PYTHON": "/databricks/python3"},
        spark_conf={
            "spark.sql.shuffle.partitions": "3",
            "spark.executor.memory": "100g",
            "spark.some.key": "x",
            "spark.databricks.delta.optimizeWrite.enabled": "true",
            "spark.app.word": "a {{secrets/cluster/word}} b",
            "spark.master": "local[*, 4]",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            "spark.databricks.sql.initial.catalog.name": "hive_metastore",
        },
    )

    def with_conf(**conf: str) -> compute.ClusterSpec:
        return compute.ClusterSpec(spark_version="15.4.x-scala2.12", spark_conf=conf)

    tasks = run(
        w,
        sdk.SubmitTask("read", notebook_task=read, new_cluster=machine),
        sdk.SubmitTask("lost", notebook_task=read, new_cluster=with_conf(**{"spark.x": "{{secrets/cluster/none}}"})),
        sdk.SubmitTask("wrong", notebook_task=read, new_cluster=with_conf(**{"spark.sql.shuffle.partitions": "many"})),
    )
    outputs = {key: output_of(w, one) for key, one in tasks.items()}
    assert outputs["read"].error is None
    exited = outputs["read"].notebook_output
    assert exited is not None
    assert json.loads(str(exited.result)) == [
        *("prod", "hive_metastore", "15.4", "3", "100g", "x", len("a s3same-street b"), "nightly"),
        str(w.get_workspace_id()),
    ]
    assert outputs["read"].logs == "[REDACTED]\na [REDACTED] b\n"
    assert "none" in (outputs["lost"].error or "")
    assert "InvalidSparkConf: spark_conf spark.sql.shuffle.partitions=many" in (outputs["wrong"].error or "")
