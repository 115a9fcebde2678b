"""The production pipeline, as it ships, from the CSV files to the report."""

from __future__ import annotations

from pathlib import Path

import expected
import pandas as pd
import pytest
from green_energy.config import BUCKET

EXTRACT, LOAD, TRANSFORM = "green_energy_extract", "green_energy_load", "green_energy_transform"
SCHEMA = "main.green_energy"


def frames_agree(actual: pd.DataFrame, wanted: pd.DataFrame, by: list[str]) -> None:
    """Same columns, same rows in any order, numbers to nine digits."""
    assert sorted(actual.columns) == sorted(wanted.columns)
    actual = actual[list(wanted.columns)].sort_values(by, ignore_index=True)
    wanted = wanted.sort_values(by, ignore_index=True)
    pd.testing.assert_frame_equal(actual, wanted, check_dtype=False, rtol=1e-9)


@pytest.fixture
def pipeline(run_assets):
    run = run_assets(EXTRACT)
    assert run.success, run
    return run


def test_each_dag_is_started_by_the_asset_of_the_one_before(pipeline):
    assert [run.dag_id for run in pipeline.runs()] == [EXTRACT, LOAD, TRANSFORM]


def test_every_file_lands_in_s3_byte_for_byte(pipeline, s3):
    objects = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert sorted(Path(item["Key"]).name for item in objects) == expected.landed_files()
    assert sum(item["Size"] for item in objects) == expected.landed_bytes()


def test_the_tables_hold_what_pandas_computes_from_the_same_files(pipeline, lake):
    def table(name: str) -> pd.DataFrame:
        return lake.table(f"{SCHEMA}.{name}").to_pandas()

    counts = {name: lake.table(f"{SCHEMA}.{name}").count() for name in expected.row_counts()}
    assert counts == expected.row_counts()
    frames_agree(table("green_readings"), expected.readings(green=True), ["date", "facility_id"])
    frames_agree(table("not_green_readings"), expected.readings(green=False), ["date", "facility_id"])
    frames_agree(table("facility_efficiency"), expected.facility_efficiency(), ["month", "facility_id"])
    model = table("efficiency_model").set_index("term")["coefficient"]
    assert model["green_initiative"] == pytest.approx(expected.green_coefficient(), rel=1e-6)


def test_the_report_reads_the_same_figures_over_thrift(pipeline):
    _, rows = pipeline.run(TRANSFORM).task("report").xcom
    assert [tuple(row) for row in rows] == expected.report()


def test_a_second_run_adds_no_row(pipeline, run_assets, lake):
    again = run_assets(EXTRACT)
    assert again.success, again
    counts = {name: lake.table(f"{SCHEMA}.{name}").count() for name in expected.row_counts()}
    assert counts == expected.row_counts()


def test_the_plot_is_in_the_executed_notebook(pipeline, workspace):
    (run,) = [run for run in workspace.jobs.list_runs(expand_tasks=True) if TRANSFORM in run.run_name]
    (analytics,) = [task for task in run.tasks if task.notebook_task.notebook_path.endswith("/analytics")]
    views = workspace.jobs.export_run(analytics.run_id).views
    assert "data:image/png;base64," in views[0].content
    assert workspace.jobs.get_run_output(analytics.run_id).notebook_output.result
