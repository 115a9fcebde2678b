"""No waiting for what only time would bring: retry delays, polls, sensors.

A delay stands for work that others do meanwhile; in a local run that work has been done, or is waited for by the
workspace itself, which answers a poll when the state changes. So delays shrink, and what would never come true times
out after :data:`PATIENCE` instead of after days.
"""

from __future__ import annotations

import contextlib
import datetime
import inspect
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Any

PAUSE = 0.02  # seconds between two polls
PATIENCE = 60.0  # seconds until a sensor that keeps saying no has timed out

POLLS = ("poke_interval", "polling_period_seconds", "poll_interval", "polling_interval", "waiter_delay", "poll_sleep")


@contextlib.contextmanager
def no_waiting(dags: Iterable[Any]) -> Iterator[None]:
    """Shorten the delays of every task of ``dags`` meanwhile, and give them back as they were."""
    with contextlib.ExitStack() as restored:
        for dag in dags:
            for task in dag.tasks:
                _shorten(task, restored)
        yield


def _shorten(task: Any, restored: contextlib.ExitStack) -> None:
    given = task.partial_kwargs if task.is_mapped else vars(task)
    if "retry_delay" in given:
        _replace(given, "retry_delay", datetime.timedelta(0), restored)
    if given.get("retry_exponential_backoff"):
        _replace(given, "retry_exponential_backoff", 0, restored)
    if given.get("retry_policy") is not None:
        _replace(given, "retry_policy", _AtOnce(given["retry_policy"]), restored)
    names = {name for name in POLLS if given.get(name) is not None} | _unsaid(task)
    for name in names:
        _replace(given, name, PAUSE, restored)
    if "poke_interval" in names and _is_sensor(task):
        _replace(given, "timeout", min(_seconds(given.get("timeout", PATIENCE)), PATIENCE), restored)
        _replace(given, "exponential_backoff", False, restored)


def _unsaid(task: Any) -> set[str]:
    """The polls that a mapped task leaves to its operator's defaults (30 s, 60 s), which are made at unmapping."""
    expanded = getattr(getattr(task, "expand_input", None), "value", None)
    if not task.is_mapped or not isinstance(expanded, dict):
        return set()
    accepted: set[str] = set()
    for base in task.operator_class.__mro__:
        if "__init__" in vars(base):
            accepted |= inspect.signature(base.__init__).parameters.keys()
    return {name for name in POLLS if name in accepted and name not in expanded}


class _AtOnce:
    """A retry policy that decides as the DAG's own does, without its delay."""

    def __init__(self, policy: Any) -> None:
        self._policy = policy

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        decision = self._policy.evaluate(*args, **kwargs)
        if decision.retry_delay is None:
            return decision
        return type(decision).retry(datetime.timedelta(0), decision.reason)


def _is_sensor(task: Any) -> bool:
    from airflow.sdk import BaseSensorOperator

    operator = task.operator_class if task.is_mapped else type(task)
    return isinstance(operator, type) and issubclass(operator, BaseSensorOperator)


def _seconds(value: Any) -> float:
    return value.total_seconds() if isinstance(value, datetime.timedelta) else float(value)


def _replace(given: MutableMapping[str, Any], name: str, value: Any, restored: contextlib.ExitStack) -> None:
    if name in given:
        restored.callback(given.__setitem__, name, given[name])
    else:
        restored.callback(given.pop, name)
    given[name] = value
