"""Snapshots of a workspace's records and files; their tables are in tests/testing/test_snapshots.py."""

from __future__ import annotations

import io
import os
import sqlite3
from pathlib import Path
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from harness.lake.trees import copy_tree
from harness.runner.run import Result
from harness.workspace import catalogs
from tests.workspace.conftest import Service

TASKS = [{"task_key": "a", "notebook_task": {"notebook_path": "/Shared/pipelines/load"}}]


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def call(http: httpx2.Client, what: str, path: object) -> Any:
    return http.post(f"/_harness/{what}", json={"path": str(path)})


def test_records_and_files_come_back(service: Service, w: WorkspaceClient, http: httpx2.Client, tmp_path: Path) -> None:
    job = http.post("/api/2.2/jobs/create", json={"name": "kept", "tasks": TASKS}).json()["job_id"]
    run = w.jobs.run_now(job).run_id
    service.runner.end(service.runner.next(), Result.SUCCESS)
    w.secrets.create_scope("team")
    w.secrets.put_secret("team", "token", string_value="hush")
    w.dbfs.upload("/data/a.txt", io.BytesIO(b"dbfs"))
    w.catalogs.create("dev")
    w.volumes.create("dev", "default", "v", VolumeType.MANAGED)
    w.files.upload("/Volumes/dev/default/v/b.txt", io.BytesIO(b"volume"))
    assert call(http, "snapshot", tmp_path / "kept").status_code == 200
    w.jobs.delete(job)
    w.files.upload("/Volumes/dev/default/v/b.txt", io.BytesIO(b"changed"), overwrite=True)
    w.dbfs.delete("/data/a.txt")
    later = http.post("/api/2.2/jobs/create", json={"name": "later", "tasks": TASKS}).json()["job_id"]
    for _ in range(2):  # a snapshot is not used up
        assert call(http, "restore", tmp_path / "kept").status_code == 200
        assert [each.settings.name for each in w.jobs.list() if each.settings] == ["kept"]
        assert w.jobs.get_run(run).state.result_state.value == "SUCCESS"
        assert w.dbutils.secrets.get("team", "token") == "hush"
        assert w.dbfs.download("/data/a.txt").read() == b"dbfs"
        assert w.files.download("/Volumes/dev/default/v/b.txt").contents.read() == b"volume"
        w.files.upload("/Volumes/dev/default/v/b.txt", io.BytesIO(b"changed"), overwrite=True)
    assert http.post("/api/2.2/jobs/create", json={"name": "new", "tasks": TASKS}).json()["job_id"] > later


def test_a_managed_location_is_in_the_new_folder(
    service: Service, w: WorkspaceClient, http: httpx2.Client, tmp_path: Path
) -> None:
    w.schemas.create("silver", "main")
    before = w.schemas.get("main.silver").storage_location
    data = catalogs.warehouse(service.workspace) / "main" / "silver" / "t"
    (data / "_delta_log").mkdir(parents=True)
    for name in ("part-0.parquet", "_delta_log/00000000000000000000.json", "_delta_log/_last_checkpoint"):
        (data / name).write_text(name)
    call(http, "snapshot", tmp_path / "kept")
    call(http, "restore", tmp_path / "kept")
    after = w.schemas.get("main.silver").storage_location
    assert before != after
    restored = Path(str(after).removeprefix("file:").replace("//", "/", 1)) / "t"
    kept = tmp_path / "kept" / "warehouse" / "main" / "silver" / "t"
    shared = {
        name: os.path.samefile(restored / name, kept / name)
        for name in ("part-0.parquet", "_delta_log/00000000000000000000.json", "_delta_log/_last_checkpoint")
    }
    assert list(shared.values()) == [True, True, False]  # what is written in place is copied


def test_a_snapshot_is_private_and_never_half(service: Service, http: httpx2.Client, tmp_path: Path) -> None:
    call(http, "snapshot", tmp_path / "kept")
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0
    assert (tmp_path / "kept" / "workspace.db").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    answer = call(http, "snapshot", tmp_path / "kept")
    assert (answer.status_code, "something at" in answer.json()["message"]) == (400, True)


def test_a_workspace_with_active_runs_is_refused(
    service: Service, w: WorkspaceClient, http: httpx2.Client, tmp_path: Path
) -> None:
    http.post("/api/2.2/jobs/runs/submit", json={"tasks": TASKS})
    answer = call(http, "snapshot", tmp_path / "kept")
    assert (answer.status_code, "is under way" in answer.json()["message"]) == (400, True)
    assert not (tmp_path / "kept").exists()


def test_what_is_no_snapshot_is_refused_and_nothing_is_lost(
    w: WorkspaceClient, http: httpx2.Client, tmp_path: Path
) -> None:
    w.secrets.create_scope("mine")
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in (tmp_path / "nothing", broken, "relative", tmp_path / ".." / "x"):
        answer = call(http, "restore", path)
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), path
    (broken / "workspace.json").write_text('{"form": 99}')
    with sqlite3.connect(broken / "workspace.db") as records:
        records.execute("CREATE TABLE documents (kind, id, json)")
    records.close()
    assert "another form, 99" in call(http, "restore", broken).json()["message"]
    assert call(http, "snapshot", "relative").status_code == 400
    assert "mine" in {scope.name for scope in w.secrets.list_scopes()}


def test_what_a_run_has_left_gives_way_to_what_a_snapshot_holds(tmp_path: Path) -> None:
    kept, place = tmp_path / "kept", tmp_path / "place"
    kept.mkdir()
    (kept / "link").symlink_to(tmp_path / "new")
    (kept / "file").write_text("new")
    place.mkdir()
    (place / "link").symlink_to(tmp_path / "old")
    (place / "file").write_text("old")
    copy_tree(kept, place)
    assert os.readlink(place / "link") == str(tmp_path / "new")
    assert (place / "file").read_text() == "new"
