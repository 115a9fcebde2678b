"""Lineage as OpenLineage events: what a consumer of them is told, line by line."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.dagrun import DagRunResult, TaskResult
from harness.dagrun.lineage import Lineage, TaskLineage
from harness.dagrun.work import Work
from harness.testing import openlineage, options

URL = "http://127.0.0.1:4711"
LOADED = TaskLineage(
    "load",
    tables_read=("main.raw.a",),
    tables_written=("main.silver.b",),
    paths_read=("s3://lake/in", "/Volumes/main/raw/files/a.json", "file:/tmp/a.csv"),
    read=("s3://lake/in/one.csv",),
    written=(),
)


def ran(lineage: Lineage | None, **task: Any) -> DagRunResult:
    tasks = [
        TaskResult("load", state="success", spans=((10.0, 11.0), (12.0, 13.5))),
        TaskResult("check", map_index=2, spans=((14.0, 15.0),), **{"state": "success", **task}),
        TaskResult("never", state="upstream_failed"),
    ]
    work = Work() if lineage is None else Work(lineage=lambda: lineage)
    return DagRunResult("etl", "manual__1", "success", tasks, span=(9.0, 16.0), work=work)


def test_every_task_that_ran_has_a_start_and_an_end_with_its_datasets() -> None:
    events = openlineage.events(ran(Lineage((LOADED,))), URL)
    kinds = [(event["eventType"], event["job"]["name"], event["eventTime"]) for event in events]
    assert kinds == [
        ("START", "etl.load", "1970-01-01T00:00:10.000000+00:00"),
        ("COMPLETE", "etl.load", "1970-01-01T00:00:13.500000+00:00"),
        ("START", "etl.check", "1970-01-01T00:00:14.000000+00:00"),
        ("COMPLETE", "etl.check", "1970-01-01T00:00:15.000000+00:00"),
    ]
    for event in events:
        assert set(event) >= {"eventTime", "producer", "schemaURL", "run", "job", "inputs", "outputs"}
        assert event["schemaURL"] == "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
        assert event["run"]["facets"]["parent"]["job"] == {"namespace": "harness", "name": "etl"}
        assert {"_producer", "_schemaURL", "run", "job"} == set(event["run"]["facets"]["parent"])
        uuid.UUID(event["run"]["runId"])
        datetime.fromisoformat(event["eventTime"])
    start, end, *others = events
    assert start["run"]["runId"] == end["run"]["runId"] not in {event["run"]["runId"] for event in others}
    assert start["inputs"] == end["inputs"]
    assert [(each["namespace"], each["name"]) for each in end["inputs"]] == [
        ("databricks://127.0.0.1", "main.raw.a"),
        ("s3://lake", "in"),
        ("hdfs://127.0.0.1", "/Volumes/main/raw/files/a.json"),
        ("file", "/tmp/a.csv"),
        ("s3://lake", "in/one.csv"),
    ]
    assert end["outputs"] == [{"namespace": "databricks://127.0.0.1", "name": "main.silver.b"}]
    assert openlineage.UNSEEN not in end["run"]["facets"]


def test_a_task_that_failed_ends_with_its_error() -> None:
    last = openlineage.events(ran(Lineage(), state="failed", errors=(ValueError("no rows"),)), URL)[-1]
    assert last["eventType"] == "FAIL"
    assert last["run"]["facets"]["errorMessage"]["message"] == "no rows"


@pytest.mark.parametrize(
    ("lineage", "unseen"), [(Lineage((), objects_seen=False), ["objects"]), (None, ["tables", "objects"])]
)
def test_what_nobody_could_see_is_said(lineage: Lineage | None, unseen: list[str]) -> None:
    facet = openlineage.events(ran(lineage), URL)[0]["run"]["facets"]["harness_unseen"]
    assert facet["datasets"] == unseen


def test_events_are_appended_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "events.ndjson"
    for _ in range(2):
        openlineage.append(file, openlineage.events(ran(Lineage((LOADED,))), URL))
    assert [json.loads(line)["job"]["name"] for line in file.read_text().splitlines()] == (
        ["etl.load", "etl.load", "etl.check", "etl.check"] * 2
    )


@pytest.mark.s3("requests")
@pytest.mark.slow
def test_runs_of_tests_are_written_where_the_setting_says(
    run_dag: Any, harness_settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk import DAG, task

    file = tmp_path / "events.ndjson"
    monkeypatch.setattr(harness_settings, "openlineage", file)
    with DAG("writes_one", schedule=None) as dag:

        @task
        def write() -> None:
            import boto3

            boto3.client("s3").create_bucket(Bucket="lake")
            boto3.client("s3").put_object(Bucket="lake", Key="one.txt", Body=b"one")

        write()
    run_dag(dag, expect="success")
    start, end = map(json.loads, file.read_text().splitlines())
    assert (start["eventType"], end["eventType"], end["job"]["name"]) == ("START", "COMPLETE", "writes_one.write")
    assert end["outputs"] == [{"namespace": "s3://lake", "name": "one.txt"}]


def test_the_option_is_the_setting_relative_to_where_pytest_was_called(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request.config.option, "harness_openlineage", "out/events.ndjson")
    file = request.config.invocation_params.dir / "out/events.ndjson"
    assert options.settings(request.config)["HARNESS_OPENLINEAGE"] == str(file)
