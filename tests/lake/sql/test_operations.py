"""Sessions and statements on a real engine: what ends them, what they hold, what they survive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from harness.lake.engine import Engine
from harness.lake.sql.operations import SqlEngine
from harness.lake.sql.records import Operation, State
from harness.lake.sql.sessions import Session, SessionLost

# Minutes; not to be folded away.
LONG = "SELECT sum(hash(id)) FROM range(1000000000000)"


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(engine: Engine, clock: Clock) -> Iterator[Callable[..., SqlEngine]]:
    made: list[SqlEngine] = []

    def make(**options: Any) -> SqlEngine:
        made.append(SqlEngine(engine, clock=clock, **options))
        return made[-1]

    yield make
    for sql in made:
        sql.stop()


@pytest.fixture
def sql(make: Callable[..., SqlEngine]) -> SqlEngine:
    return make()


def ended(operation: Operation) -> Operation:
    assert operation.wait(120), "the statement did not end"
    return operation


def run(sql: SqlEngine, session: Session, statement: str) -> list[tuple[Any, ...]]:
    operation = ended(sql.submit(session, statement))
    assert operation.state is State.SUCCEEDED, operation.failure
    assert operation.result is not None
    return [tuple(row.values()) for row in operation.result.table.to_pylist()]


def active_jobs(engine: Engine) -> list[int]:
    context = engine.root.sparkContext
    context._jsc.sc().listenerBus().waitUntilEmpty()  # over it the tracker hears that a job has ended
    return list(context.statusTracker().getActiveJobsIds())


def test_sessions_run_side_by_side_and_apart(sql: SqlEngine) -> None:
    def work(number: int) -> list[tuple[Any, ...]]:
        session = sql.open("local")
        run(sql, session, f"CREATE TEMPORARY VIEW numbered AS SELECT {number} AS n")
        return run(sql, session, "SELECT n FROM numbered")

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(4))) == [[(n,)] for n in range(4)]


def test_a_short_statement_does_not_wait_for_the_many_tasks_of_another_session(engine: Engine, sql: SqlEngine) -> None:
    busy, other = sql.open("local"), sql.open("local")
    run(sql, busy, "SELECT 1")
    # Thousands of short tasks, which would all go first if both sessions shared a queue.
    many = sql.submit(busy, "SELECT sum(hash(id)) FROM range(0, 1000000000000, 1, 20000)")
    while not active_jobs(engine):
        assert not many.wait(0.05), many.failure
    assert run(sql, other, "SELECT count(*) FROM range(0, 100, 1, 4) WHERE id % 2 = 0") == [(50,)]
    assert many.state is State.RUNNING
    sql.cancel(many)
    assert many.left.wait(60)
    sql.close(other.id)
    assert sql.open("local").pool == other.pool != busy.pool


def test_one_statements_session_ends_with_it_and_its_result_stays(sql: SqlEngine) -> None:
    first = sql.open("local", brief=True)
    pool = first.pool
    made = ended(sql.submit(first, "CREATE TEMPORARY VIEW mine AS SELECT 1"))
    assert made.state is State.SUCCEEDED
    assert made.left.wait(60)
    assert not first.connected, "its Spark session is let go"
    second = sql.open("local", brief=True)
    assert second.pool == pool, "and so is its pool"
    read = ended(sql.submit(second, "SELECT 2 AS two"))
    assert read.left.wait(60)
    assert sql.operation(read.id) is read
    assert read.result is not None
    assert read.result.table.to_pydict() == {"two": [2]}
    unseen = ended(sql.submit(sql.open("local", brief=True), "SELECT * FROM mine"))
    assert unseen.failure is not None
    assert unseen.failure.condition == "TABLE_OR_VIEW_NOT_FOUND"


def test_a_cancel_reaches_jobs_that_begin_after_it(engine: Engine, sql: SqlEngine) -> None:
    session = sql.open("local")
    run(sql, session, "SELECT 1")
    for _ in range(3):
        operation = sql.submit(session, LONG)
        sql.cancel(operation)
        assert operation.state is State.CANCELED
        assert operation.left.wait(60), "its thread still works"
        # A job that Spark began meanwhile ends by itself when its query has failed (measured, 4.2.0: within 0.5 s).
        deadline = time.monotonic() + 10
        while active_jobs(engine) and time.monotonic() < deadline:
            pass
        assert active_jobs(engine) == []
    assert run(sql, session, "SELECT sum(id) FROM range(10)") == [(45,)]


def test_closing_a_session_ends_its_statements(engine: Engine, sql: SqlEngine) -> None:
    session = sql.open("local")
    operation = sql.submit(session, LONG)
    sql.close(session.id)
    assert operation.state is State.CANCELED
    assert operation.left.wait(60)
    assert sql.operation(operation.id) is None
    with pytest.raises(SessionLost, match="no such session"):
        sql.session(session.id)


def test_a_statement_ends_at_its_timeout(sql: SqlEngine) -> None:
    session = sql.open("local", configuration={"STATEMENT_TIMEOUT": "1"})
    operation = ended(sql.submit(session, LONG))
    assert operation.state is State.FAILED
    assert operation.failure is not None
    assert (operation.failure.condition, operation.failure.state) == ("STATEMENT_TIMEOUT", "57KD0")
    assert operation.left.wait(60)


def test_sessions_go_when_nobody_uses_them_and_nothing_runs(make: Callable[..., SqlEngine], clock: Clock) -> None:
    sql = make(idle=100)
    used, unused, busy = sql.open("local"), sql.open("local"), sql.open("local")
    operation = sql.submit(busy, LONG)
    clock.now = 60
    sql.session(used.id)
    clock.now = 120
    sql.open("local")
    assert sql.session(used.id) is used
    assert sql.session(busy.id) is busy
    with pytest.raises(SessionLost):
        sql.session(unused.id)
    sql.cancel(operation)
    assert operation.left.wait(60)


def test_results_below_the_ceiling_are_kept_and_the_least_asked_for_go_first(
    make: Callable[..., SqlEngine], clock: Clock
) -> None:
    sql = make(ceiling=20_000)
    session = sql.open("local")
    held = [ended(sql.submit(session, "SELECT id FROM range(1000)")) for _ in range(2)]
    clock.now = 1
    sql.operation(held[0].id)
    ended(sql.submit(session, "SELECT id FROM range(1000)"))
    assert [operation.state for operation in held] == [State.SUCCEEDED, State.CLOSED]
    assert sql.status()["result_bytes"] <= 20_000
    too_large = ended(sql.submit(session, "SELECT id FROM range(10000)"))
    assert too_large.failure is not None
    assert "holds at most 20000" in too_large.failure.message


def test_a_bad_setting_or_catalog_fails_the_session(sql: SqlEngine) -> None:
    for options, condition in (
        ({"catalog": "nowhere"}, "NO_SUCH_CATALOG_EXCEPTION"),
        ({"configuration": {"timezone": "Mars"}}, "INVALID_CONF_VALUE.TIME_ZONE"),
    ):
        failure = sql.connect(sql.open("local", **options))  # type: ignore[arg-type]
        assert failure is not None
        assert failure.condition == condition


def test_inserts_that_meet_do_not_claim_each_others_rows(sql: SqlEngine) -> None:
    sessions = [sql.open("local") for _ in range(2)]
    run(sql, sessions[0], "CREATE OR REPLACE TABLE main.default.met (id BIGINT) USING DELTA")
    together = threading.Barrier(2)

    def insert(session: Session, rows: int) -> int | None:
        together.wait(30)
        operation = ended(sql.submit(session, f"INSERT INTO main.default.met SELECT id FROM range({rows})"))
        assert operation.result is not None, operation.failure
        return operation.result.modified

    with ThreadPoolExecutor(2) as pool:
        counts = list(pool.map(insert, sessions, [3, 5]))
    assert all(count in (None, rows) for count, rows in zip(counts, (3, 5), strict=True))


def test_the_engines_death_is_told_and_outlived(engine: Engine, sql: SqlEngine) -> None:
    session = sql.open("local")
    assert sql.connect(session) is None
    operation = sql.submit(session, LONG)
    psutil.Process(engine.status()["pid"]).kill()
    assert ended(operation).state is State.FAILED
    assert operation.failure is not None
    assert operation.failure.condition == "ENGINE_LOST"
    assert "The Spark engine stopped" in operation.failure.message
    with pytest.raises(SessionLost, match="The Spark engine stopped"):
        sql.session(session.id)
    assert run(sql, sql.open("local"), "SELECT 7") == [(7,)]
