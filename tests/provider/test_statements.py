"""DatabricksSQLStatementsOperator, DatabricksSQLStatementsSensor and the trigger that they share."""

from __future__ import annotations

import asyncio

import pytest


def statements(workspace):
    """The statements that Airflow's tasks submitted, by the task that their tags name."""
    found = {}
    for query in workspace.query_history.list(max_results=100).res:
        tags = {tag.key: tag.value for tag in query.query_tags or []}
        if "airflow_task_id" in tags:
            assert tags["airflow_task_id"] not in found
            found[tags["airflow_task_id"]] = workspace.statement_execution.get_statement(query.query_id)
    return found


def test_statements_are_run_in_every_way(run, polls, workspace):
    result = run("statements", "statements")
    assert result.success, result
    ran = statements(workspace)
    for task_id in ("operator", "operator_deferrable"):
        assert ran[task_id].result.data_array == [["42", "default"]]
    assert ran["sensor_deferrable"].result.data_array == ran["sensor"].result.data_array
    assert "joined" not in ran  # it waited for another task's statement
    assert "completed successfully" in result.task("joined").log_text()
    if polls == "held":
        # Every statement had ended by the answer to the first poll.
        assert not [task for task in result.tasks if "Pausing task as DEFERRED" in task.log_text()]


def test_a_statement_that_fails_says_why_in_the_log_of_its_task(run, workspace):
    result = run("statements", "statements_that_fail")
    states = {task.task_id: task.state for task in result.tasks}
    # The sensor does not look when it does not defer (a fault of the provider, sensors/databricks.py of 7.23.0:111).
    assert states.pop("sensor") == "success"
    assert set(states.values()) == {"failed"}
    for task_id in ("operator", "operator_deferrable", "sensor_deferrable"):
        said = str(result.task(task_id).errors[-1])
        assert "[TABLE_OR_VIEW_NOT_FOUND]" in said
        assert "`main`.`shop`.`nowhere`" in said
        assert "[TABLE_OR_VIEW_NOT_FOUND]" in result.task(task_id).log_text()
    assert "nobodys" in str(result.task("no_warehouse").errors[-1])
    assert "One of either statement or statement_id must be provided." in str(result.task("nothing").errors[-1])
    ended = {task_id: each.status.state.value for task_id, each in statements(workspace).items()}
    assert ended == dict.fromkeys(("operator", "operator_deferrable", "sensor", "sensor_deferrable"), "FAILED")


def test_a_statement_that_lasts_too_long_is_cancelled(run, unheld, workspace):
    result = run("statements", "statements_that_last")
    assert {task.state for task in result.tasks} == {"failed"}
    assert "late timed out after 0.2 seconds with state" in str(result.task("late").errors[-1])
    assert "timed out after set end time" in str(result.task("late_deferrable").errors[-1])
    assert "was requested to be cancelled" in result.task("killed").log_text()
    ended = {task_id: each.status.state.value for task_id, each in statements(workspace).items()}
    assert ended == dict.fromkeys(("late", "late_deferrable", "killed"), "CANCELED")


@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_the_trigger_of_a_task_that_is_cleared_cancels_the_statement(connected, workspace, clean_stack):
    from airflow.providers.databricks.triggers.databricks import DatabricksSQLStatementExecutionTrigger

    long = "SELECT sum(hash(id)) FROM range(1000000000000)"
    begun = workspace.statement_execution.execute_statement(long, clean_stack.warehouse_id, wait_timeout="0s")
    trigger = DatabricksSQLStatementExecutionTrigger(begun.statement_id, "databricks_default", end_time=0)
    asyncio.run(trigger.on_kill())
    assert workspace.statement_execution.get_statement(begun.statement_id).status.state.value == "CANCELED"
