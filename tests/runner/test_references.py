from __future__ import annotations

from typing import Any

import pytest

from harness.runner.references import Context, UnknownReference, resolve
from harness.runner.run import LifeCycle, Output, Result, Run, State, TaskRun


@pytest.fixture
def context() -> Context:
    first = TaskRun(11, "load", {"task_key": "load", "notebook_task": {"notebook_path": "/Shared/load"}}, "")
    first.state = State(LifeCycle.TERMINATED, Result.SUCCESS)
    first.output = Output(task_values={"rows": 3, "day": "monday", "odd key": {"a": 1}, "a/b {c}": "x"})
    second = TaskRun(12, "use", {"task_key": "use", "notebook_task": {"notebook_path": "/Shared/use"}}, "", attempt=1)
    third = TaskRun(13, "broken", {"task_key": "broken"}, "")
    third.state = State(LifeCycle.TERMINATED, Result.FAILED)
    # 2026-01-02T03:04:05.678Z, a Friday
    others = []
    for at, result in enumerate(
        (Result.TIMEDOUT, Result.CANCELED, Result.UPSTREAM_FAILED, Result.UPSTREAM_CANCELED), 14
    ):
        others.append(TaskRun(at, result.lower(), {}, "", state=State(LifeCycle.TERMINATED, result)))
    run = Run(
        10,
        7,
        "my job",
        {},
        [first, second, third, *others],
        start_time=1767323045678,
        trigger="RUN_JOB_TASK",
        repairs=2,
    )
    return Context(run, second, {"env": "dev"}, {"id": "5", "url": "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{job.id}}/{{ job.run_id }}", "7/10"),
        ("{{job.name}}", "my job"),
        ("{{job.parameters.env}}", "dev"),
        ("{{task.name}} {{task.run_id}} {{task.execution_count}}", "use 12 2"),
        ("{{tasks.load.values.rows}}", "3"),
        ("{{tasks.load.values.day}}", "monday"),
        ("{{tasks.load.values.`odd key`}}", '{"a": 1}'),
        ("{{tasks.load.result_state}}", "success"),
        ("{{tasks.load.notebook_path}}", "/Shared/load"),
        ("{{job.start_time.iso_date}}", "2026-01-02"),
        ("{{job.start_time.iso_datetime}}", "2026-01-02T03:04:05.678Z"),
        ("{{job.start_time.timestamp_ms}}", "1767323045678"),
        ("{{job.start_time.iso_weekday}} {{job.start_time.is_weekday}}", "5 true"),
        ("{{workspace.url}} {{workspace.id}}", "http://127.0.0.1:1 5"),
        ("{{job.trigger.type}} {{job.repair_count}}", "run_job_task 2"),
        ("{{tasks.load.values.`a/b {c}`}}", "x"),
        ("{{tasks.load.error_code}}|{{tasks.broken.error_code}}", "|RunExecutionError"),
        ("{{tasks.timedout.error_code}}|{{tasks.canceled.error_code}}", "RunExecutionError|"),
        ("{{tasks.upstream_failed.error_code}}|{{tasks.upstream_canceled.error_code}}", "|"),
        ("{{tasks.load.run_id}} {{tasks.load.execution_count}}", "11 1"),
        ("{{task.notebook_path}}", "/Shared/use"),
        ("{{run_id}} {{parent_run_id}} {{job_id}} {{task_key}}", "12 10 7 use"),
        ("{{start_date}}", "2026-01-02"),
        ("no reference", "no reference"),
        ("{{nothing}}", "{{nothing}}"),
        ("{{other.thing}}", "{{other.thing}}"),
        ("{{job.id}", "{{job.id}"),
    ],
)
def test_references_are_replaced_by_text(context: Context, text: str, value: str) -> None:
    assert resolve(text, context) == value


@pytest.mark.parametrize(
    "text",
    [
        "{{job.nothing}}",
        "{{job.parameters.no}}",
        "{{tasks.none.values.x}}",
        "{{tasks.load.values.x}}",
        "{{workspace.x}}",
        "{{task.result_state}}",
        "{{tasks.use.result_state}}",
    ],
)
def test_an_unknown_name_in_a_known_namespace_is_an_error_that_names_it(context: Context, text: str) -> None:
    with pytest.raises(UnknownReference) as caught:
        resolve(text, context)
    assert text in str(caught.value)


def test_references_are_found_in_lists_and_mappings(context: Context) -> None:
    given: Any = {"a": ["{{job.id}}", 1], "b": {"c": "{{task.name}}"}}
    assert resolve(given, context) == {"a": ["7", 1], "b": {"c": "use"}}


def test_the_element_of_a_loop_is_its_input_as_text_or_by_its_keys(context: Context) -> None:
    assert resolve("{{input}} {{input.a}}", context) == "{{input}} {{input.a}}"
    context.task.input = [{"a": {"b": 1}, "c": "x"}]
    assert resolve("{{input.a.b}} {{input.c}} {{input.a}} {{input}}", context) == (
        '1 x {"b": 1} {"a": {"b": 1}, "c": "x"}'
    )
    with pytest.raises(UnknownReference, match=r"input\.d"):
        resolve("{{input.d}}", context)
    context.task.input = ["monday"]
    assert resolve("on {{ input }}", context) == "on monday"
