"""The Workspace API through the SDK: notebooks, files, folders, and a mounted folder that is only read."""

from __future__ import annotations

import base64
import io
import json

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from tests.workspace.conftest import Service

WORKSPACE = "/api/2.0/workspace"
SOURCE = "# Databricks notebook source\nprint('hi')\n"
IPYNB = json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []})


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


@pytest.fixture
def home(http: httpx2.Client) -> str:
    http.post("/_harness/reset")
    return "/Users/me@example.com"


def test_a_source_notebook_is_imported_found_exported_and_deleted(w: WorkspaceClient, home: str) -> None:
    path = f"{home}/etl/load"
    w.workspace.mkdirs(f"{home}/etl")
    w.workspace.import_(path, content=encoded(SOURCE), format=ImportFormat.SOURCE, language=Language.PYTHON)
    info = w.workspace.get_status(path)
    assert (info.object_type, info.language, info.path) == (ObjectType.NOTEBOOK, Language.PYTHON, path)
    assert info.object_id == w.workspace.get_status(f"/Workspace{path}").object_id
    exported = w.workspace.export(path, format=ExportFormat.SOURCE)
    assert exported.content == encoded(SOURCE)
    assert exported.file_type == "py"
    assert w.workspace.download(path).read().decode() == SOURCE
    with pytest.raises(BadRequest, match="not empty"):
        w.workspace.delete(f"{home}/etl")
    w.workspace.delete(f"{home}/etl", recursive=True)
    with pytest.raises(NotFound, match="doesn't exist"):
        w.workspace.get_status(path)


def test_source_without_the_mark_becomes_a_notebook(service: Service, w: WorkspaceClient, home: str) -> None:
    w.workspace.import_(f"{home}/q", content=encoded("SELECT 1"), language=Language.SQL)
    assert w.workspace.get_status(f"{home}/q").language is Language.SQL
    assert service.workspace.paths.notebook(f"{home}/q").path.read_text() == "-- Databricks notebook source\nSELECT 1"


def test_a_jupyter_notebook_keeps_its_format(w: WorkspaceClient, home: str) -> None:
    for given in ("plain", "with.ipynb"):
        w.workspace.import_(f"{home}/{given}", content=encoded(IPYNB), format=ImportFormat.JUPYTER)
        name = given.removesuffix(".ipynb")
        assert w.workspace.get_status(f"{home}/{name}").object_type is ObjectType.NOTEBOOK
        assert w.workspace.export(f"{home}/{name}", format=ExportFormat.JUPYTER).content == encoded(IPYNB)


def test_the_sdks_multipart_upload_is_understood(w: WorkspaceClient, home: str) -> None:
    w.workspace.upload(f"{home}/nb.py", io.BytesIO(SOURCE.encode()), format=ImportFormat.AUTO)
    w.workspace.upload(f"{home}/lib.py", io.BytesIO(b"X = 1\n"), format=ImportFormat.AUTO)
    w.workspace.upload(f"{home}/book.ipynb", io.BytesIO(IPYNB.encode()), format=ImportFormat.AUTO)
    w.workspace.upload(f"{home}/data.bin", io.BytesIO(b"\x00\xff"), format=ImportFormat.RAW)
    kinds = {info.path: info.object_type for info in w.workspace.list(home)}
    assert kinds == {
        f"{home}/book": ObjectType.NOTEBOOK,
        f"{home}/data.bin": ObjectType.FILE,
        f"{home}/lib.py": ObjectType.FILE,
        f"{home}/nb": ObjectType.NOTEBOOK,
    }
    assert w.workspace.download(f"{home}/data.bin").read() == b"\x00\xff"
    with pytest.raises(ResourceAlreadyExists):
        w.workspace.upload(f"{home}/data.bin", io.BytesIO(b"new"), format=ImportFormat.RAW)
    w.workspace.upload(f"{home}/data.bin", io.BytesIO(b"new"), format=ImportFormat.RAW, overwrite=True)
    assert w.workspace.download(f"{home}/data.bin").read() == b"new"


def test_an_overwrite_in_another_format_leaves_one_notebook(w: WorkspaceClient, home: str) -> None:
    path = f"{home}/changes"
    w.workspace.import_(path, content=encoded(SOURCE), language=Language.PYTHON)
    with pytest.raises(ResourceAlreadyExists, match="overwrite"):
        w.workspace.import_(path, content=encoded(IPYNB), format=ImportFormat.JUPYTER)
    w.workspace.import_(path, content=encoded(IPYNB), format=ImportFormat.JUPYTER, overwrite=True)
    assert [info.path for info in w.workspace.list(home)] == [path]
    assert w.workspace.export(path, format=ExportFormat.AUTO).content == encoded(IPYNB)


