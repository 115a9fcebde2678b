"""The production pipeline, as it ships, from the CSV files to the report."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import boto3
import expected
import pandas as pd
import pytest
from databricks.sdk import WorkspaceClient
from green_energy.config import BUCKET

from harness.dagrun import DagRunResult, run_dag
from harness.lake.tables import LakeReader

EXTRACT, LOAD, TRANSFORM = "green_energy_extract", "green_energy_load", "green_energy_transform"
SCHEMA = "main.green_energy"


def frames_agree(actual: pd.DataFrame, wanted: pd.DataFrame, by: list[str]) -> None:
    """Same columns, same rows in any order, numbers to nine digits."""
    assert sorted(actual.columns) == sorted(wanted.columns)
    actual = actual[list(wanted.columns)].sort_values(by, ignore_index=True)
    wanted = wanted.sort_values(by, ignore_index=True)
    pd.testing.assert_frame_equal(actual, wanted, check_dtype=False, rtol=1e-9)


@dataclass
class Pipeline:
    """One run of all three DAGs, and what came of it; the tests only look."""

    run: DagRunResult
    again: DagRunResult
    counts: dict[str, int]
    lake: LakeReader
    workspace: WorkspaceClient


@pytest.fixture(scope="module")
def pipeline(stack, airflow_home, connected):
    stack.reset()
    airflow_home.clean()
    lake = LakeReader(stack.workspace_url, stack.token, stack.s3)
    run = run_dag(EXTRACT, home=airflow_home, follow_assets=True).raise_for_failure()
    counts = {name: lake.table(f"{SCHEMA}.{name}").count() for name in expected.row_counts()}
    again = run_dag(EXTRACT, home=airflow_home, follow_assets=True)
    return Pipeline(run, again, counts, lake, WorkspaceClient(host=stack.workspace_url, token=stack.token))


def test_each_dag_is_started_by_the_asset_of_the_one_before(pipeline):
    assert [run.dag_id for run in pipeline.run.runs()] == [EXTRACT, LOAD, TRANSFORM]


def test_every_file_lands_in_s3_byte_for_byte(pipeline):
    objects = boto3.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    assert sorted(Path(item["Key"]).name for item in objects) == expected.landed_files()
    assert sum(item["Size"] for item in objects) == expected.landed_bytes()


def test_the_tables_hold_what_pandas_computes_from_the_same_files(pipeline):
    def table(name: str) -> pd.DataFrame:
        return pipeline.lake.table(f"{SCHEMA}.{name}").to_pandas()

    assert pipeline.counts == expected.row_counts()
    frames_agree(table("green_readings"), expected.readings(green=True), ["date", "facility_id"])
    frames_agree(table("not_green_readings"), expected.readings(green=False), ["date", "facility_id"])
    frames_agree(table("facility_efficiency"), expected.facility_efficiency(), ["month", "facility_id"])
    model = table("efficiency_model").set_index("term")["coefficient"]
    assert model["green_initiative"] == pytest.approx(expected.green_coefficient(), rel=1e-6)


def test_the_report_reads_the_same_figures_over_thrift(pipeline):
    _, rows = pipeline.run.run(TRANSFORM).task("report").xcom
    assert [tuple(row) for row in rows] == expected.report()


def test_a_second_run_is_green_and_adds_no_row(pipeline):
    assert pipeline.again.success, pipeline.again
    assert [run.dag_id for run in pipeline.again.runs()] == [EXTRACT, LOAD, TRANSFORM]
    counts = {name: pipeline.lake.table(f"{SCHEMA}.{name}").count() for name in expected.row_counts()}
    assert counts == pipeline.counts


def test_the_plot_is_in_the_executed_notebook(pipeline):
    first, *_ = [run for run in pipeline.workspace.jobs.list_runs(expand_tasks=True) if TRANSFORM in run.run_name]
    (analytics,) = [task for task in first.tasks if task.notebook_task.notebook_path.endswith("/analytics")]
    views = pipeline.workspace.jobs.export_run(analytics.run_id).views
    assert "data:image/png;base64," in views[0].content
    assert pipeline.workspace.jobs.get_run_output(analytics.run_id).notebook_output.result


def test_no_secret_is_in_a_task_log(pipeline):
    logs = [task.log_text() for task in pipeline.run.run(LOAD).tasks if task.task_id.endswith("copy")]
    assert all("AWS_SECRET_KEY = '***'" in log for log in logs)
