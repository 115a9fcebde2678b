"""The shape of every refusal, and that bad input never gets further than a 4xx that names it."""

from __future__ import annotations

import base64
import http.client
import urllib.parse
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotImplemented as NotServedHere
from databricks.sdk.errors import ResourceDoesNotExist

from tests.workspace.conftest import TOKEN, Service

JOBS = "/api/2.2/jobs"


def assert_refused(answer: httpx2.Response, status: int, code: str, *words: str) -> None:
    """The one shape: a JSON object with exactly ``error_code`` and ``message``, both strings that say something."""
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error_code", "message"}
    assert (answer.status_code, body["error_code"]) == (status, code)
    for word in words:
        assert word in body["message"]
    assert answer.headers["x-databricks-reason-phrase"]


def test_an_unknown_operation_is_refused_by_name_and_recorded(service: Service, http: httpx2.Client) -> None:
    http.post("/_harness/reset")
    assert_refused(http.get("/api/2.0/genie/spaces"), 501, "NOT_IMPLEMENTED", "GET /api/2.0/genie/spaces")
    (entry,) = http.get("/_harness/unserved").json()["unserved"]
    assert (entry["request"], entry["times"]) == ("GET /api/2.0/genie/spaces", 1)


def test_what_is_not_served_is_named_as_its_clients_name_it(w: WorkspaceClient, http: httpx2.Client) -> None:
    http.post("/_harness/reset")
    with pytest.raises(NotServedHere, match=r"lakeview\.list of databricks-sdk.*docs/adding-an-endpoint\.md"):
        list(w.lakeview.list())
    with pytest.raises(NotServedHere, match=r"POST /serving-endpoints/m/invocations \(serving_endpoints\.query of"):
        w.serving_endpoints.query("m")
    known = [entry["known"] for entry in http.get("/_harness/unserved").json()["unserved"]]
    assert known == [["lakeview.list of databricks-sdk"], ["serving_endpoints.query of databricks-sdk"]]


def test_the_workspace_tells_what_it_serves_and_what_it_does_not(http: httpx2.Client) -> None:
    rows = {f"{r['method']} {r['path']}": r for r in http.get("/_harness/capabilities").json()["capabilities"]}
    submit = rows["POST /api/2.2/jobs/runs/submit"]
    assert (submit["served"], submit["operation"], submit["sdk"]) == (True, "launch.submit", ["jobs.submit"])
    assert submit["provider"] == ["SUBMIT_RUN_ENDPOINT"]
    assert submit["other_paths"] == ["/api/2.1/jobs/runs/submit", "/api/2.0/jobs/runs/submit"]
    # Our routes spell out the types that the SDK's path leaves open.
    assert "permissions.get" in rows["GET /api/2.0/permissions/jobs/{id}"]["sdk"]
    assert not any("permissions.get" in row["sdk"] for row in rows.values() if not row["served"])
    absent = rows["GET /api/2.0/lakeview/dashboards"]
    assert (absent["served"], absent["operation"], absent["sdk"]) == (False, "", ["lakeview.list"])
    assert not any("/_harness/" in key for key in rows)


def test_the_sdk_raises_its_own_not_implemented(w: WorkspaceClient) -> None:
    with pytest.raises(NotServedHere, match=r"/api/2\.0/secrets/scopes/nowhere"):
        w.api_client.do("GET", "/api/2.0/secrets/scopes/nowhere")


def test_signing_in_at_a_browser_is_refused_by_name(service: Service) -> None:
    answer = httpx2.get(f"{service.url}/oidc/v1/authorize", params={"response_type": "code"})
    assert_refused(answer, 501, "NOT_IMPLEMENTED", "GET /oidc/v1/authorize")


def test_a_wrong_method_on_a_served_path_is_refused_by_name(http: httpx2.Client) -> None:
    assert_refused(http.post(f"{JOBS}/list", json={}), 501, "NOT_IMPLEMENTED", "POST /api/2.2/jobs/list")
    assert_refused(http.delete(f"{JOBS}/create"), 501, "NOT_IMPLEMENTED", "DELETE /api/2.2/jobs/create")


