"""Whatever is sent, the answer is well-formed, is no fault of ours, and comes soon.

Every route, with the field names that its module reads and values that nobody means; raw bytes for Thrift.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.platform import ERROR_CODE_MAPPING, STATUS_CODE_MAPPING
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.jobs import NotebookTask, Task
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from harness.lake.engine import EngineFailed
from harness.lake.sql.operations import SqlEngine
from harness.process import bind
from harness.workspace.app import ROUTES, Server
from tests.workspace.conftest import TOKEN, compose, config

SECONDS = 20
# Those that the SDK has a class for, and those of the service's documents that it tells by the status.
KNOWN_CODES = {
    *ERROR_CODE_MAPPING,
    *(
        f"{noun}_{fate}"
        for noun in ("CATALOG", "SCHEMA", "TABLE", "VOLUME", "STORAGE_CREDENTIAL", "EXTERNAL_LOCATION", "CONSTRAINT")
        for fate in ("ALREADY_EXISTS", "DOES_NOT_EXIST")
    ),
    *("COLUMN_DOES_NOT_EXIST", "METASTORE_DOES_NOT_EXIST", "NOT_FOUND", "ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED"),
    *("MALFORMED_REQUEST", "UNAUTHENTICATED", "PERMISSION_DENIED", "FAILED_PRECONDITION", "RESOURCE_CONFLICT"),
    *("RESOURCE_LIMIT_EXCEEDED", "QUOTA_EXCEEDED", "DIRECTORY_NOT_EMPTY", "IO_ERROR"),
    *("MAX_BLOCK_SIZE_EXCEEDED", "MAX_NOTEBOOK_SIZE_EXCEEDED", "MAX_READ_SIZE_EXCEEDED"),
}
ODD = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, 10**400, 0.5, 1e308, float("nan")),
    *("", " ", "0", "1", "-1", "9" * 30, "9" * 5000, "true", "x", "X" * 3000, "é\u0000\n", "\ud800", "a.b.c", "main"),
    *(
        "main.default",
        "main.default.t",
        "local",
        "PYTHON",
        "SOURCE",
        "aGk=",
        "====",
        "id eq",
        'userName eq "x"',
        "(" * 500,
        "[" * 5000,
    ),
    *(
        "/",
        "//",
        "..",
        "../../../etc/passwd",
        "/Workspace/../../etc/passwd",
        "/Users/x",
        "dbfs:/x",
        "file:///etc/passwd",
    ),
    *("/Volumes/main/default/v/x", "/Volumes/main/default/../../x", "/Users/\u0000"),
    *(json.loads("[" * 500 + "]" * 500), json.loads('{"a":' * 90 + "1" + "}" * 90)),
    *([], [None], [1], ["x"], [[]], [{}], {}, {"x": None}, {"x": {"y": []}}, [{"task_key": 1}], [{"task_key": "a"}]),
    [{"task_key": "a", "notebook_task": {"notebook_path": "/Shared/pipelines/load"}}],
    [{"task_key": "a", "depends_on": [{"task_key": "a"}], "notebook_task": {"notebook_path": "../x"}}],
]
PATHS = [
    "0",
    "1",
    "-1",
    "9" * 25,
    "x",
    "..",
    "../..",
    "a/../b",
    "é",
    "\u0000",
    "main",
    "main.default",
    "a" * 2000,
    "%",
    "?",
]
ROUTED = [route for route in ROUTES if isinstance(route, Route) and not route.path.startswith("/_harness/")]


class NoEngine:
    """An engine that could not start: statements fail, in their own way."""

    def on_crash(self, listener: Any) -> None: ...

    def wait(self, timeout: float | None = None) -> None:
        raise EngineFailed("There is no Spark in this test.")

    def session(self) -> Any:
        raise EngineFailed("There is no Spark in this test.")


@dataclass
class Target:
    """A workspace, and the ids of what is in it, by the names of fields and path parameters."""

    port: int
    live: dict[str, Any]


def seeded(port: int) -> dict[str, Any]:
    """One of each, so that calls get further than to what does not exist."""
    w = WorkspaceClient(host=f"http://127.0.0.1:{port}", token=TOKEN)
    task = Task(task_key="a", notebook_task=NotebookTask(notebook_path="/Shared/pipelines/load"))
    job = w.jobs.create(name="job", tasks=[task]).job_id
    w.schemas.create("raw", "main")
    w.volumes.create("main", "raw", "files", VolumeType.MANAGED)
    w.secrets.create_scope("scope")
    user = w.users.create(user_name="fuzz@example.com").id
    run = w.jobs.run_now(job).run_id
    return {
        **{
            "job_id": job,
            "run_id": run,
            "id": user,
            "scope": "scope",
            "full_name": "main.raw",
            "name": "main.raw.files",
        },
        **{"catalog_name": "main", "schema_name": "raw", "securable_type": "schema", "entity_type": "schemas"},
        **{"entity_name": "main.raw", "path": "/Volumes/main/raw/files/x", "tag_key": "k", "statement_id": "x"},
        **{"notebook_path": "/Shared/pipelines/load", "display_name": "d", "user_name": "fuzz@example.com"},
    }


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A workspace of these tests' own, without Spark."""
    directory, mount = tmp_path_factory.mktemp("workspace"), tmp_path_factory.mktemp("pipelines")
    (mount / "load.py").write_text("# Databricks notebook source\nprint(1)\n")
    sock = bind()
    workspace, _ = compose(config(directory, mount), f"http://127.0.0.1:{sock.getsockname()[1]}")
    workspace.sql = SqlEngine(NoEngine())  # type: ignore[arg-type]
    listening = threading.Event()
    server = Server(workspace, listening.set)
    thread = threading.Thread(target=server.run, args=([sock],))
    thread.start()
    assert listening.wait(20)
    port = sock.getsockname()[1]
    yield Target(port, seeded(port))
    server.stop()
    thread.join(20)
    workspace.sql.stop()
    workspace.store.close()
    sock.close()


