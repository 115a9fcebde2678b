"""What a failed run prints."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.dagrun import DagRunFailed, DagRunResult, TaskResult
from harness.dagrun.result import error_text

# As DatabricksSubmitRunOperator of provider 7.23.0 raised it for a notebook that divides by zero.
PROVIDER = (
    "Job run failed with terminal state: {'life_cycle_state': 'INTERNAL_ERROR', 'result_state': 'FAILED', "
    "'state_message': 'Task t failed with message: Workload failed, see run output for details.'} and with the errors "
    "[{'task_key': 't', 'run_id': 9, "
    "'error': 'ZeroDivisionError: division by zero\\nCell 2, line 3\\n\\x1b[0;31m----> 3 f(x)'}]"
)


def test_the_errors_of_a_databricks_run_are_lines_again() -> None:
    lines = error_text(RuntimeError(PROVIDER)).splitlines()
    assert lines[0].startswith("RuntimeError: Job run failed with terminal state")
    assert lines[1:] == ["Databricks task t: ZeroDivisionError: division by zero", "Cell 2, line 3", "----> 3 f(x)"]


def test_a_message_that_only_resembles_one_is_kept_whole() -> None:
    assert error_text(ValueError("no and with the errors [{oops}]")) == "ValueError: no and with the errors [{oops}]"


def test_a_diagnosis_has_the_states_the_cause_the_page_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "2.log"
    log.write_text("one\n2026 [info] ::endgroup:: [task]\n" + "x" * 1000 + "\n")
    failed = TaskResult(
        "load", 1, "failed", 2, 1.5, (ValueError("first"), KeyError("second")), log, page="http://run/7"
    )
    result = DagRunResult(
        "dag",
        "run-1",
        "failed",
        [TaskResult("get", state="success"), failed, TaskResult("end")],
        3.0,
        first_failure=failed,
    )
    assert str(result) == "\n".join(
        [
            "DAG dag failed: 3 task instances, 3.0 s (run run-1)",
            "  failed           load[1]  after 2 tries",
            "  not started      end",
            "",
            "First cause: task load[1]",
            "  KeyError: 'second'",
            "  Databricks run: http://run/7",
            f"  End of {log}:",
            "    one",
            f"    {'x' * 240}…",
        ]
    )
    with pytest.raises(DagRunFailed) as caught:
        result.raise_for_failure()
    assert caught.value.__cause__ is failed.errors[1]


def test_what_is_not_there_is_named_with_what_is() -> None:
    result = DagRunResult("dag", "run-1", "success", [TaskResult("get", state="success")])
    assert result.raise_for_failure() is result
    with pytest.raises(KeyError, match="it has get"):
        result.task("got")
    with pytest.raises(KeyError, match="runs of dag"):
        result.run("other")


def test_declared_secrets_are_starred_in_the_log_and_the_diagnosis(run: Callable[..., DagRunResult]) -> None:
    result = run("secretive")
    for text in (result.task("tell").log_text(), str(result)):
        assert "hunter2" not in text
        assert "raised ***" in text
    assert "logged ***" in result.task("tell").log_text()
    assert "printed ***" in result.task("tell").log_text()
