"""What notebooks can do and say, run by the real runner on the real engine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from harness.runner.run import LifeCycle, Result, TaskRun

if TYPE_CHECKING:
    from conftest import Bench


def text_of(cell: dict[str, Any]) -> str:
    return "".join(o.get("text", "") or str(o.get("data", {}).get("text/plain", "")) for o in cell["outputs"])


def cells_of(task: TaskRun) -> list[dict[str, Any]]:
    document = json.loads((Path(task.directory) / "executed.ipynb").read_text())
    nbformat.validate(nbformat.from_dict(document))
    cells: list[dict[str, Any]] = document["cells"]
    return cells


def test_a_notebook_runs_its_cells_in_order_with_spark_and_shows_what_they_say(bench: Bench) -> None:
    task = bench.notebook(
        "n = 3\nprint('counting')",
        "df = spark.range(n)\ndisplay(df)",
        "df.count()",
        "# MAGIC %md\n# MAGIC # A heading",
        "# MAGIC %sh echo from the shell",
    )
    assert task.state.result is Result.SUCCESS, task.output
    cells = cells_of(task)
    assert text_of(cells[0]) == "counting\n"
    assert "<td>2</td>" in cells[1]["outputs"][0]["data"]["text/html"]
    assert cells[2]["outputs"][0]["data"]["text/plain"] == "3"
    assert cells[3] == {"cell_type": "markdown", "metadata": {"language": "md"}, "source": "# A heading"}
    assert text_of(cells[4]) == "from the shell\n"
    assert task.output.logs == "counting\nfrom the shell\n"
    assert task.output.error is None


def test_an_exception_is_told_with_notebook_cell_line_and_source(bench: Bench) -> None:
    task = bench.notebook("x = 1", "y = 0\n\nx / y", name="raises.py")
    assert (task.state.life_cycle, task.state.result) == (LifeCycle.TERMINATED, Result.FAILED)
    assert task.state.message == "Workload failed, see run output for details"
    assert task.output.error == "ZeroDivisionError: division by zero"
    assert task.output.error_trace is not None
    assert task.output.error_trace.startswith("Notebook /Workspace/Shared/raises, cell 2, line 6:\n    x / y\n")
    file = bench.notebooks / "raises.py"
    assert f'  File "{file}", line 6 (cell 2), in <module>\n    x / y\n' in task.output.error_trace
    assert "IPython" not in task.output.error_trace
    assert "harness" not in task.output.error_trace.replace(str(file.parent), "")
    (error,) = cells_of(task)[1]["outputs"]
    assert (error["output_type"], error["ename"]) == ("error", "ZeroDivisionError")


def test_cells_after_a_failure_do_not_run_but_stand_in_the_executed_notebook(bench: Bench) -> None:
    task = bench.notebook("1 / 0", "print('never')")
    assert "never" not in task.output.logs
    last = cells_of(task)[1]
    assert (last["source"], last["outputs"], last["execution_count"]) == ("print('never')", [], None)


def test_an_exception_in_an_ipynb_names_the_cell_and_the_line_within_it(bench: Bench) -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": "# Hello"},
        {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "\nx = 1\nx / 0"},
    ]
    document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
    path = bench.write("jupyter.ipynb", json.dumps(document))
    task = bench.run(the_task(path)).task("only")
    assert task.output.error == "ZeroDivisionError: division by zero"
    assert task.output.error_trace is not None
    assert task.output.error_trace.startswith("Notebook /Workspace/Shared/jupyter, cell 2, line 3:\n    x / 0\n")
    assert f'File "{bench.notebooks / "jupyter.ipynb"}", cell 2, line 3, in <module>' in task.output.error_trace


def the_task(path: str, **fields: Any) -> dict[str, Any]:
    return {"task_key": "only", "notebook_task": {"notebook_path": path}, **fields}


def test_failing_sql_names_the_line_of_its_statement(bench: Bench) -> None:
    task = bench.notebook("x = 1", "# MAGIC %sql\n# MAGIC select 1;\n# MAGIC\n# MAGIC -- a comment\n# MAGIC selec 2")
    assert task.output.error is not None
    assert task.output.error.startswith("ParseException: [PARSE_SYNTAX_ERROR]")
    assert task.output.error_trace is not None
    assert ", cell 2, line 8:\n    selec 2\n" in task.output.error_trace
    assert "at org.apache" not in task.output.error_trace


def test_an_exception_in_a_helper_names_the_helper_and_shows_the_way_there(bench: Bench) -> None:
    bench.write("lib/helpers.py", "def share(a, b):\n    c = a\n    return c / b")
    task = bench.notebook("# MAGIC %run ./lib/helpers", "share(1, 0)", name="main.py")
    assert task.output.error_trace is not None
    assert task.output.error_trace.startswith(
        "Notebook /Workspace/Shared/lib/helpers, cell 1, line 4:\n    return c / b"
    )
    assert f'File "{bench.notebooks / "main.py"}", line 4 (cell 2), in <module>' in task.output.error_trace


def test_a_syntax_error_names_the_line_in_the_file(bench: Bench) -> None:
    task = bench.notebook("x = 1", "if x:\nprint(x)", name="syntax.py")
    assert task.output.error == "IndentationError: expected an indented block after 'if' statement on line 4"
    assert task.output.error_trace is not None
    assert task.output.error_trace.startswith("Notebook /Workspace/Shared/syntax, cell 2, line 5:\n    print(x)")


def test_run_shares_the_namespace_and_passes_arguments_as_widgets(bench: Bench) -> None:
    bench.write("settings.py", "day = dbutils.widgets.get('day')")
    task = bench.notebook('# MAGIC %run ./settings $day="monday"', "print(day)\ndbutils.widgets.get('day')")
    assert "monday\n" in task.output.logs
    assert task.output.error == "InputWidgetNotDefined: No input widget named day is defined"


def test_run_of_a_notebook_that_is_not_there_says_where_it_was_looked_for(bench: Bench) -> None:
    task = bench.notebook("# MAGIC %run ./nowhere")
    assert task.output.error is not None
    assert task.output.error.startswith("NotebookNotFound: Notebook not found: ./nowhere.")
    assert f"Looked for: {bench.notebooks / 'nowhere'} with .py, .ipynb, .sql" in task.output.error


def test_notebooks_that_run_each_other_are_told_the_cycle(bench: Bench) -> None:
    bench.write("b.py", "# MAGIC %run ./a")
    task = bench.notebook("# MAGIC %run ./b", name="a.py")
    assert task.output.error is not None
    assert "/Workspace/Shared/a -> /Workspace/Shared/b -> /Workspace/Shared/a" in task.output.error


def test_a_syntax_error_in_a_damaged_ipynb_fails_the_task_by_name(bench: Bench) -> None:
    path = bench.write("damaged.ipynb", '{"cells": [')
    task = bench.run(the_task(path)).task("only")
    assert task.state.result is Result.FAILED
    assert task.output.error is not None
    assert "damaged.ipynb is not a notebook: line 1" in task.output.error


def test_exit_ends_the_notebook_with_a_value_even_inside_try(bench: Bench) -> None:
    task = bench.notebook("try:\n    dbutils.notebook.exit('42 rows')\nexcept Exception:\n    print('caught')", "1 / 0")
    assert task.state.result is Result.SUCCESS
    assert task.output.result == "42 rows"
    assert task.output.logs == ""


@pytest.mark.parametrize(("code", "value"), [("sys.exit(0)", "0"), ("sys.exit('bad')", "bad"), ("exit()", "0")])
def test_sys_exit_fails_the_notebook(bench: Bench, code: str, value: str) -> None:
    task = bench.notebook(f"import sys\n{code}")
    assert task.state.result is Result.FAILED
    assert task.output.error == f"SystemExit: {value}"


def test_widgets_take_the_parameters_of_the_task_before_their_defaults(bench: Bench) -> None:
    task = bench.notebook(
        "dbutils.widgets.text('day', 'sunday')\ndbutils.widgets.dropdown('size', 's', ['s', 'm'])",
        "print(dbutils.widgets.get('day'), dbutils.widgets.get('size'), dbutils.widgets.getAll())",
        "dbutils.widgets.remove('size')\ndbutils.widgets.get('size')",
        parameters={"day": "monday", "extra": "x"},
    )
    assert task.output.logs == "monday s {'day': 'monday', 'size': 's', 'extra': 'x'}\n"
    assert task.output.error == "InputWidgetNotDefined: No input widget named size is defined"


def test_sql_cells_bind_widgets_and_leave_their_result_as_a_dataframe(bench: Bench) -> None:
    task = bench.notebook(
        "# MAGIC %sql\n# MAGIC create or replace temp view t as select 'a;b' as x;\n"
        "# MAGIC select x, :n as n, '${n}' m from t",
        "print(_sqldf.first())",
        parameters={"n": "7"},
    )
    assert task.output.error is None
    assert "Row(x='a;b', n='7', m='7')" in task.output.logs
    (shown,) = cells_of(task)[0]["outputs"]
    assert shown["data"]["text/plain"] == "x    n  m\na;b  7  7"


def test_a_sql_notebook_runs_its_statements_and_python_cells_and_names_the_line_that_fails(bench: Bench) -> None:
    path = bench.write(
        "report.sql",
        "-- Databricks notebook source\nCREATE WIDGET TEXT n DEFAULT '3';\nSELECT CAST(:n AS INT) + 1 AS m\n\n"
        "-- COMMAND ----------\n\n-- MAGIC %python\n-- MAGIC print(_sqldf.first().m)\n-- MAGIC 1 / 0\n",
    )
    task = bench.run(the_task(path)).task("only")
    assert task.output.logs == "4\n"
    assert task.output.error == "ZeroDivisionError: division by zero"
    assert task.output.error_trace is not None
    assert task.output.error_trace.startswith("Notebook /Workspace/Shared/report, cell 2, line 9:\n    1 / 0\n")


def test_a_failing_shell_command_fails_the_notebook(bench: Bench) -> None:
    task = bench.notebook("# MAGIC %sh\n# MAGIC echo before\n# MAGIC exit 3")
    assert task.output.logs == "before\n"
    assert task.output.error == "ShellCommandFailed: The shell command ended with code 3"


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("# MAGIC %scala\n# MAGIC val x = 1", "%scala cells are not supported here"),
        ("# MAGIC %r\n# MAGIC x <- 1", "%r cells are not supported here"),
        ("# MAGIC %pip install -i file:///no-such-index no-such-package", "Installing no-such-package failed"),
        ("# MAGIC %pip freeze", "%pip freeze is not supported here"),
        ("# MAGIC %conda install x", "%conda is not supported here"),
        ("x = 1\n# MAGIC %sql select 1", "%sql must be on the first line of its cell"),
        ("# MAGIC %run ./a\n# MAGIC x = 1", "%run must be the only line of its cell"),
        ("dbutils.credentials.assumeRole('a')", "dbutils.credentials.assumeRole is not supported here"),
        ("dbutils.data.summarize(None)", "dbutils.data.summarize is not supported here"),
        ("dbutils.fs.mount('a', 'b')", "dbutils.fs.mount is not supported here (a at b)"),
        ("dbutils.fs.unmount('/mnt/b')", "Directory not mounted: /mnt/b"),
        ("dbutils.fs.ls('file:/none')", "java.io.FileNotFoundException: No such file or directory: file:/none"),
        ("# MAGIC %nosuchmagic", "Line magic function `%nosuchmagic` not found"),
    ],
)
def test_what_is_not_supported_is_refused_by_name(bench: Bench, cell: str, reason: str) -> None:
    task = bench.notebook(cell)
    assert task.state.result is Result.FAILED
    assert reason in (task.output.error or "")


def test_pip_install_of_what_is_there_says_so(bench: Bench) -> None:
    task = bench.notebook("# MAGIC %pip install -q pandas packaging>=20\n# MAGIC import pandas\n# MAGIC print(1)")
    assert task.state.result is Result.SUCCESS, task.output.error
    assert task.output.logs.startswith("Requirement already satisfied: pandas ")
    assert task.output.logs.endswith("\n1\n")


def test_plots_tables_and_html_are_in_the_executed_notebook(bench: Bench) -> None:
    task = bench.notebook(
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
        "import pandas as pd\ndisplay(pd.DataFrame({'a': [1]}))",
        "displayHTML('<b>bold</b>')",
    )
    cells = cells_of(task)
    assert "image/png" in {kind for output in cells[0]["outputs"] for kind in output.get("data", {})}
    assert "<table" in cells[1]["outputs"][0]["data"]["text/html"]
    assert cells[2]["outputs"][0]["data"]["text/html"] == "<b>bold</b>"


def test_modules_beside_the_notebook_can_be_imported_and_used_in_udfs(bench: Bench) -> None:
    (bench.notebooks / "pkg").mkdir()
    (bench.notebooks / "pkg" / "doubling.py").write_text("FACTOR = 2\n\ndef double(x):\n    return FACTOR * x\n")
    task = bench.notebook(
        "from doubling import double\nimport doubling\nfrom pyspark.sql.functions import udf",
        "print(spark.range(3).select(udf(double, 'int')('id')).collect()[2][0])",
        "print(spark.range(3).select(udf(lambda x: doubling.double(x), 'int')('id')).collect()[2][0])",
        name="pkg/uses.py",
    )
    assert task.output.error is None
    assert task.output.logs == "4\n4\n"


def test_an_exception_in_a_udf_shows_the_line_of_the_udf_without_java_frames(bench: Bench) -> None:
    task = bench.notebook(
        "from pyspark.sql.functions import udf\n\ndef bad(x):\n    return 1 / x\n",
        "spark.range(1).select(udf(bad, 'int')('id')).collect()",
    )
    assert task.output.error_trace is not None
    assert "ZeroDivisionError: division by zero" in task.output.error_trace
    assert ", cell 1, line 5:\n    return 1 / x\n" in task.output.error_trace
    assert ", line 8 (cell 2), in <module>\n    spark.range(1)" in task.output.error_trace
    assert "at org.apache" not in task.output.error_trace


def test_what_notebooks_import_on_a_cluster_is_there(bench: Bench) -> None:
    task = bench.notebook(
        "from pyspark.dbutils import DBUtils\nassert DBUtils(spark) is dbutils",
        "import databricks.sdk.runtime as r\nassert r.spark is spark and r.dbutils is dbutils and r.display is display",
        "context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()",
        "import json\nprint(context.notebookPath().get(), json.loads(context.toJson())['tags']['taskKey'])",
        "import os\nprint(os.environ['DATABRICKS_RUNTIME_VERSION'])",
        "from dbruntime.databricks_repl_context import get_context\nwhere = get_context()",
        "safe = json.loads(context.safeToJson())['attributes']",
        "assert where.clusterId == safe['clusterId'] == spark.conf.get('spark.databricks.clusterUsageTags.clusterId')",
        "assert where.workspaceId == context.tags().get('orgId').get() == context.workspaceId().getOrElse(None) == '0'",
        "assert context.apiToken().get() == where.apiToken and where.apiToken not in context.safeToJson()",
        "assert [mount.mountPoint for mount in dbutils.fs.mounts()] == ['/'] and dbutils.fs.refreshMounts()",
        name="context.py",
    )
    assert task.output.error is None
    assert task.output.logs == "/Shared/context only\n17.3\n"


def test_restart_python_forgets_the_variables_and_goes_on_with_the_next_cell(bench: Bench) -> None:
    task = bench.notebook(
        "x = 1\ndbutils.library.restartPython()\nprint('no')", "print('x' in globals(), spark.range(2).count())"
    )
    assert task.output.logs == "False 2\n"
    assert task.state.result is Result.SUCCESS


def test_stopping_spark_in_a_notebook_stops_nothing(bench: Bench) -> None:
    task = bench.notebook("spark.stop()", "print(spark.range(2).count())")
    assert task.output.logs == "2\n"


def test_notebooks_do_not_see_each_others_views_or_variables(bench: Bench) -> None:
    first = bench.notebook("leaked = 1\nspark.range(1).createOrReplaceTempView('leaked')")
    assert first.state.result is Result.SUCCESS
    views = "spark._jsparkSession.sessionState().catalog().listLocalTempViews('*').size()"
    second = bench.notebook(f"print('leaked' in globals(), {views} > 0)")
    assert second.output.logs == "False False\n"


def test_files_are_listed_copied_and_removed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("hello")
    task = bench.notebook(
        f"root = 'file:{tmp_path}'\nprint([(f.name, f.size) for f in dbutils.fs.ls(root)])",
        "dbutils.fs.mkdirs(root + '/sub')\ndbutils.fs.cp(root + '/in.txt', root + '/sub/out.txt')",
        "print(dbutils.fs.head(root + '/sub/out.txt', 4), dbutils.fs.put(root + '/new.txt', 'x', True))",
        "dbutils.fs.mv(root + '/new.txt', root + '/moved.txt')\nprint(dbutils.fs.rm(root + '/sub', True))",
        f"# MAGIC %fs ls file:{tmp_path}",
        "dbutils.fs.ls(root + '/nowhere')",
    )
    assert task.output.logs == "[('in.txt', 5)]\nWrote 1 bytes.\nhell True\nTrue\n"
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith(".")) == ["in.txt", "moved.txt"]
    assert "moved.txt" in cells_of(task)[4]["outputs"][0]["data"]["text/html"]
    missing = f"java.io.FileNotFoundException: No such file or directory: file:{tmp_path}/nowhere"
    assert task.output.error == f"FileNotFoundError: {missing}"


def test_a_cell_that_prints_without_end_is_cut_and_says_so(bench: Bench) -> None:
    task = bench.notebook("for _ in range(30):\n    print('x' * 1_000_000)", "print('next')")
    cells = cells_of(task)
    assert text_of(cells[0]).endswith("[the output of this cell was cut at 20000000 characters]\n")
    assert text_of(cells[1]) == "next\n"
    assert len(task.output.logs) == 5_000_000
    assert task.output.logs_truncated


def test_a_python_file_runs_as_main_with_arguments_and_finds_spark(bench: Bench) -> None:
    (bench.notebooks / "job.py").write_text(
        "import sys\nfrom pyspark.sql import SparkSession\n\nif __name__ == '__main__':\n"
        "    spark = SparkSession.builder.appName('x').getOrCreate()\n    print(sys.argv[1:], spark.range(3).count())\n"
    )
    body = {"python_file": "/Workspace/Shared/job.py", "parameters": ["a", "{{task.name}}"]}
    run = bench.run({"task_key": "only", "spark_python_task": body})
    assert run.task("only").output.logs == "['a', 'only'] 3\n"
    assert run.state.result is Result.SUCCESS


def test_a_python_file_that_fails_names_its_line(bench: Bench) -> None:
    (bench.notebooks / "bad.py").write_text("def f():\n    raise ValueError('no')\n\n\nf()\n")
    run = bench.run({"task_key": "only", "spark_python_task": {"python_file": "/Workspace/Shared/bad.py"}})
    output = run.task("only").output
    assert output.error == "ValueError: no"
    assert output.error_trace is not None
    assert ", line 2:" in output.error_trace
    assert f'File "{bench.notebooks / "bad.py"}", line 5, in <module>' in output.error_trace
