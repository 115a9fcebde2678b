"""Factories on a stack: each makes what its client then finds."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

Fixture = Any


def test_objects_are_bytes_text_json_or_files(
    make_object: Fixture, make_bucket: Fixture, s3: Any, tmp_path: Path
) -> None:
    (tmp_path / "file.csv").write_text("a,b\n")
    assert make_object("lake/raw/one.bin", b"\x00") == "s3://lake/raw/one.bin"
    make_object("s3://lake/two.txt", "zwei", Metadata={"by": "test"})
    make_object("lake/three.json", {"n": 3})
    make_object("lake/four.csv", tmp_path / "file.csv")
    read = {key: s3.get_object(Bucket="lake", Key=key) for key in ("raw/one.bin", "two.txt", "three.json", "four.csv")}
    assert [each["Body"].read() for each in read.values()] == [b"\x00", b"zwei", b'{"n": 3}', b"a,b\n"]
    assert read["two.txt"]["Metadata"] == {"by": "test"}
    with pytest.raises(ValueError, match="names no key"):
        make_object("lake")
    assert [make_bucket(), make_bucket(), make_bucket("lake")] == ["bucket-1", "bucket-2", "lake"]


@pytest.mark.slow
def test_a_table_holds_the_rows_with_their_types(
    make_table: Fixture, assert_table: Fixture, assert_schema: Fixture, tmp_path: Path
) -> None:
    day, moment = datetime.date(2024, 1, 31), datetime.datetime(2024, 1, 31, 12, tzinfo=datetime.UTC)
    rows = [
        {"id": 1, "price": Decimal("1.10"), "day": day, "at": moment, "tags": ["a"], "deep": {"x": 1.5}, "none": None},
        {"id": 2, "price": None, "day": None, "at": None, "tags": [], "deep": None, "none": None, "late": True},
    ]
    make_table("main.raw.typed", rows)
    assert_table("main.raw.typed", [{"late": None, **row} for row in rows])
    assert_schema(
        "main.raw.typed",
        "id BIGINT, price DECIMAL(3,2), day DATE, at TIMESTAMP, tags ARRAY<STRING>, deep STRUCT<x: DOUBLE>, "
        "none STRING, late BOOLEAN",
    )
    csv = tmp_path / "meters.csv"
    csv.write_text("id,place,kwh\n1,north,1.5\n2,,2\n")
    make_table("dev.raw.meters", csv)
    assert_table("dev.raw.meters", csv)
    assert_schema("dev.raw.meters", "id BIGINT, place STRING, kwh DOUBLE")


@pytest.mark.slow
def test_a_table_has_the_schema_that_is_given(
    make_table: Fixture, assert_table: Fixture, assert_schema: Fixture, sql: Any, lake: Any
) -> None:
    make_table("main.raw.empty", schema="id INT, name STRING")
    assert_table("main.raw.empty", [])
    make_table(
        "main.raw.parts",
        [(1, "a"), (2, "b")],
        {"id": "SMALLINT", "part": "STRING"},
        partitioned_by=["part"],
        properties={"delta.enableChangeDataFeed": "true"},
    )
    assert_schema("main.raw.parts", "id SMALLINT, part STRING")
    assert lake.table("main.raw.parts").delta.metadata().partition_columns == ["part"]
    make_table("main.raw.parts", pd.DataFrame({"id": [3], "part": ["c"]}))
    assert_table("main.raw.parts", [(3, "c")], ordered=True)
    sql("CREATE VIEW main.raw.view AS SELECT id FROM main.raw.parts")
    assert_table("main.raw.view", [{"id": 3}])
    with pytest.raises(ValueError, match=r"columns of main\.raw\.unknown are not known"):
        make_table("main.raw.unknown")


def test_volumes_notebooks_secrets_jobs_and_warehouses(
    make_volume: Fixture,
    make_notebook: Fixture,
    make_secret: Fixture,
    make_job: Fixture,
    make_warehouse: Fixture,
    make_schema: Fixture,
    workspace: Any,
    tmp_path: Path,
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.txt").write_text("b")
    root = make_volume("main.raw.files", {"deep/a.txt": "a"})
    make_volume("main.raw.files", tmp_path)
    assert workspace.files.download(f"{root}/deep/a.txt").contents.read() == b"a"
    assert workspace.files.download(f"{root}/sub/b.txt").contents.read() == b"b"
    (tmp_path / "report.sql").write_text("SELECT 1")
    path = make_notebook("print(1)")
    assert make_notebook(tmp_path / "report.sql", "/Users/team/report") == "/Users/team/report"
    assert workspace.workspace.get_status(path).language.value == "PYTHON"
    assert workspace.workspace.get_status("/Users/team/report").language.value == "SQL"
    assert make_secret("team/token", "hush") == "{{secrets/team/token}}"
    assert [each.key for each in workspace.secrets.list_secrets("team")] == ["token"]
    job = workspace.jobs.get(make_job(path, max_concurrent_runs=3))
    assert (job.settings.name, job.settings.max_concurrent_runs) == ("job-1", 3)
    assert job.settings.tasks[0].notebook_task.notebook_path == path
    assert workspace.warehouses.get(make_warehouse("bi")).name == "bi"
    assert make_schema("main.silver") == make_schema("main.silver")
