"""The time that the code of a DAG's tasks sees, while Airflow, the stack and the tests keep the real one.

Frozen is what a task's author wrote and what runs for it: ``execute``, templates, callbacks, triggers. Airflow's own
bookkeeping (start and end dates, delays, time-outs) is not, so that retries, reschedules and deferrals go on as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import functools
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

# They wait for nothing but the time itself.
ONLY_TIME = "airflow.providers.standard.triggers.temporal"


class FreezeUnavailable(RuntimeError):
    """The package that stops the clock is not installed."""


class Frozen:
    """A clock that stands still at ``moment``, and is moved only by sleeping. Every part of every try begins there.

    Parameters: ``moment``: aware; its zone is the one of naive times; ``fast``: triggers that wait for a moment move
    the clock there instead. Raises: ``FreezeUnavailable``.
    """

    def __init__(self, moment: datetime.datetime, *, fast: bool = True) -> None:
        try:
            import time_machine
        except ImportError:
            raise FreezeUnavailable(
                "`freeze` needs the package time-machine: pip install 'airflow-databricks-harness[test]'"
            ) from None
        self._library = time_machine
        self._moment = moment
        self._fast = fast

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop the clock for the code that runs meanwhile, in every thread of this process."""
        sleep, async_sleep = time.sleep, asyncio.sleep
        with self._library.travel(self._moment, tick=False) as traveller, contextlib.ExitStack() as kept:

            def slept(seconds: float) -> None:
                sleep(seconds)
                traveller.shift(float(seconds))

            async def async_slept(delay: float, result: Any = None) -> Any:
                skipped = self._fast and sys._getframe(1).f_globals.get("__name__") == ONLY_TIME
                await async_sleep(0 if skipped else delay)
                traveller.shift(float(delay))
                return result

            kept.enter_context(patch.object(time, "sleep", slept))
            kept.enter_context(patch.object(asyncio, "sleep", async_slept))
            for owner, name, real in self._of_the_real_clock():
                kept.enter_context(patch.object(owner, name, real))
            yield

    @contextlib.contextmanager
    def in_tasks(self) -> Iterator[None]:
        """Stop the clock wherever Airflow calls a DAG's own code."""
        from airflow.models.dagrun import DagRun
        from airflow.sdk.execution_time import task_runner
        from airflow.sdk.execution_time.supervisor import InProcessTestSupervisor

        with contextlib.ExitStack() as patched:
            for owner, name in (
                (task_runner, "_execute_task"),
                (task_runner, "_run_task_state_change_callbacks"),
                (task_runner, "_render_map_index"),
                (task_runner.RuntimeTaskInstance, "render_templates"),
                (DagRun, "execute_dag_callbacks"),
            ):
                patched.enter_context(patch.object(owner, name, self._around(getattr(owner, name))))
            run_trigger = InProcessTestSupervisor.run_trigger_in_process
            patched.enter_context(
                patch.object(InProcessTestSupervisor, "run_trigger_in_process", self._around(run_trigger))
            )
            yield

    def _around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(call)
        def frozen(*args: Any, **kwargs: Any) -> Any:
            with self.stopped():
                return call(*args, **kwargs)

        return frozen

    def _of_the_real_clock(self) -> Iterator[tuple[Any, str, Any]]:
        """What has to agree with others' clocks: signatures of S3 requests, dates of rescheduled sensors."""
        from airflow.sdk.bases import sensor

        real = self._library.escape_hatch.datetime.datetime

        def now(remove_tzinfo: bool = True) -> datetime.datetime:
            moment: datetime.datetime = real.now(datetime.UTC)
            return moment.replace(tzinfo=None) if remove_tzinfo else moment

        def seconds_remaining(credentials: Any) -> float:
            return float((credentials._expiry_time - now(remove_tzinfo=False)).total_seconds())

        yield sensor, "timezone", _Zone(sensor.timezone, functools.partial(now, remove_tzinfo=False))
        for name in ("auth", "endpoint", "signers", "utils"):
            if (module := sys.modules.get(f"botocore.{name}")) is not None:
                yield module, "get_current_datetime", now
        if (credentials := sys.modules.get("botocore.credentials")) is not None:
            yield credentials.RefreshableCredentials, "_seconds_remaining", seconds_remaining


class _Zone:
    """Airflow's ``timezone`` module, whose ``utcnow`` is the real one."""

    def __init__(self, module: Any, utcnow: Callable[[], datetime.datetime]) -> None:
        self._module = module
        self.utcnow = utcnow

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@contextlib.contextmanager
def frozen(moment: datetime.datetime | None, *, fast: bool) -> Iterator[None]:
    """Let tasks see ``moment`` meanwhile; ``None``: the real time."""
    if moment is None:
        yield
        return
    with Frozen(moment, fast=fast).in_tasks():
        yield
