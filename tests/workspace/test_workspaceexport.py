"""Exports in each format, files by their paths, and what lists of the workspace leave out."""

from __future__ import annotations

import base64
import io
import json
import time
import zipfile

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from tests.workspace.conftest import Service

WORKSPACE, PLAIN = "/api/2.0/workspace", "/api/2.0/workspace-files"
SOURCE = "# Databricks notebook source\n# MAGIC %md\n# MAGIC # Hi\n\n# COMMAND ----------\n\nprint('hi')\n"


@pytest.fixture
def home(http: httpx2.Client) -> str:
    http.post("/_harness/reset")
    return "/Users/me@example.com"


def test_a_source_notebook_is_exported_as_jupyter_and_imported_back(w: WorkspaceClient, home: str) -> None:
    w.workspace.upload(f"{home}/nb", io.BytesIO(SOURCE.encode()), language=Language.PYTHON)
    exported = w.workspace.export(f"{home}/nb", format=ExportFormat.JUPYTER)
    assert exported.file_type == "ipynb"
    w.workspace.import_(f"{home}/book", content=exported.content, format=ImportFormat.JUPYTER)
    cells = json.loads(w.workspace.download(f"{home}/book", format=ExportFormat.JUPYTER).read())["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code"]
    back = w.workspace.export(f"{home}/book", format=ExportFormat.SOURCE)
    assert (base64.b64decode(back.content or "").decode(), back.file_type) == (SOURCE, "py")


def test_a_folder_is_exported_as_a_zip(w: WorkspaceClient, home: str) -> None:
    w.workspace.mkdirs(f"{home}/p/deep")
    w.workspace.upload(f"{home}/p/nb", io.BytesIO(SOURCE.encode()), language=Language.PYTHON)
    w.workspace.upload(f"{home}/p/deep/data.txt", io.BytesIO(b"x"), format=ImportFormat.RAW)

    def names(kind: ExportFormat) -> dict[str, bytes]:
        with zipfile.ZipFile(io.BytesIO(w.workspace.download(f"{home}/p", format=kind).read())) as file:
            return {name: file.read(name) for name in file.namelist()}

    assert names(ExportFormat.SOURCE) == {"nb.py": SOURCE.encode()}
    assert names(ExportFormat.AUTO) == {"nb.py": SOURCE.encode(), "deep/data.txt": b"x"}
    for kind in (ExportFormat.DBC, ExportFormat.JUPYTER):
        with pytest.raises(InvalidParameterValue):
            w.workspace.export(f"{home}/p", format=kind)


@pytest.mark.parametrize(
    ("name", "kind", "word"),
    [
        ("nb", "HTML", "HTML"),
        ("nb", "DBC", "DBC"),
        ("nb", "R_MARKDOWN", "R_MARKDOWN"),
        ("nb", "PDF", "PDF"),
        ("data.txt", "JUPYTER", "not a notebook"),
        ("scala", "JUPYTER", "scala"),
    ],
)
def test_a_format_that_is_not_served_is_refused_by_name(
    w: WorkspaceClient, http: httpx2.Client, home: str, name: str, kind: str, word: str
) -> None:
    w.workspace.upload(f"{home}/nb", io.BytesIO(SOURCE.encode()), language=Language.PYTHON)
    w.workspace.upload(f"{home}/scala", io.BytesIO(b"val x = 1"), language=Language.SCALA)
    w.workspace.upload(f"{home}/data.txt", io.BytesIO(b"x"), format=ImportFormat.RAW)
    answer = http.get(f"{WORKSPACE}/export", params={"path": f"{home}/{name}", "format": kind})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert word in answer.json()["message"]


def test_an_export_over_ten_megabytes_is_refused(service: Service, http: httpx2.Client, home: str) -> None:
    service.workspace.paths.local(f"{home}/big").write_bytes(b"#" * (10 * 1024 * 1024 + 1))
    answer = http.get(f"{WORKSPACE}/export", params={"path": f"{home}/big"})
    assert answer.json()["error_code"] == "MAX_NOTEBOOK_SIZE_EXCEEDED"
    assert http.get(f"{PLAIN}{home}/big").content == b"#" * (10 * 1024 * 1024 + 1)