@pytest.mark.parametrize("path", ["/sql/1.0/nothing/x", "/cliservice", "/metrics"])
def test_outside_the_api_an_unknown_path_is_404_because_thrift_clients_retry_the_rest(
    http: httpx2.Client, path: str
) -> None:
    assert_refused(http.post(path, content=b"\x80\x01"), 404, "ENDPOINT_NOT_FOUND", path)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Digest x"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Basic !!!"}, 401, "UNAUTHENTICATED"),
        ({"Authorization": "Bearer wrong"}, 403, "PERMISSION_DENIED"),
        ({"Authorization": f"Bearer {TOKEN}x"}, 403, "PERMISSION_DENIED"),
        ({"Authorization": "Bearer \xe9".encode("latin-1")}, 403, "PERMISSION_DENIED"),
    ],
)
def test_strangers_are_refused(service: Service, headers: dict[str, Any], status: int, code: str) -> None:
    for path in (f"{JOBS}/list", "/_harness/status", "/sql/1.0/warehouses/local", "/nowhere"):
        assert_refused(httpx2.get(service.url + path, headers=headers), status, code)


def test_basic_credentials_with_the_token_as_password_are_accepted(service: Service) -> None:
    credentials = base64.b64encode(f"token:{TOKEN}".encode()).decode()
    answer = httpx2.get(f"{service.url}{JOBS}/list", headers={"Authorization": f"Basic {credentials}"})
    assert answer.status_code == 200


def test_a_foreign_host_header_is_refused_and_a_listed_one_is_not(http: httpx2.Client) -> None:
    for path in ("/", f"{JOBS}/list", "/.well-known/databricks-config"):
        assert_refused(http.get(path, headers={"Host": "evil.example"}), 403, "PERMISSION_DENIED", "evil.example")
        assert http.get(path, headers={"Host": "adb-123.azuredatabricks.net"}).status_code == 200
        assert http.get(path, headers={"Host": "localhost:1"}).status_code == 200


def test_absolute_form_targets_are_served(service: Service) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=10)
    target = f"http://adb-123.azuredatabricks.net{JOBS}/list?limit=1"
    headers = {"Authorization": f"Bearer {TOKEN}", "Host": "adb-123.azuredatabricks.net"}
    connection.request("GET", target, headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b'{"has_more":false}')
    connection.close()


def test_double_slashes_in_a_path_are_one(http: httpx2.Client) -> None:
    assert_refused(http.patch("/api/2.0/quantum//7", json={}), 501, "NOT_IMPLEMENTED", "PATCH /api/2.0/quantum/7")
    assert http.get("/api//2.2//jobs/list").status_code == 200


@pytest.mark.parametrize(
    ("body", "code", "word"),
    [
        (b"{", "MALFORMED_REQUEST", "Invalid JSON"),
        (b"\xff\xfe", "MALFORMED_REQUEST", "Invalid JSON"),
        (b'{"job_id": NaN}', "MALFORMED_REQUEST", "NaN"),
        (b'{"job_id": 1e400}', "MALFORMED_REQUEST", "1e400"),
        (b'{"job_id": "\\ud800"}', "MALFORMED_REQUEST", "surrogates"),
        (b"[1]", "MALFORMED_REQUEST", "object"),
        (b'"text"', "MALFORMED_REQUEST", "object"),
        (b'{"job_id": [1]}', "INVALID_PARAMETER_VALUE", "job_id"),
        (b'{"job_id": 1.5}', "INVALID_PARAMETER_VALUE", "job_id"),
        (b'{"job_id": true}', "INVALID_PARAMETER_VALUE", "job_id"),
        (b'{"job_id": null}', "INVALID_PARAMETER_VALUE", "job_id"),
        (b'{"job_id": "x"}', "INVALID_PARAMETER_VALUE", "job_id"),
        (b"{}", "INVALID_PARAMETER_VALUE", "job_id"),
        (b"", "INVALID_PARAMETER_VALUE", "job_id"),
        (b"null", "INVALID_PARAMETER_VALUE", "job_id"),
        (b'{"job_id": 1, "python_params": [null]}', "INVALID_PARAMETER_VALUE", "null"),
        (b'{"job_id": 1, "x": ' + b"[" * 100 + b"]" * 100 + b"}", "MALFORMED_REQUEST", "nested deeper than 100"),
        (b'{"job_id": 1, "x": ' + b'{"a":' * 600 + b"1" + b"}" * 601, "MALFORMED_REQUEST", "nested deeper than 100"),
        (b'{"job_id": 1, "x": ' + b"[" * 100_000, "MALFORMED_REQUEST", "nested deeper than 100"),
    ],
)
def test_a_bad_body_is_refused_with_400(http: httpx2.Client, body: bytes, code: str, word: str) -> None:
    assert_refused(http.post(f"{JOBS}/run-now", content=body), 400, code, word)


