from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.runner.run import LifeCycle, Result, Run, State, TaskRun
from harness.runner.scheduler import InvalidGraph, RunIf, may_retry, plan, roll_up, validate

ENDS = [Result.SUCCESS, Result.FAILED, Result.TIMEDOUT, Result.CANCELED]


def spec(key: str, *after: str, **fields: Any) -> dict[str, Any]:
    return {"task_key": key, "depends_on": [{"task_key": upstream} for upstream in after], **fields}


def a_run(*specs: dict[str, Any]) -> Run:
    tasks = [TaskRun(i, str(s["task_key"]), s, "") for i, s in enumerate(specs, 1)]
    return Run(1, 2, "run", {"tasks": list(specs)}, tasks)


def finish(run: Run, **results: Result) -> None:
    for key, result in results.items():
        task = run.task(key)
        task.start_time, task.end_time = 1, 2
        message = "Workload failed, see run output for details" if result is Result.FAILED else ""
        task.state = State(LifeCycle.TERMINATED, result, message)


def settle(run: Run) -> list[str]:
    """Apply what ends without running. Returns: the keys that may start."""
    while (decisions := plan(run)).end:
        for task, state in decisions.end:
            task.state = state
    return [task.task_key for task in decisions.start]


def test_tasks_start_when_what_they_depend_on_has_succeeded() -> None:
    run = a_run(spec("a"), spec("b", "a"), spec("c", "a", "b"))
    assert settle(run) == ["a"]
    finish(run, a=Result.SUCCESS)
    assert settle(run) == ["b"]
    finish(run, b=Result.SUCCESS)
    assert settle(run) == ["c"]
    finish(run, c=Result.SUCCESS)
    assert roll_up(run) == State(LifeCycle.TERMINATED, Result.SUCCESS, "")


def test_a_task_that_has_started_is_not_started_again() -> None:
    run = a_run(spec("a"))
    run.task("a").start_time = 1
    assert settle(run) == []


def test_a_failure_fails_everything_downstream_and_the_run_in_the_services_words() -> None:
    run = a_run(spec("a"), spec("b", "a"), spec("c", "b"))
    finish(run, a=Result.FAILED)
    assert settle(run) == []
    assert [run.task(key).state.result for key in "bc"] == [Result.UPSTREAM_FAILED] * 2
    assert roll_up(run) == State(
        LifeCycle.INTERNAL_ERROR,
        Result.FAILED,
        "Task a failed with message: Workload failed, see run output for details. "
        "This caused all downstream tasks to get skipped.",
    )


def test_a_single_failed_task_fails_the_run_with_its_message() -> None:
    run = a_run(spec("a"))
    finish(run, a=Result.FAILED)
    end = roll_up(run)
    assert end == State(
        LifeCycle.INTERNAL_ERROR,
        Result.FAILED,
        "Task a failed with message: Workload failed, see run output for details.",
    )


def test_a_cancelled_task_cancels_what_is_downstream() -> None:
    run = a_run(spec("a"), spec("b", "a"))
    finish(run, a=Result.CANCELED)
    settle(run)
    assert run.task("b").state.result is Result.UPSTREAM_CANCELED
    end = roll_up(run)
    assert end is not None
    assert (end.life_cycle, end.result) == (LifeCycle.TERMINATED, Result.CANCELED)


def test_a_failure_that_a_later_task_makes_good_is_a_success_with_failures() -> None:
    run = a_run(spec("a"), spec("clean", "a", run_if="ALL_DONE"))
    finish(run, a=Result.FAILED)
    assert settle(run) == ["clean"]
    finish(run, clean=Result.SUCCESS)
    end = roll_up(run)
    assert end is not None
    assert (end.life_cycle, end.result) == (LifeCycle.TERMINATED, Result.SUCCESS_WITH_FAILURES)


# Per run_if: what comes of a task after these two, S success, F failure, C cancelled, X excluded.
# The table is docs.databricks.com, "Configure task dependencies", written out.
TABLE = {
    "ALL_SUCCESS": {
        "SS": "run",
        "SF": "UPSTREAM_FAILED",
        "FF": "UPSTREAM_FAILED",
        "SC": "UPSTREAM_CANCELED",
        "SX": "run",
    },
    "ALL_DONE": {"SS": "run", "SF": "run", "FF": "run", "SC": "run", "SX": "run"},
    "NONE_FAILED": {"SS": "run", "SF": "UPSTREAM_FAILED", "SX": "run", "FX": "UPSTREAM_FAILED"},
    "AT_LEAST_ONE_SUCCESS": {
        "SS": "run",
        "SF": "run",
        "FF": "UPSTREAM_FAILED",
        "FX": "UPSTREAM_FAILED",
        "CC": "UPSTREAM_CANCELED",
    },
    "ALL_FAILED": {"SS": "EXCLUDED", "SF": "EXCLUDED", "FF": "run"},
    "AT_LEAST_ONE_FAILED": {"SS": "EXCLUDED", "SF": "run", "FF": "run"},
}
LETTERS = {"S": Result.SUCCESS, "F": Result.FAILED, "C": Result.CANCELED, "X": Result.EXCLUDED}