def fields(route: Route) -> list[str]:
    """The words that a route's module has in quotes: its fields are among them."""
    module = sys.modules[getattr(route.endpoint, "__wrapped__", route.endpoint).__module__]
    operation = getattr(route.endpoint, "operation", "")
    named = sys.modules.get(f"harness.workspace.{operation.partition('.')[0]}", module)
    source = Path(str(named.__file__)).read_text()
    return sorted({*re.findall(r'"([a-z_]{2,30})"', source), "name", "path", "page_token"})


FIELDS = {id(route): fields(route) for route in ROUTED}


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, str, dict[str, Any], bool]:
    """A method, a path, fields, and whether those that have a live value are given it."""
    route = draw(st.sampled_from(ROUTED))
    method = draw(st.sampled_from(sorted((route.methods or set()) - {"HEAD"})))
    live = draw(st.booleans())

    def value(parameter: re.Match[str]) -> str:
        return parameter[0] if live and draw(st.booleans()) else quote(draw(st.sampled_from(PATHS)), safe="./")

    path = re.sub(r"\{[^}]*\}", value, route.path)
    names = draw(st.lists(st.sampled_from(FIELDS[id(route)]), max_size=6, unique=True))
    return method, path, {name: draw(st.sampled_from(ODD)) for name in names}, live


def written(live: dict[str, Any], call: tuple[str, str, dict[str, Any], bool]) -> tuple[str, str, bytes]:
    """A call's method, target and body."""
    method, path, document, alive = call
    path = re.sub(r"\{([a-z_]*)[^}]*\}", lambda name: quote(str(live.get(name[1], 1)).lstrip("/")), path)
    if alive:
        # Half of them: the rest is what is wrong with the call.
        document = {
            name: live[name] if name in live and at % 2 else value for at, (name, value) in enumerate(document.items())
        }
    if method == "GET":
        flat = {name: value if isinstance(value, str) else json.dumps(value) for name, value in document.items()}
        return method, f"{path}?{urlencode(flat, errors='replace')}", b""
    return method, path, json.dumps(document).encode()


