"""Runs of a part of a DAG, with stand-ins for what must not be touched, and in pools."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.dagrun import AirflowHome, DagRunFailed, DagRunResult
from harness.dagrun.choice import BadChoice, TaskNotFound
from harness.dagrun.pools import PoolMissing

Run = Callable[..., DagRunResult]
WHOLE = {"ask_partner": [1, 2], "mail": "sent"}


def xcoms(result: DagRunResult) -> dict[str, Any]:
    return {task.name: task.xcom for task in result.tasks}


def test_a_mock_stands_in_for_a_task(run: Run) -> None:
    assert not run("in_parts").success
    result = run("in_parts", mocks=WHOLE, params={"rows": 3}, expect="success")
    assert xcoms(result) == {
        "ask_partner": [1, 2],
        "plan": [1, 2, 3],
        "load[0]": 10,
        "load[1]": 20,
        "load[2]": 30,
        "report": 60,
        "notify": "60 in try 1",
        "mail": "sent",
    }
    assert "the partner is not for tests" in str(run("in_parts"))  # the mocks were of that run alone


def test_a_mock_is_called_with_the_context_and_may_raise(run: Run) -> None:
    tries: list[int] = []

    def notify(context: Any) -> str:
        tries.append(context["ti"].try_number)
        if len(tries) == 1:
            raise ConnectionError("busy")
        return context["ti"].xcom_pull("report")

    result = run("in_parts", mocks={**WHOLE, "notify": notify, "load": lambda context: 7}, expect="success")
    assert (tries, result.task("notify").xcom) == ([1, 2], 21)
    failed = run("in_parts", mocks={**WHOLE, "load": ValueError("no room")}, expect="failed")
    assert failed.task("load", 0).state == "failed"
    assert failed.task("report").state == "upstream_failed"


def test_one_task_runs_alone_on_what_is_given(run: Run) -> None:
    result = run("in_parts", only="report", mocks={"load": [1, 2, 3]}, expect="success")
    assert xcoms(result) == {"report": 6}
    assert xcoms(run("in_parts", only="plan", mocks={"ask_partner": [4]}, expect="success")) == {"plan": [4, 1]}


def test_a_run_starts_and_ends_where_it_is_told(run: Run) -> None:
    result = run("in_parts", start="load", until="report", mocks={"plan": [5, 6]}, expect="success")
    assert xcoms(result) == {"load[0]": 50, "load[1]": 60, "report": 110}
    assert [task.name for task in run("in_parts", until="ask_partner").tasks] == ["ask_partner"]
    assert xcoms(run("in_parts", start="notify", mocks={"report": 9, "mail": 1}))["notify"] == "9 in try 1"


def test_a_mapped_group_runs_as_a_whole(run: Run) -> None:
    result = run("in_groups", only="each", mocks={"more_numbers": [1, 2]}, expect="success")
    assert xcoms(result) == {"each.first[0]": 2, "each.first[1]": 3, "each.second[0]": 4, "each.second[1]": 6}
    with pytest.raises(BadChoice, match=r"'each\.second' is mapped together with each\.first: choose its group"):
        run("in_groups", only="each.second", mocks={"more_numbers": [1, 2]})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": "load"}, "'load' is expanded over what 'plan' returns, which does not run: give it with mocks"),
        ({"only": "report", "start": "load"}, "only=… says all"),
        ({"start": "report", "until": "plan"}, "nothing of in_parts is between"),
        ({"only": "plan", "mocks": {"mail": 1}}, "'mail' is not part of this run"),
        ({"only": "plan", "mocks": {"ask_partner": lambda context: []}}, "must be the value that it has returned"),
        ({"only": "report", "mocks": {"load": 1}}, "'load' is mapped: give the list"),
    ],
)
def test_a_choice_that_makes_no_sense_is_refused(run: Run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadChoice, match=message):
        run("in_parts", **options)


def test_unknown_tasks_are_named_with_near_ones(run: Run) -> None:
    with pytest.raises(TaskNotFound, match="no task 'reports': did you mean report"):
        run("in_parts", only="reports")
    with pytest.raises(TaskNotFound, match="no task 'notifies': did you mean notify"):
        run("in_parts", mocks={"notifies": 1})


def test_an_expectation_that_is_not_met_fails(run: Run) -> None:
    with pytest.raises(DagRunFailed, match="the partner is not for tests"):
        run("in_parts", expect="success")
    with pytest.raises(DagRunFailed, match="expected to fail, but DAG in_parts succeeded"):
        run("in_parts", mocks=WHOLE, expect="failed")


def test_tasks_that_would_wait_for_a_pool_for_ever_are_named(run: Run) -> None:
    with pytest.raises(PoolMissing) as caught:
        run("in_pools")
    assert "call uses the pool 'partners', which does not exist" in str(caught.value)
    assert "large takes 500 slots of the pool 'default_pool', which has 128" in str(caught.value)
    assert run("in_pools", only="call", pools={"partners": 1}).success
    assert run("in_pools", pools={"default_pool": -1}).success


def test_tasks_are_as_they_were_afterwards(run: Run, home: AirflowHome) -> None:
    tasks = home.registry.dags["in_parts"].task_dict
    before = {name: dict(vars(task)) for name, task in tasks.items() if not task.is_mapped}
    operator = tasks["load"].operator_class
    run("in_parts", mocks={**WHOLE, "load": 1})
    assert {name: dict(vars(tasks[name])) for name in before} == before
    assert tasks["load"].operator_class is operator