@pytest.mark.parametrize(
    ("run_if", "upstream", "outcome"),
    [(run_if, upstream, outcome) for run_if, row in TABLE.items() for upstream, outcome in row.items()],
)
def test_run_if(run_if: str, upstream: str, outcome: str) -> None:
    run = a_run(spec("a"), spec("b"), spec("c", "a", "b", run_if=run_if))
    finish(run, a=LETTERS[upstream[0]], b=LETTERS[upstream[1]])
    started = settle(run)
    if outcome == "run":
        assert started == ["c"]
    else:
        assert started == []
        assert run.task("c").state.result == outcome


@pytest.mark.parametrize("run_if", list(RunIf))
def test_a_task_whose_dependencies_were_all_excluded_is_excluded(run_if: RunIf) -> None:
    run = a_run(spec("a"), spec("b", "a", run_if=run_if))
    finish(run, a=Result.EXCLUDED)
    settle(run)
    assert run.task("b").state.result is Result.EXCLUDED


def test_excluded_leaves_count_as_success() -> None:
    run = a_run(spec("a"), spec("alarm", "a", run_if="AT_LEAST_ONE_FAILED"))
    finish(run, a=Result.SUCCESS)
    settle(run)
    end = roll_up(run)
    assert end is not None
    assert end.result is Result.SUCCESS


def test_only_the_latest_attempt_counts() -> None:
    run = a_run(spec("a"), spec("b", "a"))
    finish(run, a=Result.FAILED)
    second = TaskRun(9, "a", run.tasks[0].spec, "", attempt=1, start_time=1)
    run.tasks.append(second)
    assert settle(run) == []
    assert roll_up(run) is None
    second.state = State(LifeCycle.TERMINATED, Result.SUCCESS)
    assert settle(run) == ["b"]


@pytest.mark.parametrize(
    ("fields", "result", "attempt", "again"),
    [
        ({}, Result.FAILED, 0, False),
        ({"max_retries": 2}, Result.FAILED, 1, True),
        ({"max_retries": 2}, Result.FAILED, 2, False),
        ({"max_retries": -1}, Result.FAILED, 99, True),
        ({"max_retries": 2}, Result.CANCELED, 0, False),
        ({"max_retries": 2}, Result.SUCCESS, 0, False),
        ({"max_retries": 2}, Result.TIMEDOUT, 0, False),
        ({"max_retries": 2, "retry_on_timeout": True}, Result.TIMEDOUT, 0, True),
    ],
)
def test_retries(fields: dict[str, Any], result: Result, attempt: int, again: bool) -> None:
    state = State(LifeCycle.TERMINATED, result)
    assert may_retry(TaskRun(1, "a", {"task_key": "a", **fields}, "", attempt, state)) is again


@pytest.mark.parametrize(
    ("tasks", "reason"),
    [
        ([{}], "needs a task_key"),
        ([spec("a"), spec("a")], "Duplicate task key 'a'"),
        ([spec("a", "b")], "Task 'a' depends on task 'b', which does not exist"),
        ([spec("a", run_if="SOMETIMES")], "unknown run_if 'SOMETIMES'"),
        ([spec("a", "a")], "cycle: a -> a"),
        ([spec("x"), spec("a", "x", "c"), spec("b", "a"), spec("c", "b")], "cycle: a -> c -> b -> a"),
    ],
)
def test_what_is_no_graph_is_refused_with_the_reason(tasks: list[dict[str, Any]], reason: str) -> None:
    with pytest.raises(InvalidGraph, match=reason):
        validate(tasks)


@st.composite
def graphs(draw: st.DrawFn) -> list[dict[str, Any]]:
    size = draw(st.integers(1, 7))
    tasks = []
    for i in range(size):
        upstream = draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3)) if i else []
        tasks.append(spec(str(i), *map(str, upstream), run_if=draw(st.sampled_from(list(RunIf)))))
    return draw(st.permutations(tasks))