def send(port: int, method: str, target: str, body: bytes, kind: str) -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    try:
        connection.request(method, target, body or None, headers)
        response = connection.getresponse()
        return response.status, response.headers.get("content-type", ""), response.read()
    finally:
        connection.close()


def check(status: int, kind: str, body: bytes) -> None:
    """An answer that a client can read: success, or a refusal in the shape of its API."""
    assert status < 500 or status == 501, body[:2000]
    if kind.startswith("application/json") and body:
        assert not holds_null(json.loads(body)), body[:2000]
    if status < 400:
        return
    assert kind.startswith(("application/json", "application/scim+json")), (kind, body[:500])
    document = json.loads(body)
    words = document.get("message") or document.get("error_description") or document.get("detail")
    assert isinstance(words, str), document
    assert words
    assert isinstance(document.get("error_code") or document.get("error") or document.get("status"), str), document
    # Of another the SDK would make a plain DatabricksError, which no caller could tell from the rest.
    assert status in STATUS_CODE_MAPPING, status
    assert document.get("error_code", "UNKNOWN") in KNOWN_CODES, document


def holds_null(value: Any) -> bool:
    """Whether there is a null anywhere in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    return value is None or (isinstance(value, list) and any(map(holds_null, value)))


FUZZ = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@settings(FUZZ, max_examples=2000)
@given(call=calls())
def test_what_nobody_means_is_refused_and_never_a_fault_of_ours(
    target: Target, call: tuple[str, str, dict[str, Any], bool]
) -> None:
    check(*send(target.port, *written(target.live, call), "application/json"))


@settings(FUZZ, max_examples=100)
@given(route=st.sampled_from(ROUTED), body=st.binary(max_size=200))
def test_bytes_that_are_no_json_are_refused(target: Target, route: Route, body: bytes) -> None:
    method = sorted((route.methods or set()) - {"HEAD"})[0]
    check(*send(target.port, method, re.sub(r"\{[^}]*\}", "1", route.path), body, "application/json"))


# Calls that are served, and what their arguments are made of: field headers of every type, lengths, ends.
THRIFT = ("OpenSession", "ExecuteStatement", "FetchResults", "GetOperationStatus", "GetColumns", "CloseSession")
FRAGMENTS = [
    *(bytes([kind, 0, field]) for kind in (2, 8, 10, 11, 12, 13, 15) for field in (1, 2, 3)),
    *(
        b"\x00",
        b"\x00" * 4,
        b"\x00" * 8,
        b"\x00\x00\x00\x02hi",
        b"\x7f\xff\xff\xff",
        b"\xff\xff\xff\xff",
        b"\x0c\x0c\x0c",
    ),
    *(b"\x0c\x00\x00\x00\x05", b"\x0b\x0b\x00\x00\x00\x01", b"\x0c\x00\x01" * 30000),
]


def thrift_call(name: str, parts: list[bytes]) -> bytes:
    """A message of the binary protocol whose arguments are anything."""
    return b"\x80\x01\x00\x01" + len(name).to_bytes(4, "big") + name.encode() + b"\x00\x00\x00\x01" + b"".join(parts)


@settings(FUZZ, max_examples=300)
@given(
    body=st.one_of(
        st.binary(max_size=300),
        st.binary(max_size=60).map(lambda tail: b"\x80\x01\x00\x01" + tail),
        st.builds(thrift_call, st.sampled_from(THRIFT), st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=9))),
    )
)
def test_bytes_that_are_no_thrift_call_are_answered_as_one_or_refused(target: Target, body: bytes) -> None:
    status, kind, answer = send(target.port, "POST", "/sql/1.0/warehouses/local", body, "application/x-thrift")
    if status == 200:
        assert kind == "application/x-thrift"
    else:
        assert status == 400
        check(status, kind, answer)
