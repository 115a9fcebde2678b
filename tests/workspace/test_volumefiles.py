"""The Files API through the SDK (small files, parts, ranges, folders), and what raw HTTP must not get from it."""

from __future__ import annotations

import io
import os
from http.client import HTTPConnection
from pathlib import Path

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import AlreadyExists, BadRequest, NotFound
from databricks.sdk.service.catalog import VolumeType

from tests.workspace.conftest import Service

ROOT = "/Volumes/main/default/v"
FILES, DIRECTORIES = "/api/2.0/fs/files", "/api/2.0/fs/directories"
MEGABYTE = 1024 * 1024


@pytest.fixture(autouse=True)
def volume(http: httpx2.Client, w: WorkspaceClient, service: Service) -> Path:
    http.post("/_harness/reset")
    w.volumes.create("main", "default", "v", VolumeType.MANAGED)
    return service.workspace.paths.local(ROOT)


def operations(http: httpx2.Client) -> list[str]:
    return [entry["operation"] for entry in http.get("/_harness/requests").json()["requests"]]


def test_a_file_is_uploaded_described_downloaded_and_deleted(w: WorkspaceClient, volume: Path) -> None:
    path = f"{ROOT}/in/a b+ü.bin"
    w.files.upload(path, io.BytesIO(b"\x00hello"))
    assert (volume / "in/a b+ü.bin").read_bytes() == b"\x00hello"
    about = w.files.get_metadata(path)
    assert (about.content_length, about.content_type) == (6, "application/octet-stream")
    answer = w.files.download(path)
    assert answer.contents is not None
    assert (answer.contents.read(), answer.last_modified) == (b"\x00hello", about.last_modified)
    w.files.delete(path)
    for missing in (w.files.delete, w.files.get_metadata, w.files.download):
        with pytest.raises(NotFound):
            missing(path)


def test_an_existing_file_is_kept_when_told(w: WorkspaceClient) -> None:
    w.files.upload(f"{ROOT}/f", io.BytesIO(b"1"))
    with pytest.raises(AlreadyExists):
        w.files.upload(f"{ROOT}/f", io.BytesIO(b"2"), overwrite=False)
    with pytest.raises(AlreadyExists):
        w.files.upload(f"{ROOT}/f/below", io.BytesIO(b"2"))
    w.files.upload(f"{ROOT}/f", io.BytesIO(b"3"))
    assert w.files.download(f"{ROOT}/f").contents.read() == b"3"  # type: ignore[union-attr]


