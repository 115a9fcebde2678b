"""A whole stack on a real S3 server, which is killed in the middle of a load, and is written by many at once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest.mock import patch

import pytest
from databricks import sql as connector

from harness.dagrun import environment, run_dag
from harness.lake.buckets.features import BY_NAME
from harness.lake.buckets.reset import client
from harness.lake.tables import LakeReader
from harness.settings import Settings
from harness.stack import Stack
from tests.buckets.servers import needed

pytestmark = pytest.mark.slow
WRITERS, COMMITS = 2, 3


@pytest.fixture(scope="module", params=["", pytest.param("minio", marks=pytest.mark.containers)])
def real(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack on the chosen S3 server if that is real and ours to kill, else on SeaweedFS; and on MinIO's container."""
    chosen = Settings(project=request.config.rootpath)
    kind = request.param or ("seaweedfs" if "://" in chosen.s3 or BY_NAME["outage"].missing(chosen.s3) else chosen.s3)
    needed(kind)
    settings = chosen.model_copy(update={"s3": kind})
    with Stack(settings) as stack, patch.dict(os.environ, environment(stack.endpoints)):
        yield stack


@pytest.fixture
def lake(real: Stack) -> LakeReader:
    real.reset()
    return LakeReader(real.workspace_url, real.token, real.s3)


def execute(stack: Stack, *statements: str) -> list[Any]:
    http_path = f"/sql/1.0/warehouses/{stack.warehouse_id}"
    with (
        connector.connect(
            server_hostname="127.0.0.1",
            http_path=http_path,
            access_token=stack.token,
            _connection_uri=stack.workspace_url + http_path,
            enable_telemetry=False,
        ) as connection,
        connection.cursor() as cursor,
    ):
        for statement in statements:
            cursor.execute(statement)
        return list(cursor.fetchall()) if cursor.description else []


def test_a_load_gets_over_an_s3_server_that_is_killed_and_adds_no_row_twice(real, lake, airflow_home):
    airflow_home.clean()
    run_dag("green_energy_extract", home=airflow_home).raise_for_failure()
    outage = contextlib.ExitStack()
    seen: list[str] = []

    def interrupt(event: Any) -> None:
        if event.task_id != "load_file.copy" or event.map_index != 0:
            return
        seen.append(event.state)
        if event.state == "running" and event.try_number == 1:
            outage.enter_context(real.s3_outage())
        elif event.state == "up_for_retry":
            outage.close()

    with outage:
        run_dag("green_energy_load", home=airflow_home, on_event=interrupt).raise_for_failure()
    assert seen[:2] == ["running", "up_for_retry"]
    assert seen[-1] == "success"
    counts = {name: lake.table(f"main.green_energy.{name}").count() for name in ("energy", "facilities")}
    run_dag("green_energy_load", home=airflow_home).raise_for_failure()  # every file is loaded: nothing is added
    assert counts == {name: lake.table(f"main.green_energy.{name}").count() for name in counts}
    (row,) = execute(real, "SELECT count(*), count(DISTINCT struct(*)) FROM main.green_energy.facilities")
    assert row[0] == row[1] == counts["facilities"] > 0


def several_write(stack: Stack) -> None:
    client(stack.s3).create_bucket(Bucket="shared")
    execute(stack, "CREATE TABLE main.default.shared (writer INT, n INT) USING delta LOCATION 's3://shared/t'")

    def write(writer: int) -> None:
        execute(stack, *(f"INSERT INTO main.default.shared VALUES ({writer}, {n})" for n in range(COMMITS)))

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    rows = execute(stack, "SELECT writer, n FROM main.default.shared ORDER BY ALL")
    assert [tuple(row) for row in rows] == [(writer, n) for writer in range(WRITERS) for n in range(COMMITS)]
    reader = LakeReader(stack.workspace_url, stack.token, stack.s3)
    assert reader.table("main.default.shared").count() == WRITERS * COMMITS
    history = execute(stack, "DESCRIBE HISTORY main.default.shared")
    assert len(history) == 1 + WRITERS * COMMITS


@pytest.mark.usefixtures("lake")
def test_writers_within_a_stack_lose_no_commit_of_a_table_in_s3(real):
    several_write(real)


def test_nor_do_those_of_a_stack_on_the_chosen_server(clean_stack):
    several_write(clean_stack)


def test_an_outage_of_moto_or_of_an_endpoint_elsewhere_is_refused():
    for server in ("moto", "http://127.0.0.1:9"):
        with pytest.raises(ValueError, match="can come back"), Stack(Settings(s3=server)).s3_outage():
            pass
