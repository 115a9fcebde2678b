"""One call, one verdict: ``dag.test()`` made fast and true to production, its outcome as an object."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, TextIO
from unittest.mock import patch

from harness.dagrun import assets, clock, deferral, isolation, partitions, triggered
from harness.dagrun.choice import EVERYTHING, Choice, Names, choose
from harness.dagrun.collect import collect
from harness.dagrun.connections import overrides
from harness.dagrun.frozen import frozen
from harness.dagrun.home import AirflowHome
from harness.dagrun.pools import check as check_pools
from harness.dagrun.pools import make as make_pools
from harness.dagrun.record import Recorder, RunEvent
from harness.dagrun.result import DagRunResult
from harness.dagrun.schedule import Steps
from harness.netguard import ANY, Guard, guarded

MAX_RUNS = 100  # runs that one call may cause through assets, beside the first of each partition
LONG_AGO = datetime.datetime(1900, 1, 1, tzinfo=datetime.UTC)

Moment = datetime.datetime | str
Outcome = Literal["success", "failed"]


def run_dag(
    dag: Any,
    *,
    home: AirflowHome,
    logical_date: Moment | None = None,
    run_after: Moment | None = None,
    partition_key: str | None = None,
    conf: Mapping[str, Any] | None = None,
    params: Mapping[str, Any] | None = None,
    follow_assets: bool = False,
    only: Names | None = None,
    start: Names | None = None,
    until: Names | None = None,
    mocks: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    connections: Mapping[str, Any] | None = None,
    pools: Mapping[str, int] | None = None,
    expect: Outcome | None = None,
    fast: bool = True,
    freeze: Moment | None = None,
    network: Iterable[str] = (ANY,),
    on_event: Callable[[RunEvent], object] | None = None,
    echo: TextIO | None = None,
) -> DagRunResult:
    """Run a DAG through ``dag.test()``, in this process, so that breakpoints in tasks work.

    Parameters: ``dag``: a DAG object, a DAG id, or the file of one; ``home``: entered; ``logical_date`` and
    ``run_after``: moments or ISO text, UTC unless said, now by default; ``partition_key``: of a partitioned DAG, by
    default that of the last tick of its ``CronPartitionTimetable`` until ``run_after`` or ``logical_date``; ``conf``:
    the run's configuration, checked against ``params``; ``params``: values of these, as who triggers a run gives them;
    ``follow_assets``: also run every DAG that asset events schedule, until none is left; ``only``, ``start``,
    ``until``: tasks or groups that run alone, first, last; ``mocks``: task id to what it returns, a callable that gets
    the context, or an exception to raise; ``variables``, ``connections``, ``pools`` (name to slots): more of them, for
    this run; ``expect``: how it must end; ``fast``: do not wait for retries, sensors and polls; ``freeze``: the time
    that the code of tasks sees, also the default of ``logical_date`` and ``run_after``; ``network``: the hosts beyond
    this machine that this process may reach meanwhile, all by default; ``on_event``: told of every change; ``echo``: a
    stream that also gets what the tasks log.
    Returns: the outcome; a failing task raises nothing, ``result.raise_for_failure()`` does.
    Raises: ``DagRunFailed`` when it did not end as expected; ``DagNotFound``, ``DagImportFailed``, ``TaskNotFound``,
    ``BadChoice``, ``PoolMissing``, ``UnrunnableTasks``, ``AssetLoop``, ``FreezeUnavailable``, and Airflow's own
    ``ParamValidationError``, ``DagNotPartitionedError``, ``InvalidPartitionKeyError``.
    """
    moment = _moment(freeze)
    with contextlib.ExitStack() as around:
        enter = around.enter_context
        enter(patch.dict(os.environ, overrides(connections, variables)))
        registry = home.registry
        found = registry.find(dag)
        if follow_assets:
            registry.check()  # a consumer that does not import would silently not run
        choice = choose(found, only=only, start=start, until=until, mocks=mocks)
        make_pools(pools or {})
        execution = _Execution(registry.dags, Recorder(home.logs / "runs", home.router, on_event))
        enter(patch.object(home.router, "echo", echo))
        enter(isolation.terminable())
        enter(isolation.lasting_timeouts())
        enter(isolation.params_kept(registry.dags.values()))
        # A task's warnings do not fail it in production, whatever the test session's filters say.
        enter(warnings.catch_warnings())
        warnings.simplefilter("default")
        enter(isolation.left_open())
        if fast:
            enter(clock.no_waiting(registry.dags.values()))
        enter(choice.stand_ins(found))
        enter(frozen(moment, fast=fast))
        guard = enter(guarded(Guard(network)))
        enter(execution.in_place())
        given = {**(params or {}), **(conf or {})} if params is not None or conf is not None else None
        date, after = _moment(logical_date) or moment, _moment(run_after) or moment
        obtain = functools.partial(partitions.keyed, key=partition_key, moment=after or date)
        before = partitions.last_rows() if follow_assets else (0, 0)
        result = execution.new(found, date, after, given, choice, obtain)
        if follow_assets:
            result = replace(execution.follow(result), waiting=tuple(partitions.waiting(before)))
    result = replace(result, blocked=tuple(guard.attempts))
    return result if expect is None else result.raise_unless(expect)


class _Execution:
    """The runs of one call of :func:`run_dag`."""

    def __init__(self, dags: Mapping[str, Any], recorder: Recorder) -> None:
        self._dags = dags
        self._recorder = recorder
        # Runs nest, since a triggered DAG runs inside the task that triggers it: one list of children a level.
        self._children: list[list[DagRunResult]] = []

    @contextlib.contextmanager
    def in_place(self) -> Any:
        """Put our task runner, and children that run inline, where ``dag.test()`` looks for them."""
        run_task = functools.partial(deferral.run_task, self._recorder)
        with (
            patch("airflow.sdk.definitions.dag._run_task", run_task),
            # All DAGs are registered already; it would parse their files again.
            patch(
                "airflow.dag_processing.bundles.manager.DagBundlesManager.get_all_dag_bundles", lambda self: iter(())
            ),
            triggered.children_run_inline(self._run_child),
        ):
            yield

    def new(
        self,
        dag: Any,
        logical_date: datetime.datetime | None,
        run_after: datetime.datetime | None,
        conf: Mapping[str, Any] | None,
        choice: Choice,
        obtain: Callable[..., Any],
    ) -> DagRunResult:
        """Make a manual run and run it. Parameters: ``obtain``: gives ``get_or_create_dagrun`` a partition key."""
        from airflow.models import dagrun

        # Not None: that would clear the task instances of every earlier run of the DAG (measured on 3.3.2).
        date = logical_date or datetime.datetime.now(datetime.UTC)
        test = functools.partial(
            dag.test, logical_date=date, run_after=run_after, run_conf=dict(conf) if conf is not None else None
        )
        return self._run(dag, test, obtain(dagrun.get_or_create_dagrun), choice)

    def existing(self, row: int) -> DagRunResult:
        """Run a queued run."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session

        with create_session(scoped=False) as session:
            dag = self._dags[session.get(DagRun, row).dag_id]
        # dag.test() first clears the runs of the logical date that it is given: one that no run has.
        return self._run(dag, functools.partial(dag.test, logical_date=LONG_AGO), functools.partial(_adopt, row))

    def follow(self, result: DagRunResult) -> DagRunResult:
        """Run what asset events schedule until nothing is. Returns ``result`` with these runs."""
        runs: list[DagRunResult] = []
        while queued := assets.schedule():
            if len(runs) - len({(run.dag_id, run.partition_key) for run in runs if run.partition_key}) >= MAX_RUNS:
                chain = " → ".join(run.dag_id for run in [result, *runs[:8]])
                raise assets.AssetLoop(f"asset events caused more than {MAX_RUNS} runs: {chain} → …")
            runs.append(self.existing(queued[0]))
        return replace(result, triggered=[*result.triggered, *runs])

    def _run_child(self, dag_id: str, run_id: str, parent: Any) -> None:
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session
        from sqlalchemy import select

        with create_session(scoped=False) as session:
            row = session.scalars(select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)).one()
        task = self._dags[parent.dag_id].get_task(parent.task_id)
        waits = task.partial_kwargs.get("wait_for_completion") if task.is_mapped else task.wait_for_completion
        self._children[-1].append(replace(self.existing(row), awaited=bool(waits)))

    def _run(
        self, dag: Any, test: Callable[[], Any], obtain: Callable[..., Any], choice: Choice = EVERYTHING
    ) -> DagRunResult:
        check_pools(dag, choice.run)
        self._children.append([])
        started, began = time.monotonic(), time.time()
        steps: list[Steps] = []

        def with_steps(**arguments: Any) -> Any:
            run = obtain(**arguments)
            choice.prepare(run, arguments["session"])
            steps.append(Steps(run, dag, functools.partial(self._scheduled, run.dag_id, run.run_id)))
            run.update_state = steps[0]
            self._recorder.emit(RunEvent("run_started", run.dag_id, run.run_id, "running"))
            return run

        try:
            with patch("airflow.models.dagrun.get_or_create_dagrun", with_steps):
                test()
        finally:
            children = self._children.pop()
        run = steps[0].run
        result = collect(run.dag_id, run.run_id, dag, self._recorder, choice.before)
        duration = time.monotonic() - started
        result = replace(result, duration=duration, triggered=children, span=(began, began + duration))
        state = "success" if result.success else "failed"
        self._recorder.emit(RunEvent("run_ended", run.dag_id, run.run_id, state, duration=result.duration))
        return result

    def _scheduled(self, dag_id: str, run_id: str, task_id: str, map_index: int, state: str) -> None:
        self._recorder.emit(RunEvent("task", dag_id, run_id, state, task_id, map_index))


def _adopt(row: int, *, dag: Any, session: Any, **ignored: Any) -> Any:
    """What ``get_or_create_dagrun`` does, for a run that is there."""
    from airflow.models.dagrun import DagRun

    run = session.get(DagRun, row)
    run.state = "running"
    run.start_date = run.start_date or datetime.datetime.now(datetime.UTC)
    run.dag = dag
    run.verify_integrity(session=session, dag_version_id=run.created_dag_version_id)
    session.commit()
    return run


def _moment(value: Moment | None) -> datetime.datetime | None:
    if isinstance(value, str):
        value = datetime.datetime.fromisoformat(value)
    if value is not None and value.tzinfo is None:
        value = value.replace(tzinfo=datetime.UTC)
    return value
