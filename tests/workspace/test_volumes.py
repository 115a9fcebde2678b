"""Unity Catalog's volumes through the SDK, and the folders they have on this machine."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, NotImplemented, ResourceConflict
from databricks.sdk.service.catalog import VolumeType

from tests.workspace.conftest import Service

VOLUMES = "/api/2.1/unity-catalog/volumes"


@pytest.fixture(autouse=True)
def empty(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def found_at(service: Service, name: str) -> Path:
    """Where notebooks and Spark find a volume."""
    return service.workspace.paths.local(f"/Volumes/main/default/{name}")


def test_a_managed_volume_has_a_folder_below_its_schemas_root(w: WorkspaceClient, service: Service) -> None:
    made = w.volumes.create("main", "default", "Raw", VolumeType.MANAGED, comment="in")
    assert (made.full_name, made.name, made.comment) == ("main.default.raw", "raw", "in")
    assert made.storage_location is not None
    assert made.storage_location.startswith(w.schemas.get("main.default").storage_root or "-")
    assert w.volumes.read("main.default.RAW") == made
    assert list(w.volumes.list("main", "default")) == [made]
    local = Path(made.storage_location.removeprefix("file://"))
    (local / "x").write_text("1")
    assert (found_at(service, "Raw") / "x").read_text() == "1"


def test_a_volume_is_renamed_with_its_files(w: WorkspaceClient, service: Service) -> None:
    w.volumes.create("main", "default", "old", VolumeType.MANAGED)
    (found_at(service, "old") / "x").write_text("1")
    renamed = w.volumes.update("main.default.old", new_name="new", comment="c", owner="you@example.com")
    assert (renamed.full_name, renamed.comment, renamed.owner) == ("main.default.new", "c", "you@example.com")
    assert (found_at(service, "new") / "x").read_text() == "1"
    assert not found_at(service, "old").exists()
    with pytest.raises(NotFound):
        w.volumes.read("main.default.old")
    w.volumes.create("main", "default", "old", VolumeType.MANAGED)
    with pytest.raises(ResourceConflict):
        w.volumes.update("main.default.old", new_name="new")


def test_deleting_takes_a_managed_volumes_files_and_leaves_an_external_ones(
    w: WorkspaceClient, service: Service, tmp_path: Path
) -> None:
    w.volumes.create("main", "default", "mine", VolumeType.MANAGED)
    theirs = tmp_path / "theirs"
    w.volumes.create("main", "default", "theirs", VolumeType.EXTERNAL, storage_location=f"file://{theirs}")
    folder = found_at(service, "mine").resolve()
    (folder / "x").touch()
    (theirs / "x").touch()
    assert (found_at(service, "theirs") / "x").exists()
    w.volumes.delete("main.default.mine")
    w.volumes.delete("main.default.theirs")
    assert not folder.exists()
    assert (theirs / "x").exists()
    assert not found_at(service, "theirs").exists()
    assert list(w.volumes.list("main", "default")) == []


def test_a_volume_in_s3_is_kept_and_says_that_its_files_are_not_served(w: WorkspaceClient) -> None:
    made = w.volumes.create("main", "default", "far", VolumeType.EXTERNAL, storage_location="s3://bucket/far")
    assert w.volumes.read("main.default.far").storage_location == made.storage_location == "s3://bucket/far"
    with pytest.raises(NotImplemented, match="s3://bucket/far"):
        list(w.files.list_directory_contents("/Volumes/main/default/far"))


def test_a_schema_with_volumes_is_not_empty(w: WorkspaceClient, service: Service) -> None:
    w.schemas.create("s", "main")
    w.volumes.create("main", "s", "v", VolumeType.MANAGED)
    with pytest.raises(BadRequest, match="not empty"):
        w.schemas.delete("main.s")
    w.schemas.delete("main.s", force=True)
    assert service.workspace.store.get("volume", "main.s.v") is None
    assert not service.workspace.paths.local("/Volumes/main/s/v").exists()


def test_managed_files_go_wherever_their_schemas_root_is_and_external_ones_stay(
    w: WorkspaceClient, http: httpx2.Client, tmp_path: Path
) -> None:
    def make() -> tuple[Path, Path]:
        w.schemas.create("s", "main", storage_root=f"file:{tmp_path}/root")
        mine = w.volumes.create("main", "s", "mine", VolumeType.MANAGED).storage_location or ""
        theirs = tmp_path / "theirs"
        w.volumes.create("main", "s", "theirs", VolumeType.EXTERNAL, storage_location=f"file:{theirs}")
        (theirs / "x").touch()
        return Path(mine.removeprefix("file:")), theirs / "x"

    mine, theirs = make()
    w.schemas.delete("main.s", force=True)
    assert (mine.exists(), theirs.exists()) == (False, True)
    mine, theirs = make()
    http.post("/_harness/reset").raise_for_status()
    assert (mine.exists(), theirs.exists()) == (False, True)
    assert list(w.volumes.list("main", "default")) == []


def test_lists_come_in_pages(w: WorkspaceClient) -> None:
    for name in ("a", "b", "c"):
        w.volumes.create("main", "default", name, VolumeType.MANAGED)
    assert [v.name for v in w.volumes.list("main", "default", max_results=2)] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"volume_type": "OTHER"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"volume_type": None}, 400, "INVALID_PARAMETER_VALUE"),
        ({"name": "a/b"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"name": ["x"]}, 400, "INVALID_PARAMETER_VALUE"),
        ({"storage_location": "file:/tmp/x"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"volume_type": "EXTERNAL"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"volume_type": "EXTERNAL", "storage_location": "relative"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"volume_type": "EXTERNAL", "storage_location": "file:/tmp/../etc"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"volume_type": "EXTERNAL", "storage_location": "file:/dev/null/x"}, 400, "INVALID_PARAMETER_VALUE"),
        ({"schema_name": "nowhere"}, 404, "SCHEMA_DOES_NOT_EXIST"),
        ({"catalog_name": "nowhere"}, 404, "CATALOG_DOES_NOT_EXIST"),
        ({"name": "there"}, 409, "VOLUME_ALREADY_EXISTS"),
    ],
)
def test_bad_volumes_are_refused(http: httpx2.Client, fields: dict[str, object], status: int, code: str) -> None:
    good = {"catalog_name": "main", "schema_name": "default", "name": "there", "volume_type": "MANAGED"}
    http.post(VOLUMES, json=good).raise_for_status()
    answer = http.post(VOLUMES, json={**good, "name": "v", **fields})
    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert [v["name"] for v in http.get(VOLUMES, params=good).json()["volumes"]] == ["there"]


def test_an_unknown_volume_is_not_found(http: httpx2.Client) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = http.request(method, f"{VOLUMES}/main.default.none")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "VOLUME_DOES_NOT_EXIST")
    assert http.get(f"{VOLUMES}/main.default").json()["error_code"] == "INVALID_PARAMETER_VALUE"
