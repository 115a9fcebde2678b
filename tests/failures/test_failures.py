"""What goes wrong explains itself where the user looks: the Airflow task log, the result, the run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

DAGS = Path(__file__).parent / "dags"


@pytest.fixture
def run_notebook(run_dag):
    """Run a DAG of the one notebook of that name."""
    return lambda name: run_dag(runpy.run_path(str(DAGS / "notebooks.py"))[name])


def test_a_notebook_that_raises_is_explained_with_notebook_cell_and_line(run_notebook, workspace):
    run = run_notebook("raises")
    assert not run.success
    task = run.task("notebook")
    for place in (task.log_text(), str(run)):
        assert "ZeroDivisionError: division by zero" in place
        assert "notebook /Workspace/Users/tester@example.com/raises, cell 3, line 12: return amount / total" in place
    (listed,) = workspace.jobs.list_runs()
    (only,) = workspace.jobs.get_run(listed.run_id).tasks
    output = workspace.jobs.get_run_output(only.run_id)
    assert output.error == "ZeroDivisionError: division by zero"
    assert "line 12" in output.error_trace
    assert "line 18" in output.error_trace  # the cell that called
    assert "before the fall" in workspace.jobs.export_run(only.run_id).views[0].content


def test_a_missing_notebook_is_named(run_notebook):
    run = run_notebook("nowhere")
    assert not run.success
    assert "/Users/tester@example.com/nowhere" in str(run)


@pytest.mark.parametrize(
    ("statement", "condition"),
    [
        ("SELECT nothing FROM main.default.nowhere", "TABLE_OR_VIEW_NOT_FOUND"),
        ("SELEC 1", "PARSE_SYNTAX_ERROR"),
        ("SELECT CAST('x' AS INT)", "CAST_INVALID_INPUT"),
    ],
)
def test_bad_sql_fails_the_task_in_the_words_of_databricks(run_dag, statement, condition):
    run = run_dag(DAGS / "statement.py", conf={"sql": statement})
    assert not run.success
    assert condition in run.task("statement").log_text()
    assert condition in str(run)


def test_a_csv_that_does_not_fit_fails_naming_file_and_column_and_loads_nothing(run_dag, lake, s3, sql):
    s3.create_bucket(Bucket="dirty")
    s3.put_object(Bucket="dirty", Key="good.csv", Body=b"id,amount\n1,10\n2,20\n")
    s3.put_object(Bucket="dirty", Key="bad.csv", Body=b"id,amount\n3,ten\n")
    sql("CREATE TABLE main.default.amounts (id INT, amount INT)")
    copy = "COPY INTO main.default.amounts FROM 's3://dirty/' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    run = run_dag(DAGS / "statement.py", conf={"sql": copy})
    assert not run.success
    assert "ten" in str(run)
    assert "amount" in str(run)
    assert lake.table("main.default.amounts").count() == 0
