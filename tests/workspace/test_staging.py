"""Presigned URLs of volumes' files: what their signature covers, and when they end."""

from __future__ import annotations

import io

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType

from harness.lake.sql.staging import Staged
from harness.workspace import staging
from tests.workspace.conftest import Service


def test_a_url_whose_time_is_over_is_refused(
    service: Service, http: httpx2.Client, w: WorkspaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    http.post("/_harness/reset")
    w.volumes.create("main", "default", "raw", VolumeType.MANAGED)
    w.files.upload("/Volumes/main/default/raw/a", io.BytesIO(b"a"))
    monkeypatch.setattr(staging, "URL_SECONDS", -1)
    for operation, method in staging.METHODS.items():
        staged = Staged(operation, "/Volumes/main/default/raw/a", "here", overwrite=True)
        answer = httpx2.request(method, staging.presign(service.workspace, service.url, staged))
        assert (answer.status_code, answer.json()["message"]) == (403, "Request has expired")
    assert w.files.download("/Volumes/main/default/raw/a").contents.read() == b"a"