@given(graphs(), st.data())
def test_every_graph_ends_each_task_after_its_dependencies_and_the_run_once(
    tasks: list[dict[str, Any]], data: st.DataObject
) -> None:
    validate(tasks)
    run = a_run(*tasks)
    ran: set[str] = set()
    while roll_up(run) is None:
        started = settle(run)
        if roll_up(run) is not None:
            break
        assert started, "neither ended nor anything to start"
        for key in started:
            assert key not in ran
            assert all(run.task(upstream).state.ended for upstream in run.task(key).depends_on)
            ran.add(key)
        key = data.draw(st.sampled_from(started))
        finish(run, **{key: data.draw(st.sampled_from(ENDS))})
        ran -= set(started) - {key}
    end = roll_up(run)
    assert end is not None
    assert end.ended
    results = {task.task_key: task.state.result for task in run.tasks}
    assert all(results.values())
    if all(result is Result.SUCCESS for result in results.values()):
        assert end.result is Result.SUCCESS
    if end.result is Result.SUCCESS:
        assert not {Result.FAILED, Result.TIMEDOUT, Result.CANCELED} & set(results.values())


def decided(run: Run, key: str, outcome: str) -> None:
    finish(run, **{key: Result.SUCCESS})
    run.task(key).output.outcome = outcome


def a_branching_run() -> Run:
    """A condition, a task for each outcome, and one where the branches meet."""
    yes = {"task_key": "yes", "depends_on": [{"task_key": "if", "outcome": "true"}]}
    no = {"task_key": "no", "depends_on": [{"task_key": "if", "outcome": "false"}]}
    return a_run({"task_key": "if", "condition_task": {}}, yes, no, spec("after_no", "no"), spec("join", "yes", "no"))


def test_the_branch_that_was_not_taken_is_excluded_and_the_branches_meet_again() -> None:
    run = a_branching_run()
    assert settle(run) == ["if"]
    decided(run, "if", "true")
    assert settle(run) == ["yes"]
    assert [run.task(key).state.result for key in ("no", "after_no")] == [Result.EXCLUDED] * 2
    finish(run, yes=Result.SUCCESS)
    assert settle(run) == ["join"]
    finish(run, join=Result.SUCCESS)
    assert roll_up(run) == State(LifeCycle.TERMINATED, Result.SUCCESS, "")


def test_a_task_of_two_dependencies_runs_only_when_its_outcome_is_met_unless_its_run_if_says_more() -> None:
    def task(**fields: Any) -> dict[str, Any]:
        return {"task_key": "t", "depends_on": [{"task_key": "a"}, {"task_key": "if", "outcome": "true"}], **fields}

    for fields, expected in (({}, []), ({"run_if": "AT_LEAST_ONE_SUCCESS"}, ["t"]), ({"run_if": "NONE_FAILED"}, ["t"])):
        run = a_run(spec("a"), {"task_key": "if", "condition_task": {}}, task(**fields))
        decided(run, "if", "false")
        finish(run, a=Result.SUCCESS)
        assert settle(run) == expected
    run = a_run(spec("a"), {"task_key": "if", "condition_task": {}}, task())
    decided(run, "if", "false")
    finish(run, a=Result.FAILED)
    settle(run)
    assert run.task("t").state.result is Result.UPSTREAM_FAILED


def test_the_outcome_of_a_condition_that_was_itself_excluded_is_not_met() -> None:
    inner = {"condition_task": {}, "depends_on": [{"task_key": "outer", "outcome": "true"}]}
    run = a_run(
        spec("outer", condition_task={}),
        spec("beside"),
        {"task_key": "inner", **inner},
        {"task_key": "last", "depends_on": [{"task_key": "inner", "outcome": "true"}, {"task_key": "beside"}]},
    )
    settle(run)
    finish(run, beside=Result.SUCCESS)
    decided(run, "outer", "false")
    assert settle(run) == []
    assert [run.task(key).state.result for key in ("inner", "last")] == [Result.EXCLUDED] * 2


def test_a_failed_condition_fails_both_branches() -> None:
    run = a_branching_run()
    finish(run, **{"if": Result.FAILED})
    settle(run)
    assert {run.task(key).state.result for key in ("yes", "no", "join")} == {Result.UPSTREAM_FAILED}


def test_outcomes_are_of_condition_tasks_and_true_or_false() -> None:
    condition = {"task_key": "if", "condition_task": {}}
    with pytest.raises(InvalidGraph, match="'a', which is not a condition task"):
        validate([spec("a"), {"task_key": "b", "depends_on": [{"task_key": "a", "outcome": "true"}]}])
    with pytest.raises(InvalidGraph, match="it must be true or false"):
        validate([condition, {"task_key": "b", "depends_on": [{"task_key": "if", "outcome": "maybe"}]}])