def test_an_oversized_body_is_refused(http: httpx2.Client) -> None:
    for path in (f"{JOBS}/create", "/sql/1.0/warehouses/local"):
        answer = http.post(path, content=b" " * (64 * 1024 * 1024 + 1))
        assert_refused(answer, 413, "MALFORMED_REQUEST", "larger")


@pytest.mark.parametrize(
    ("method", "path", "parameters"),
    [
        ("GET", "jobs/get", {"job_id": 999999}),
        ("POST", "jobs/reset", {"job_id": 999999, "new_settings": {}}),
        ("POST", "jobs/update", {"job_id": 999999}),
        ("POST", "jobs/delete", {"job_id": 999999}),
        ("POST", "jobs/run-now", {"job_id": "999999"}),
        ("GET", "jobs/runs/get", {"run_id": 999999}),
        ("GET", "jobs/runs/get-output", {"run_id": 999999}),
        ("GET", "jobs/runs/export", {"run_id": 999999}),
        ("POST", "jobs/runs/cancel", {"run_id": 999999}),
        ("POST", "jobs/runs/cancel-all", {"job_id": 999999}),
        ("POST", "jobs/runs/delete", {"run_id": 999999}),
    ],
)
def test_an_unknown_id_is_404_in_every_version(
    http: httpx2.Client, method: str, path: str, parameters: dict[str, Any]
) -> None:
    for version in ("2.0", "2.1", "2.2"):
        given: dict[str, Any] = {"params": parameters} if method == "GET" else {"json": parameters}
        answer = http.request(method, f"/api/{version}/{path}", **given)
        assert_refused(answer, 404, "RESOURCE_DOES_NOT_EXIST", "999999", "does not exist")


def test_the_sdk_raises_resource_does_not_exist_for_an_unknown_run(w: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist, match="Run 7777 does not exist"):
        w.jobs.get_run(7777)


def test_a_message_that_names_strange_characters_still_arrives(http: httpx2.Client) -> None:
    name = "a\r\nX-Injected: 1\x00\u00e9\u4e2d"
    answer = http.get("/api/2.0/sql/warehouses/" + urllib.parse.quote(name))
    assert_refused(answer, 404, "RESOURCE_DOES_NOT_EXIST", name)
    assert "x-injected" not in answer.headers


def test_a_fault_of_ours_is_a_500_that_names_it(
    service: Service, http: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("for the test")

    monkeypatch.setattr(service.workspace.store, "all", broken)
    assert_refused(http.get(f"{JOBS}/list"), 500, "INTERNAL_ERROR", "ZeroDivisionError")


def test_a_name_longer_than_a_file_s_and_a_signature_in_no_ascii_are_refused(http: httpx2.Client) -> None:
    answer = http.get("/api/2.0/workspace/get-status", params={"path": f"/Users/{'x' * 300}"})
    assert_refused(answer, 400, "INVALID_PARAMETER_VALUE", "too long")
    assert_refused(http.get("/_staging/files/1/%C3%A9/x"), 403, "PERMISSION_DENIED", "signature")