def test_a_mounted_folder_is_seen_and_not_written(w: WorkspaceClient, service: Service, home: str) -> None:
    mount = "/Workspace/Shared/pipelines"
    seen = {info.path: info.object_type for info in w.workspace.list(mount)}
    assert seen == {f"{mount}/helpers.py": ObjectType.FILE, f"{mount}/load": ObjectType.NOTEBOOK}
    assert mount in {info.path for info in w.workspace.list("/Workspace/Shared")}
    assert w.workspace.download("/Shared/pipelines/load").read().startswith(b"# Databricks")
    before = sorted(service.mount.iterdir())
    for attempt in (
        lambda: w.workspace.import_(f"{mount}/new", content=encoded(SOURCE), language=Language.PYTHON),
        lambda: w.workspace.mkdirs(f"{mount}/sub"),
        lambda: w.workspace.delete(f"{mount}/load"),
        lambda: w.workspace.delete(mount, recursive=True),
    ):
        with pytest.raises(PermissionDenied, match="read-only"):
            attempt()
    assert sorted(service.mount.iterdir()) == before


@pytest.mark.parametrize(
    "path",
    [
        "/Users/../../../etc/passwd",
        "/Workspace/../x",
        "relative",
        "..",
        "",
        "/Users/a\x00b",
        "/a/../b",
        "/Volumes/a/b/c",
        "/dbfs",
    ],
)
@pytest.mark.parametrize("operation", ["get-status", "list", "export", "import", "mkdirs", "delete"])
def test_paths_that_climb_or_are_relative_are_refused(http: httpx2.Client, operation: str, path: str) -> None:
    if operation in ("get-status", "list", "export"):
        answer = http.get(f"{WORKSPACE}/{operation}", params={"path": path})
    else:
        body = {"path": path, "content": encoded(SOURCE), "language": "PYTHON", "recursive": True}
        answer = http.post(f"{WORKSPACE}/{operation}", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"content": "?!", "language": "PYTHON"}, "base64"),
        ({"language": "PYTHON"}, "content"),
        ({"content": "", "language": "COBOL"}, "language"),
        ({"content": ""}, "language"),
        ({"content": "", "format": "DBC"}, "DBC"),
        ({"content": encoded("{}"), "format": "JUPYTER"}, "Jupyter"),
        ({"content": encoded("[1]"), "format": "JUPYTER"}, "Jupyter"),
    ],
)
def test_an_import_that_cannot_be_is_refused_by_name(
    http: httpx2.Client, home: str, fields: dict[str, str], word: str
) -> None:
    answer = http.post(f"{WORKSPACE}/import", json={"path": f"{home}/x", **fields})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert word in answer.json()["message"]


def test_an_import_over_ten_megabytes_is_refused(http: httpx2.Client, home: str) -> None:
    content = base64.b64encode(b"#" * (10 * 1024 * 1024 + 1)).decode()
    answer = http.post(f"{WORKSPACE}/import", json={"path": f"{home}/big", "content": content, "format": "RAW"})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "MAX_NOTEBOOK_SIZE_EXCEEDED")


def test_an_import_needs_its_folder(w: WorkspaceClient, home: str) -> None:
    with pytest.raises(NotFound, match="parent folder"):
        w.workspace.import_(f"{home}/none/x", content=encoded(SOURCE), language=Language.PYTHON)


def test_making_a_folder_over_a_file_is_refused(w: WorkspaceClient, home: str) -> None:
    w.workspace.upload(f"{home}/file", io.BytesIO(b"x"), format=ImportFormat.RAW)
    for path in (f"{home}/file", f"{home}/file/deeper"):
        with pytest.raises(ResourceAlreadyExists):
            w.workspace.mkdirs(path)


def test_the_home_folders_are_there_and_an_empty_one_lists_nothing(w: WorkspaceClient, home: str) -> None:
    assert {info.path for info in w.workspace.list("/")} == {"/Users", "/Shared", "/Repos"}
    assert list(w.workspace.list(home)) == []
    with pytest.raises(NotFound):
        list(w.workspace.list("/Users/nobody"))
    with pytest.raises(InvalidParameterValue, match="root"):
        w.workspace.delete("/", recursive=True)
