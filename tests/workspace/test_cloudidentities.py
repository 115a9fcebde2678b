"""Airflow's connections that sign in through a cloud: what loopback can answer is answered, the rest asks no cloud.

The provider runs in a process of its own, in which no address but loopback's is reached: it tells whom it asked for.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.workspace.conftest import TOKEN, Service
from tests.workspace.test_errors import assert_refused

DATABRICKS = "2ff814a6-3304-4ab8-85cb-cd0e6f879c1d"
IDENTITY = "/oidc/identity/token"

PROVIDER = """
import asyncio, json, os, socket, sys, time

from tenacity import stop_after_attempt, wait_none
from airflow.providers.databricks.hooks.databricks import DatabricksHook

asked = []

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if host not in ("127.0.0.1", "localhost", "::1"):
        asked.append(host)
        raise OSError(f"no network: {host}")

sys.addaudithook(watch)
time.sleep = lambda seconds: None
retries = {"wait": wait_none(), "stop": stop_after_attempt(1)}

async def listed(name):
    async with DatabricksHook(name, retry_args=retries) as hook:
        await hook._a_do_api_call(("GET", "2.2/jobs/list"), {})

def tried(call):
    try:
        call()
        return ""
    except BaseException as error:
        return f"{type(error).__name__}: {error}"

said = {}
for name in os.environ["NAMES"].split():
    asked.clear()
    here = tried(DatabricksHook(name, retry_args=retries).list_jobs)
    said[name] = [here, tried(lambda: asyncio.run(listed(name))), sorted(set(asked))]
print("said", json.dumps(said))
"""
GREEN = ["", "", []]


@pytest.fixture
def signed_in(service: Service) -> Callable[..., dict[str, Any]]:
    """``signed_in(extras, **environment)``: by connection, its error, sync and async, and what hosts were asked for."""

    def run(extras: dict[str, dict[str, Any]], **environment: str) -> dict[str, Any]:
        host, _, port = service.url.removeprefix("http://").partition(":")
        connection = {"conn_type": "databricks", "host": host, "port": int(port), "schema": "http"}
        # What a session's stack or this machine says about a cloud is none of this test's.
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AZURE_", "IDENTITY_"))}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PROVIDER],
            env={
                **kept,
                **{f"AIRFLOW_CONN_{name.upper()}": json.dumps({**connection, **own}) for name, own in extras.items()},
                **dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost"),
                "NAMES": " ".join(extras),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("said ")]
        said: dict[str, Any] = json.loads(line.removeprefix("said "))
        return said

    return run


def test_the_provider_signs_in_by_the_default_credential_of_azure(
    service: Service, signed_in: Callable[..., dict[str, Any]]
) -> None:
    extras = {"databricks_azure": {"extra": {"use_default_azure_credential": True}}}
    said = signed_in(extras, IDENTITY_ENDPOINT=f"{service.url}{IDENTITY}", IDENTITY_HEADER=TOKEN)
    assert said["databricks_azure"] == GREEN


def test_basic_credentials_are_tokens_too(signed_in: Callable[..., dict[str, Any]]) -> None:
    said = signed_in(
        {"databricks_basic": {"login": "token", "password": TOKEN}, "wrong": {"login": "a", "password": "b"}}
    )
    assert said["databricks_basic"] == GREEN
    assert "Invalid access token" in said["wrong"][0]
    assert "Status Code: 403" in said["wrong"][1]


def test_a_managed_identity_gives_tokens_for_this_workspace_only(http: httpx2.Client) -> None:
    secret = {"X-IDENTITY-HEADER": TOKEN}
    given = http.get(IDENTITY, params={"resource": DATABRICKS}, headers=secret).json()
    assert (given["token_type"], given["resource"]) == ("Bearer", DATABRICKS)
    me = http.get("/api/2.0/preview/scim/v2/Me", headers={"Authorization": f"Bearer {given['access_token']}"})
    assert me.json()["userName"] == "me@example.com"
    other = http.get(IDENTITY, params={"resource": "https://management.core.windows.net/"}, headers=secret)
    assert_refused(other, 400, "INVALID_PARAMETER_VALUE", "Azure Databricks")
    assert_refused(http.get(IDENTITY, headers=secret), 400, "INVALID_PARAMETER_VALUE", "resource")
    for headers in ({}, {"X-IDENTITY-HEADER": "wrong"}):
        answer = http.get(IDENTITY, params={"resource": DATABRICKS}, headers=headers)
        assert_refused(answer, 403, "PERMISSION_DENIED", "IDENTITY_HEADER")


def test_what_only_a_cloud_can_answer_fails_and_a_token_overrides_it(
    signed_in: Callable[..., dict[str, Any]],
) -> None:
    login = {"login": "client", "password": "secret"}
    ways: dict[str, dict[str, Any]] = {
        "tenant": {**login, "extra": {"azure_tenant_id": "t"}},
        "managed": {"extra": {"use_azure_managed_identity": True}},
        "in_cluster": {"extra": {"federated_k8s": True, "client_id": "c"}},
    }
    overridden = {f"{name}_token": {**way, "extra": {**way["extra"], "token": TOKEN}} for name, way in ways.items()}
    # A host of ours makes no difference: it has to be one that login.microsoftonline.com knows.
    said = signed_in({**ways, **overridden}, AZURE_AUTHORITY_HOST="https://localhost:1")
    assert [said[name] for name in overridden] == [GREEN] * 3
    # Those that docs/provider.md names, and nobody else.
    assert {name: said[name][2] for name in ways} == {
        "tenant": ["login.microsoftonline.com"],
        "managed": ["169.254.169.254"],
        "in_cluster": [],
    }
    for error in said["managed"][:2]:
        assert "Azure Metadata Service" in error
    for error in said["in_cluster"][:2]:
        assert "only works when running inside a Kubernetes cluster" in error
    assert all(said["tenant"][:2])
