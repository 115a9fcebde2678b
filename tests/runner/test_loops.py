from __future__ import annotations

import json

import pytest

from harness.runner.loops import Loop, inputs, iterations, latest_iterations
from harness.runner.run import LifeCycle, Output, Result, Run, State, TaskRun
from harness.runner.taskkinds import CannotRun

WORKSPACE = {"id": "1", "url": "http://w"}


def a_loop(text: str, concurrency: int = 1) -> TaskRun:
    nested = {"task_key": "inner", "notebook_task": {"notebook_path": "/x"}}
    body = {"inputs": text, "task": nested, "concurrency": concurrency}
    return TaskRun(2, "loop", {"task_key": "loop", "for_each_task": body}, "/runs/1/2")


def a_run(task: TaskRun) -> Run:
    parameters = [{"name": "days", "default": '["monday", {"a": 1}]'}]
    return Run(1, 7, "job", {"parameters": parameters, "tasks": [task.spec]}, [task])


def end(task: TaskRun, result: Result, error: str | None = None) -> None:
    task.state, task.output = State(LifeCycle.TERMINATED, result, error or ""), Output(error=error)


def test_the_inputs_are_a_json_array_or_a_reference_to_one() -> None:
    for text, expected in (('[1, null, "a"]', [1, None, "a"]), ("{{job.parameters.days}}", ["monday", {"a": 1}])):
        task = a_loop(text)
        assert inputs(a_run(task), task, WORKSPACE) == expected
    for text in ("{}", "1, 2", '"a"'):
        task = a_loop(text)
        with pytest.raises(CannotRun, match="inputs of task loop are not a JSON array"):
            inputs(a_run(task), task, WORKSPACE)


def test_a_run_with_iterations_survives_the_store() -> None:
    task = a_loop("[]")
    task.iterations = iterations(task, ["a", {"b": None}])
    end(task.iterations[1], Result.FAILED, "no")
    run = a_run(task)
    again = Run.of(json.loads(json.dumps(run.document())))
    assert again == run
    assert [each.run_id for each in again.task_runs()] == [2, *(each.run_id for each in task.iterations)]


def test_the_last_attempt_of_each_iteration_decides_how_the_loop_ends() -> None:
    task = a_loop("[]")
    first, second = task.iterations = iterations(task, ["a", "b"])
    end(first, Result.FAILED, "flaky")
    end(second, Result.SUCCESS)
    loop = Loop(task, lambda _: None, lambda: None)
    state, output = loop.outcome()
    assert (state.result, state.message) == (Result.FAILED, "1 of 2 iterations failed.")
    assert output.error == '1 of 2 iterations failed. The first: iteration 0 with input "a": flaky'
    retried = TaskRun(9, "inner", first.spec, "", attempt=1, index=0, input=["a"])
    end(retried, Result.SUCCESS)
    task.iterations.append(retried)
    assert latest_iterations(task) == [retried, second]
    assert loop.outcome()[0].result is Result.SUCCESS


def test_no_more_iterations_run_at_once_than_the_concurrency_says() -> None:
    import threading

    task = a_loop("[]", concurrency=2)
    task.iterations = iterations(task, list(range(5)))
    meet, order, lock, now, most = threading.Barrier(2, timeout=20), [], threading.Lock(), 0, 0

    def iterate(iteration: TaskRun) -> None:
        nonlocal now, most
        with lock:
            now, order[len(order) :] = now + 1, [iteration.index]
            most = max(most, now)
        if iteration.index < 4:
            meet.wait()
        with lock:
            now -= 1

    loop = Loop(task, iterate, lambda: None)
    loop.start()
    assert loop.wait(20)
    assert (most, sorted(order)) == (2, [0, 1, 2, 3, 4])