def test_150_megabytes_go_up_in_parts_and_come_down_in_ranges(
    w: WorkspaceClient, http: httpx2.Client, volume: Path, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    block = os.urandom(MEGABYTE)
    with source.open("wb") as file:
        for number in range(150):
            file.write(number.to_bytes(4) + block[4:])
    with source.open("rb") as file:
        w.files.upload(f"{ROOT}/stream", file)
    assert operations(http).count("multipart.put_part") > 1
    assert "volumefiles.upload" not in operations(http)
    w.files.upload_from(f"{ROOT}/file", str(source), overwrite=False)
    expected = source.read_bytes()
    assert (volume / "stream").read_bytes() == expected
    assert (volume / "file").read_bytes() == expected
    w.files.download_to(f"{ROOT}/file", str(target), use_parallel=True)
    assert target.read_bytes() == expected
    assert w.files.download(f"{ROOT}/file").contents.read() == expected  # type: ignore[union-attr]
    with pytest.raises(AlreadyExists):
        w.files.upload_from(f"{ROOT}/file", str(source), overwrite=False)


def test_a_plain_put_may_be_larger_than_any_json(http: httpx2.Client, service: Service, volume: Path) -> None:
    def chunks() -> object:
        for _ in range(70):
            yield b"x" * MEGABYTE

    assert http.put(f"{FILES}{ROOT}/big", content=chunks()).status_code == 204  # type: ignore[arg-type]
    assert (volume / "big").stat().st_size == 70 * MEGABYTE
    assert list(service.workspace.config.uploads.iterdir()) == []


def test_ranges_and_conditions_are_honoured(http: httpx2.Client) -> None:
    url = f"{FILES}{ROOT}/f"
    http.put(url, content=b"0123456789")
    part = http.get(url, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content, part.headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert http.get(url, headers={"Range": "bytes=7-"}).content == b"789"
    assert http.get(url, headers={"Range": "bytes=99-"}).status_code == 416
    modified = http.head(url).headers["last-modified"]
    assert http.get(url, headers={"If-Unmodified-Since": modified}).status_code == 200
    assert http.get(url, headers={"If-Modified-Since": modified}).status_code == 304
    before = "Thu, 01 Jan 1998 00:00:00 GMT"
    assert http.get(url, headers={"If-Unmodified-Since": before}).status_code == 412
    assert http.get(url, headers={"If-Modified-Since": before}).content == b"0123456789"


def test_directories_are_made_listed_in_pages_and_deleted_when_empty(w: WorkspaceClient) -> None:
    w.files.create_directory(f"{ROOT}/d/deep")
    w.files.create_directory(f"{ROOT}/d/deep")
    for name in ("a", "b", "c"):
        w.files.upload(f"{ROOT}/d/{name}", io.BytesIO(name.encode() * 2))
    w.files.get_directory_metadata(f"{ROOT}/d")
    found = list(w.files.list_directory_contents(f"{ROOT}/d", page_size=2))
    assert [(e.path, e.name, e.is_directory, e.file_size) for e in found] == [
        (f"{ROOT}/d/a", "a", False, 2),
        (f"{ROOT}/d/b", "b", False, 2),
        (f"{ROOT}/d/c", "c", False, 2),
        (f"{ROOT}/d/deep", "deep", True, None),
    ]
    with pytest.raises(BadRequest, match="not empty") as refused:
        w.files.delete_directory(f"{ROOT}/d")
    assert [info.reason for info in refused.value.get_error_info()] == ["FILES_API_DIRECTORY_IS_NOT_EMPTY"]
    w.dbfs.delete(f"dbfs:{ROOT}/d", recursive=True)
    for missing in (w.files.get_directory_metadata, w.files.delete_directory):
        with pytest.raises(NotFound):
            missing(f"{ROOT}/d")
    w.files.upload(f"{ROOT}/f", io.BytesIO(b""))
    with pytest.raises(AlreadyExists):
        w.files.create_directory(f"{ROOT}/f/below")


def test_a_page_goes_on_where_the_last_ended_though_its_files_are_gone(http: httpx2.Client, volume: Path) -> None:
    for name in ("a", "b", "c"):
        (volume / name).touch()
    url = f"{DIRECTORIES}{ROOT}"
    page = http.get(url, params={"page_size": 2}).json()
    for entry in page["contents"]:
        assert http.delete(f"{FILES}{entry['path']}").status_code == 204
    rest = http.get(url, params={"page_size": 2, "page_token": page["next_page_token"]}).json()
    assert [entry["name"] for entry in rest["contents"]] == ["c"]
    assert http.get(url, params={"page_token": "?"}).json()["error_code"] == "INVALID_PARAMETER_VALUE"


def test_dbutils_of_the_sdk_copy_between_dbfs_and_volumes(w: WorkspaceClient) -> None:
    w.dbfs.upload("/x/data.csv", io.BytesIO(b"a,b\n"))
    w.dbfs.copy("dbfs:/x/data.csv", f"dbfs:{ROOT}")
    assert w.dbfs.open(f"{ROOT}/data.csv", read=True).read(-1) == b"a,b\n"


def test_workspace_files_are_files_too(w: WorkspaceClient, service: Service) -> None:
    path = "/Workspace/Users/me@example.com/conf/x.json"
    w.files.upload(path, io.BytesIO(b"{}"))
    assert w.workspace.download(path).read() == b"{}"
    assert [e.path for e in w.files.list_directory_contents("/Workspace/Users/me@example.com/conf")] == [path]
    before = sorted(service.mount.iterdir())
    with pytest.raises(Exception, match="read-only"):
        w.files.upload("/Workspace/Shared/pipelines/new", io.BytesIO(b"x"))
    assert sorted(service.mount.iterdir()) == before
    assert w.files.download("/Workspace/Shared/pipelines/helpers.py").contents.read() == b"X = 1\n"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/../../../../../../etc/passwd",
        f"{ROOT}/%2e%2e/%2e%2e/x",
        f"{ROOT}/..%2f..%2fx",
        f"{ROOT}/a%00b",
        f"{ROOT}/{'n' * 256}",
        "/Volumes/main/default",
        "/etc/passwd",
        "/Workspace/../etc/passwd",
    ],
)
@pytest.mark.parametrize("kind", [FILES, DIRECTORIES])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_paths_that_climb_are_refused(service: Service, kind: str, method: str, path: str) -> None:
    # Not by httpx, which would tidy the path before it is sent.
    connection = HTTPConnection(service.url.removeprefix("http://"))
    body = b"x" if method == "PUT" and kind == FILES else None
    connection.request(method, kind + path, body=body, headers={"Authorization": "Bearer dapi-test-token"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert (answer.status, "INVALID_PARAMETER_VALUE" in text) == (400, True)


def test_links_that_lead_out_are_not_followed(http: httpx2.Client, volume: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("mine")
    (volume / "way-out").symlink_to(tmp_path)
    for path in (f"{ROOT}/way-out", f"{ROOT}/way-out/secret"):
        for kind in (FILES, DIRECTORIES):
            for method in ("GET", "PUT", "DELETE"):
                assert http.request(method, f"{kind}{path}").status_code == 403
    assert http.get(f"{DIRECTORIES}{ROOT}").json() == {"contents": []}
    assert [p.name for p in tmp_path.iterdir()] == ["secret"]


def test_unknown_volumes_actions_and_sessions_are_refused(http: httpx2.Client) -> None:
    answers = {
        "volume": http.get(f"{FILES}/Volumes/main/default/none/x"),
        "action": http.post(f"{FILES}{ROOT}/x", params={"action": "dance"}),
        "no action": http.post(f"{FILES}{ROOT}/x"),
        "session": http.post(
            f"{FILES}{ROOT}/x", params={"action": "complete-upload", "session_token": "?"}, json={"parts": []}
        ),
        "part": http.put("/_staging/uploads/unknown/1", content=b"x"),
        "flag": http.put(f"{FILES}{ROOT}/x", params={"overwrite": "perhaps"}, content=b"x"),
        "root": http.delete(f"{DIRECTORIES}{ROOT}"),
    }
    assert {name: (a.status_code, a.json()["error_code"]) for name, a in answers.items()} == {
        "volume": (404, "NOT_FOUND"),
        "action": (400, "INVALID_PARAMETER_VALUE"),
        "no action": (400, "INVALID_PARAMETER_VALUE"),
        "session": (404, "RESOURCE_DOES_NOT_EXIST"),
        "part": (404, "RESOURCE_DOES_NOT_EXIST"),
        "flag": (400, "INVALID_PARAMETER_VALUE"),
        "root": (400, "INVALID_PARAMETER_VALUE"),
    }


def test_an_upload_in_parts_needs_each_part_and_can_be_given_up(http: httpx2.Client, volume: Path) -> None:
    url = f"{FILES}{ROOT}/x"
    token = http.post(url, params={"action": "initiate-upload"}).json()["multipart_upload"]["session_token"]
    ask = {"path": f"{ROOT}/x", "session_token": token, "start_part_number": 1, "count": 2}
    urls = http.post("/api/2.0/fs/create-upload-part-urls", json=ask).json()["upload_part_urls"]
    etag = httpx2.put(urls[1]["url"], content=b"two").headers["etag"]
    complete = {"action": "complete-upload", "session_token": token}
    for parts in (
        [{"part_number": 1, "etag": etag}],
        [{"part_number": 2, "etag": "../x"}],
        [{"part_number": 2, "etag": etag}] * 2,
        [{"part_number": "?"}],
        [],
        "all",
    ):
        answer = http.post(url, params=complete, json={"parts": parts})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    other = http.post("/api/2.0/fs/create-abort-upload-url", json={"path": f"{ROOT}/y", "session_token": token})
    assert other.json()["error_code"] == "INVALID_PARAMETER_VALUE"
    node = http.post("/api/2.0/fs/create-abort-upload-url", json={"path": f"{ROOT}/x", "session_token": token}).json()
    assert httpx2.delete(node["abort_upload_url"]["url"]).status_code == 200
    assert httpx2.put(urls[0]["url"], content=b"one").status_code == 404
    assert list(volume.iterdir()) == []


def test_a_download_url_is_good_for_one_file_and_one_time(http: httpx2.Client) -> None:
    http.put(f"{FILES}{ROOT}/f", content=b"1")
    http.put(f"{FILES}{ROOT}/g", content=b"2")

    def url(until: str) -> str:
        ask = {"path": f"{ROOT}/f", "expire_time": until}
        link: str = http.post("/api/2.0/fs/create-download-url", params=ask).json()["url"]
        return link

    assert httpx2.get(url("2100-01-01T00:00:00Z")).content == b"1"
    assert httpx2.get(url("2100-01-01T00:00:00Z")[:-1] + "g").status_code == 403
    expired = httpx2.get(url("2000-01-01T00:00:00Z"))
    assert (expired.status_code, "Request has expired" in expired.text) == (403, True)
    bad = http.post("/api/2.0/fs/create-download-url", params={"path": f"{ROOT}/f", "expire_time": "soon"})
    assert bad.json()["error_code"] == "INVALID_PARAMETER_VALUE"
