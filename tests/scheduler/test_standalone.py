"""The production DAGs under Airflow's own scheduler, triggerer and executor, started by their assets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.dagrun.connections import environment
from harness.stack import Stack
from tests.scheduler.standalone import Airflow, standalone

pytestmark = [pytest.mark.slow, pytest.mark.scheduler]

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def airflow(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Airflow]:
    stack.reset()
    bundles = {"project": PROJECT / "dags", "scheduler": Path(__file__).parent / "dags"}
    with standalone(tmp_path_factory.mktemp("airflow"), bundles, environment(stack.endpoints)) as started:
        yield started


def test_the_three_dags_run_one_after_the_other_by_their_assets(airflow, stack):
    from harness.lake.tables import LakeReader

    airflow.three_dags_by_their_assets()
    lake = LakeReader(stack.workspace_url, stack.token, stack.s3)
    assert lake.table("main.green_energy.facility_efficiency").count() > 0


def test_deferrable_operators_wait_in_the_triggerer_beside_each_other(airflow, stack):
    import base64

    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.workspace import ImportFormat, Language

    workspace = WorkspaceClient(host=stack.workspace_url, token=stack.token)
    workspace.workspace.mkdirs("/Workspace/Users/scheduler")
    source = base64.b64encode(b"print(6 * 7)\n").decode()
    workspace.workspace.import_(
        "/Workspace/Users/scheduler/answer", content=source, format=ImportFormat.SOURCE, language=Language.PYTHON
    )
    airflow.dag("deferred")
    airflow.ask("POST", "/api/v2/dags/deferred/dagRuns", {"logical_date": None})
    run = airflow.ended("deferred")
    tasks = {each["task_id"]: each for each in airflow.tasks("deferred", run["dag_run_id"])}
    assert run["state"] == "success", tasks
    first, second = tasks["run_0"], tasks["run_1"]
    assert {first["state"], second["state"], tasks["last"]["state"]} == {"success"}
    assert first["start_date"] < second["end_date"]
    assert second["start_date"] < first["end_date"]
    # Only a task that was deferred has been given to a triggerer.
    logs = airflow.ask("GET", f"/api/v2/dags/deferred/dagRuns/{run['dag_run_id']}/taskInstances/run_0/logs/1")
    assert "defer" in str(logs).lower()