def test_a_list_leaves_out_notebooks_that_are_older(w: WorkspaceClient, home: str) -> None:
    w.workspace.mkdirs(f"{home}/folder")
    w.workspace.upload(f"{home}/nb", io.BytesIO(SOURCE.encode()), language=Language.PYTHON)
    hour = 3_600_000
    now = int(time.time() * 1000)
    later = [info.path for info in w.workspace.list(home, notebooks_modified_after=now + hour)]
    earlier = [info.path for info in w.workspace.list(home, notebooks_modified_after=now - hour)]
    assert (later, earlier) == ([f"{home}/folder"], [f"{home}/folder", f"{home}/nb"])


def test_files_are_imported_by_their_paths_as_bundles_do(http: httpx2.Client, w: WorkspaceClient, home: str) -> None:
    # The Databricks CLI encodes the slashes too.
    url = f"{PLAIN}/import-file/{home.lstrip('/').replace('/', '%2F')}%2F"
    assert http.post(f"{url}lib.py", content=b"X = 1\n").json() == {}
    assert http.post(f"{url}nb.py", content=SOURCE.encode()).json() == {}
    kinds = {info.path: info.object_type for info in w.workspace.list(home)}
    assert kinds == {f"{home}/lib.py": ObjectType.FILE, f"{home}/nb": ObjectType.NOTEBOOK}
    again = http.post(f"{url}lib.py", content=b"X = 2\n")
    assert (again.status_code, again.json()["error_code"]) == (409, "RESOURCE_ALREADY_EXISTS")
    again = http.post(f"{url}nb.py", content=SOURCE.encode())
    assert (again.status_code, f"Path (/Workspace{home}/nb.py) already exists." in again.json()["message"]) == (
        400,
        True,
    )
    http.post(f"{url}lib.py", params={"overwrite": "true"}, content=b"X = 2\n").raise_for_status()
    assert http.get(f"{PLAIN}{home}/lib.py").content == b"X = 2\n"
    assert http.get(f"{PLAIN}{home}/nb").content == SOURCE.encode()
    assert http.post(f"{url}no%2Ffolder", content=b"x").status_code == 404
    status = http.get(f"{WORKSPACE}/get-status", params={"path": f"{home}/nb", "return_export_info": "true"}).json()
    assert status["repos_export_format"] == "SOURCE"


def test_a_large_file_is_streamed_to_its_place(http: httpx2.Client, service: Service, home: str) -> None:
    data = b"x" * (70 * 1024 * 1024)
    url = f"{PLAIN}/import-file{home}/big.bin"
    assert http.post(url, content=data).status_code == 200
    assert service.workspace.paths.local(f"{home}/big.bin").read_bytes() == data
    assert http.post(url, content=data).status_code == 409
    assert list(service.workspace.config.uploads.iterdir()) == []


@pytest.mark.parametrize("path", ["/../x", "/Users/%2e%2e/%2e%2e/x", "/Volumes/main/default/v/x", "/Users/a%00b"])
def test_paths_that_climb_are_refused(http: httpx2.Client, home: str, path: str) -> None:
    for answer in (
        http.post(f"{PLAIN}/import-file{path.replace('../', '%2e%2e/')}", content=b"x"),
        http.get(f"{PLAIN}{path.replace('../', '%2e%2e/')}"),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_a_mounted_folder_is_not_written(http: httpx2.Client, service: Service) -> None:
    before = sorted(service.mount.iterdir())
    answer = http.post(f"{PLAIN}/import-file/Shared/pipelines/new", content=b"x")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert sorted(service.mount.iterdir()) == before


def test_what_is_not_there_is_not_found(w: WorkspaceClient, http: httpx2.Client, home: str) -> None:
    with pytest.raises(NotFound):
        w.workspace.export(f"{home}/none")
    assert http.get(f"{PLAIN}{home}/none").status_code == 404
    assert http.get(f"{PLAIN}{home}").json()["error_code"] == "INVALID_PARAMETER_VALUE"
