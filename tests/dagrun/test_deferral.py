"""Deferred tasks end as they do in production."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.dagrun import DagRunResult, RunEvent


def test_the_kwargs_of_a_deferral_reach_the_resumed_method(run: Callable[..., DagRunResult]) -> None:
    events: list[RunEvent] = []
    result = run("deferrals", on_event=events.append)
    assert result.task("twice").xcom == [0, 1]
    assert result.task("twice").tries == 1
    assert [event.state for event in events if event.kind == "task"] == [
        "running",
        "deferred",
        "running",
        "deferred",
        "running",
        "success",
    ]


def test_a_broken_silent_or_late_trigger_fails_its_task_through_its_retries(run: Callable[..., DagRunResult]) -> None:
    started = time.monotonic()
    result = run("deferrals_that_fail")
    assert {task.name: task.state for task in result.tasks} == dict.fromkeys(("broken", "silent", "late"), "failed")
    broken = result.task("broken")
    assert broken.tries == 2
    assert [type(error).__name__ for error in broken.errors] == ["TaskDeferralError", "TaskDeferralError"]
    assert "ValueError: the trigger broke" in broken.log_text()
    assert type(result.task("silent").error).__name__ == "TaskDeferralError"
    assert "without sending an event" in result.task("silent").log_text()
    assert type(result.task("late").error).__name__ == "TaskDeferralTimeout"
    assert time.monotonic() - started < 60  # the retry delay is an hour, the silence of the late trigger endless
