"""The DBFS API through the SDK and its helpers, and what raw HTTP must not get from it."""

from __future__ import annotations

import base64
import io
import os
from pathlib import Path

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, ResourceAlreadyExists

from tests.workspace.conftest import Service

DBFS = "/api/2.0/dbfs"
MEGABYTE = 1024 * 1024


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


@pytest.fixture(autouse=True)
def empty(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


@pytest.fixture
def folder(service: Service) -> Path:
    return service.workspace.paths.local("dbfs:/")


def test_a_file_is_written_in_blocks_and_read_in_chunks(w: WorkspaceClient, folder: Path) -> None:
    data = os.urandom(2 * MEGABYTE + 17)
    with w.dbfs.open("dbfs:/in/data.bin", write=True) as file:
        file.write(data)
    with w.dbfs.open("/in/data.bin", read=True) as file:
        assert file.read() == data
    assert (folder / "in/data.bin").read_bytes() == data
    status = w.dbfs.get_status("/in/data.bin")
    assert (status.path, status.is_dir, status.file_size) == ("/in/data.bin", False, len(data))
    assert w.dbfs.get_status("dbfs:/in").is_dir


def test_a_stream_is_seen_once_it_is_closed(w: WorkspaceClient) -> None:
    handle = w.dbfs.create("/late").handle
    w.dbfs.add_block(handle, encoded(b"one,"))
    with pytest.raises(NotFound):
        w.dbfs.get_status("/late")
    w.dbfs.add_block(handle, encoded(b"two"))
    w.dbfs.close(handle)
    assert base64.b64decode(w.dbfs.read("/late").data) == b"one,two"
    for unknown in (lambda: w.dbfs.add_block(handle, encoded(b"x")), lambda: w.dbfs.close(handle)):
        with pytest.raises(NotFound, match="No stream"):
            unknown()


def test_folders_are_copied_moved_listed_and_deleted(w: WorkspaceClient, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.txt").write_text("a")
    (tmp_path / "deep/b.txt").write_text("b")
    w.dbfs.copy(f"file:{tmp_path}", "dbfs:/copied", recursive=True)
    names = {info.path for info in w.dbfs.list("/copied", recursive=True)}
    assert names == {"/copied/a.txt", "/copied/deep/b.txt"}
    w.dbfs.move_("dbfs:/copied", "dbfs:/moved", recursive=True)
    assert not w.dbfs.exists("/copied")
    assert [(i.path, i.is_dir) for i in w.dbfs.list("/moved")] == [("/moved/a.txt", False), ("/moved/deep", True)]
    assert w.dbfs.download("/moved/deep/b.txt").read() == b"b"
    with pytest.raises(BadRequest, match="not empty"):
        w.api_client.do("POST", f"{DBFS}/delete", body={"path": "/moved"})
    w.dbfs.delete("/moved", recursive=True)
    assert list(w.dbfs.list("/")) == []


def test_what_exists_is_replaced_only_when_told(w: WorkspaceClient) -> None:
    w.dbfs.put("/f", contents=encoded(b"1"))
    w.dbfs.mkdirs("/d")
    for again in (
        lambda: w.dbfs.put("/f", contents=encoded(b"2")),
        lambda: w.dbfs.create("/f"),
        lambda: w.dbfs.create("/d", overwrite=True),
        lambda: w.dbfs.move("/d", "/f"),
        lambda: w.dbfs.mkdirs("/f/below"),
        lambda: w.dbfs.put("/f/below", contents=encoded(b"2")),
    ):
        with pytest.raises(ResourceAlreadyExists):
            again()
    assert w.dbfs.download("/f").read() == b"1"
    assert w.dbfs.get_status("/d").is_dir
    w.dbfs.put("/f", contents=encoded(b"2"), overwrite=True)
    w.dbfs.upload("/f", io.BytesIO(b"3"), overwrite=True)
    assert w.dbfs.download("/f").read() == b"3"


def test_a_form_carries_more_than_a_block(http: httpx2.Client, folder: Path) -> None:
    data = os.urandom(3 * MEGABYTE)
    answer = http.post(f"{DBFS}/put", data={"path": "/x/big", "overwrite": "True"}, files={"contents": ("big", data)})
    assert (answer.status_code, answer.json()) == (200, {})
    assert (folder / "x/big").read_bytes() == data


def test_the_limits_are_the_services(http: httpx2.Client) -> None:
    http.post(f"{DBFS}/put", json={"path": "/f", "contents": encoded(b"0123456789")})
    too_much = encoded(b"x" * (MEGABYTE + 1))
    handle = http.post(f"{DBFS}/create", json={"path": "/g"}).json()["handle"]
    answers = {
        "put": http.post(f"{DBFS}/put", json={"path": "/g", "contents": too_much}),
        "add": http.post(f"{DBFS}/add-block", json={"handle": handle, "data": too_much}),
        "read": http.get(f"{DBFS}/read", params={"path": "/f", "length": MEGABYTE + 1}),
    }
    codes = {name: (answer.status_code, answer.json()["error_code"]) for name, answer in answers.items()}
    assert codes == {
        "put": (400, "MAX_BLOCK_SIZE_EXCEEDED"),
        "add": (400, "MAX_BLOCK_SIZE_EXCEEDED"),
        "read": (400, "MAX_READ_SIZE_EXCEEDED"),
    }
    assert http.get(f"{DBFS}/read", params={"path": "/f", "offset": 8, "length": 5}).json() == {
        "bytes_read": 2,
        "data": encoded(b"89"),
    }
    assert http.get(f"{DBFS}/read", params={"path": "/f", "offset": 99}).json()["bytes_read"] == 0


def test_deleting_what_is_not_there_succeeds_and_reading_it_does_not(w: WorkspaceClient) -> None:
    w.api_client.do("POST", f"{DBFS}/delete", body={"path": "/never"})
    for missing in (
        lambda: w.dbfs.get_status("/never"),
        lambda: w.dbfs.read("/never"),
        lambda: list(w.dbfs.list("/never")),
        lambda: w.dbfs.move("/never", "/somewhere"),
    ):
        with pytest.raises(NotFound):
            missing()


@pytest.mark.parametrize("path", ["/../etc/passwd", "/a/../../b", "relative", "", "dbfs:", "/a\x00b", "/" + "n" * 256])
@pytest.mark.parametrize("operation", ["get-status", "list", "read", "put", "create", "mkdirs", "delete", "move"])
def test_paths_that_climb_or_are_relative_are_refused(http: httpx2.Client, operation: str, path: str) -> None:
    if operation in ("get-status", "list", "read"):
        answer = http.get(f"{DBFS}/{operation}", params={"path": path})
    else:
        body = {"path": path, "source_path": path, "destination_path": "/x", "contents": "", "recursive": True}
        answer = http.post(f"{DBFS}/{operation}", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("operation", "body", "word"),
    [
        ("put", {"path": "/f", "contents": "?!"}, "base64"),
        ("put", {"path": "/f"}, "contents"),
        ("put", {"path": 7, "contents": ""}, "path"),
        ("create", {"path": "/f", "overwrite": "maybe"}, "overwrite"),
        ("add-block", {"handle": "seven", "data": ""}, "handle"),
        ("delete", {"path": "/", "recursive": True}, "root"),
        ("mkdirs", {"path": "/Volumes/main/default/v"}, "Files API"),
    ],
)
def test_bad_fields_are_refused_by_name(
    http: httpx2.Client, operation: str, body: dict[str, object], word: str
) -> None:
    answer = http.post(f"{DBFS}/{operation}", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert word in answer.json()["message"]


def test_links_that_lead_out_are_not_followed(http: httpx2.Client, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    (folder / "way-out").symlink_to(tmp_path)
    for path in ("/way-out", "/way-out/secret"):
        for operation in ("read", "list", "get-status"):
            assert http.get(f"{DBFS}/{operation}", params={"path": path}).status_code == 403
        assert http.post(f"{DBFS}/put", json={"path": path, "contents": "", "overwrite": True}).status_code == 403
        assert http.post(f"{DBFS}/delete", json={"path": path, "recursive": True}).status_code == 403
    assert http.get(f"{DBFS}/list", params={"path": "/"}).json() == {}
    assert (tmp_path / "secret").read_text() == "mine"


def test_moving_a_folder_into_itself_is_refused(http: httpx2.Client, folder: Path) -> None:
    (folder / "d").mkdir()
    answer = http.post(f"{DBFS}/move", json={"source_path": "/d", "destination_path": "/d/e"})
    assert answer.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    assert (folder / "d").is_dir()


def test_a_reset_empties_dbfs(w: WorkspaceClient, http: httpx2.Client, service: Service) -> None:
    w.dbfs.put("/f", contents=encoded(b"1"))
    handle = w.dbfs.create("/g").handle
    http.post("/_harness/reset")
    assert list(w.dbfs.list("/")) == []
    assert not service.workspace.config.uploads.exists()
    with pytest.raises(NotFound):
        w.dbfs.close(handle)
