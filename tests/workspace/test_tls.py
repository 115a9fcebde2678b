"""The workspace over HTTPS, beside HTTP, for clients that insist on it; and that nobody but its owner is trusted."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import httpx2
import pytest
from databricks import sql as connector
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.core import Config as SdkConfig
from databricks.sdk.core import oauth_service_principal
from databricks.sdk.service.oauth2 import FederationPolicy, OidcFederationPolicy

from harness.certificates import Certificates, ensure
from harness.dagrun import environment
from harness.dagrun.connections import Endpoints
from harness.process import bind
from harness.workspace.app import Server
from tests.workspace.conftest import CLIENT_ID, CLIENT_SECRET, TOKEN, HandRunner, compose, config
from tests.workspace.issuer import Issuer

if TYPE_CHECKING:
    from harness.stack import Stack

ME = "/api/2.0/preview/scim/v2/Me"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@dataclass
class Secure:
    """A workspace served over both."""

    url: str
    tls_url: str
    certificates: Certificates
    runner: HandRunner

    @property
    def endpoints(self) -> Endpoints:
        bundle = str(self.certificates.bundle)
        return Endpoints(self.url, TOKEN, "local", "", "", "", workspace_tls_url=self.tls_url, ca_bundle=bundle)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    directory = tmp_path_factory.mktemp("workspace")
    certificates = ensure(directory / "tls", {})
    plain, tls = bind(), bind()
    url, tls_url = (
        f"{s}://{h}:{k.getsockname()[1]}" for s, h, k in (("http", "127.0.0.1", plain), ("https", "localhost", tls))
    )
    settings = replace(config(directory, directory), certificate=str(certificates.server))
    workspace, runner = compose(settings, url)
    listening = threading.Event()
    server = Server(workspace, listening.set, tls)
    thread = threading.Thread(target=server.run, args=([plain],))
    thread.start()
    assert listening.wait(20)
    yield Secure(url, tls_url, certificates, runner)
    server.stop()
    thread.join(20)
    assert not thread.is_alive()
    workspace.store.close()
    plain.close()
    tls.close()


@pytest.fixture
def trusted(secure: Secure, monkeypatch: pytest.MonkeyPatch) -> Secure:
    """In the environment that `harness env --tls` prints."""
    for name, value in environment(secure.endpoints, tls=True).items():
        monkeypatch.setenv(name, value)
    return secure


def requests_of(secure: Secure) -> list[dict[str, object]]:
    found: list[dict[str, object]] = httpx2.get(f"{secure.url}/_harness/requests", headers=BEARER).json()["requests"]
    return found


def submitted(secure: Secure) -> int:
    """The id of a run that succeeded."""
    tasks = [{"task_key": "a", "notebook_task": {"notebook_path": "/Shared/pipelines/load"}}]
    url = f"{secure.url}/api/2.2/jobs/runs/submit"
    run_id: int = httpx2.post(url, json={"tasks": tasks}, headers=BEARER).json()["run_id"]
    secure.runner.end(secure.runner.next())
    return run_id


def test_http_and_https_are_one_workspace(secure: Secure) -> None:
    context = ssl.create_default_context(cafile=str(secure.certificates.authority))
    # What Python 3.13 checks by default.
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    for host in ("localhost", "127.0.0.1"):
        url = secure.tls_url.replace("localhost", host)
        assert httpx2.get(f"{url}{ME}", headers=BEARER, verify=context).json()["userName"] == "me@example.com"
        document = httpx2.get(f"{url}/oidc/.well-known/oauth-authorization-server", verify=context).json()
        assert document["token_endpoint"] == f"{url}/oidc/v1/token"
    assert httpx2.get(f"{secure.url}{ME}", headers=BEARER).status_code == 200
    assert httpx2.get(f"{secure.tls_url}{ME}", verify=context).status_code == 401


def test_without_our_authority_nobody_is_talked_to(secure: Secure) -> None:
    with pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx2.get(f"{secure.tls_url}{ME}", headers=BEARER)
    host, port = secure.tls_url.removeprefix("https://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with contextlib.suppress(ConnectionResetError):
            assert plain.recv(100) == b""
    assert httpx2.get(f"{secure.url}{ME}", headers=BEARER).status_code == 200


def test_the_sdk_speaks_https_with_a_token_and_as_a_client(trusted: Secure) -> None:
    assert WorkspaceClient().config.host == trusted.tls_url
    assert WorkspaceClient().current_user.me().user_name == "me@example.com"
    client = WorkspaceClient(
        host=trusted.tls_url, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, auth_type="oauth-m2m"
    )
    assert client.current_user.me().user_name == CLIENT_ID


# In a process of its own: aiohttp reads SSL_CERT_FILE once, when it is imported.
PROVIDER = """
import asyncio, json, os
from airflow.providers.databricks.hooks.databricks import DatabricksHook

async def state(hook, run_id):
    async with hook:
        return await hook.a_get_run_state(run_id)

run_id = int(os.environ["RUN_ID"])
for name in ("databricks_default", "databricks_client"):
    hook = DatabricksHook(name)
    print(hook.test_connection(), hook.get_run_state(run_id).result_state)
    print(asyncio.run(state(DatabricksHook(name), run_id)).result_state)
print(DatabricksHook("databricks_wrong").test_connection())
"""


def test_the_provider_speaks_https_with_a_token_and_as_a_client_sync_and_async(trusted: Secure) -> None:
    run_id = submitted(trusted)

    def client(secret: str) -> str:
        # The port in `host`: the hook signs in at https://{host}/oidc/v1/token, whatever `port` says (wire.md 3.3).
        extra = {"service_principal_oauth": True}
        host = trusted.tls_url.removeprefix("https://")
        document = {"conn_type": "databricks", "host": host, "login": CLIENT_ID, "password": secret, "extra": extra}
        return json.dumps(document)

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROVIDER],
        env={
            **os.environ,
            "RUN_ID": str(run_id),
            "AIRFLOW_CONN_DATABRICKS_CLIENT": client(CLIENT_SECRET),
            "AIRFLOW_CONN_DATABRICKS_WRONG": client("wrong"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith("20")]  # Airflow's log
    fine = ["(True, 'Connection successfully tested') SUCCESS", "SUCCESS"]
    assert lines[:4] == fine * 2, done.stdout
    assert "invalid_client" in lines[4]
    agents = {str(r["user_agent"]).partition("/")[0] for r in requests_of(trusted) if r["path"] == "/oidc/v1/token"}
    assert "databricks-airflow" in agents


FEDERATED = """
import asyncio, os
from airflow.providers.databricks.hooks.databricks import DatabricksHook

async def state(hook, run_id):
    async with hook:
        return (await hook.a_get_run_state(run_id)).result_state

for name in os.environ["NAMES"].split():
    print(name, DatabricksHook(name).test_connection())
for name in ("databricks_supplied", "databricks_k8s"):
    print("async_" + name, asyncio.run(state(DatabricksHook(name), int(os.environ["RUN_ID"]))))
"""


def test_the_provider_signs_in_with_tokens_of_kubernetes_and_of_a_supplied_provider(
    trusted: Secure, tmp_path: Path
) -> None:
    cluster, subject, audience = Issuer("https://oidc.cluster.example.com"), "system:serviceaccount:a:b", "databricks"
    # A connection's audience is the provider's affair: it is what the token says that counts.
    policy = {"issuer": cluster.url, "audiences": [audience], "subject": subject, "jwks_json": cluster.jwks()}
    url = f"{trusted.url}/api/2.0/accounts/a/servicePrincipals/4/federationPolicies"
    assert httpx2.post(url, json={"oidc_policy": policy}, headers=BEARER).status_code == 200
    run_id = submitted(trusted)
    for name, claims in (("good", {"sub": subject}), ("other", {"sub": "another"})):
        (tmp_path / name).write_text(cluster.token(**claims, aud=audience) + "\n")
    (tmp_path / "vends.py").write_text("from pathlib import Path\ntoken = Path(__file__).with_name('good').read_text\n")

    def connection(**extra: object) -> str:
        host = trusted.tls_url.removeprefix("https://")
        return json.dumps({"conn_type": "databricks", "host": host, "extra": {"client_id": CLIENT_ID, **extra}})

    projected = {"federated_k8s": True, "k8s_projected_volume_token_path": str(tmp_path / "good")}
    connections = {
        "databricks_k8s": connection(**projected),
        "databricks_supplied": connection(federated_token_provider="vends.token"),
        "databricks_other": connection(**projected | {"k8s_projected_volume_token_path": str(tmp_path / "other")}),
        "databricks_nobody": connection(**projected | {"client_id": "nobody"}),
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FEDERATED],
        env={
            **os.environ,
            **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in connections.items()},
            "NAMES": " ".join(connections),
            "RUN_ID": str(run_id),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.replace("\\'", "'").splitlines() if line.startswith(("databricks_", "async"))]
    said = dict(line.split(" ", 1) for line in lines)
    for name in ("databricks_k8s", "databricks_supplied"):
        assert said[name] == "(True, 'Connection successfully tested')"
        assert said[f"async_{name}"] == "SUCCESS"
    assert "the token's sub is 'another'" in said["databricks_other"]
    assert "no service principal has the client id 'nobody'" in said["databricks_nobody"]
    assert cluster.token(sub=subject, aud=audience).split(".")[0] not in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_sql_goes_over_https_as_user_and_as_client(clean_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

    for name, value in environment(clean_stack.endpoints, tls=True).items():
        monkeypatch.setenv(name, value)
    assert clean_stack.workspace_tls_url.startswith("https://localhost:")
    hook = DatabricksSqlHook("databricks_default")
    assert hook.get_first("SELECT 40 + 2")[0] == 42
    login = SdkConfig(
        host=clean_stack.workspace_tls_url,
        client_id=clean_stack.client_id,
        client_secret=clean_stack.client_secret,
        auth_type="oauth-m2m",
    )
    with (
        connector.connect(
            server_hostname="localhost",
            http_path=f"/sql/1.0/warehouses/{clean_stack.warehouse_id}",
            credentials_provider=lambda: oauth_service_principal(login),
            _port=int(clean_stack.workspace_tls_url.rpartition(":")[2]),
            _tls_trusted_ca_file=clean_stack.endpoints.ca_bundle,
            enable_telemetry=False,
        ) as connection,
        connection.cursor() as cursor,
    ):
        # 100,000 rows come by links (cloud fetch), which are plain HTTP.
        cursor.execute("SELECT id, uuid() AS u FROM range(200000)")
        assert len(cursor.fetchall()) == 200_000
        cursor.execute("SELECT 1")
        assert cursor.fetchall()[0][0] == 1


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")
def test_the_provider_signs_in_with_a_token_that_aws_signed(
    clean_stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name)
    host = clean_stack.workspace_tls_url.removeprefix("https://")
    # As in production; `aws_default` is where it gets the token.
    connection = {"conn_type": "databricks", "host": host, "login": "federated_aws"}
    extra = {"client_id": clean_stack.client_id}
    monkeypatch.setenv("AIRFLOW_CONN_DATABRICKS_AWS", json.dumps({**connection, "extra": extra}))
    done, said = DatabricksHook("databricks_aws").test_connection()
    assert not done
    assert f"no federation policy of the service principal '{clean_stack.client_id}'" in said

    account = AccountClient(host=clean_stack.workspace_url, account_id="a", token=clean_stack.token)
    policy = OidcFederationPolicy(
        issuer=f"{clean_stack.s3.sts_url or clean_stack.s3.url}/_harness/identity",
        audiences=["databricks"],
        subject=boto3.client("sts").get_caller_identity()["Arn"],
    )
    account.service_principal_federation_policy.create(4, FederationPolicy(oidc_policy=policy))
    assert DatabricksHook("databricks_aws").test_connection() == (True, "Connection successfully tested")


def test_certificates_are_kept_until_they_end_and_their_keys_are_private(tmp_path: Path) -> None:
    first = ensure(tmp_path, {})
    assert first.server.stat().st_mode & 0o077 == 0
    assert b"PRIVATE" not in first.authority.read_bytes() + first.bundle.read_bytes()
    kept = first.server.read_bytes()
    company = tmp_path / "company.pem"
    company.write_text("COMPANY\n")
    assert ensure(tmp_path, {"SSL_CERT_FILE": str(company)}).server.read_bytes() == kept
    assert first.bundle.read_bytes() == b"COMPANY\n\n" + first.authority.read_bytes()
    ensure(tmp_path, {"REQUESTS_CA_BUNDLE": str(first.bundle)})
    assert first.bundle.read_bytes().count(b"BEGIN") > 50
    assert first.bundle.read_bytes().count(first.authority.read_bytes()) == 1


def test_a_certificate_is_of_the_hosts_that_are_named_and_of_no_other(tmp_path: Path) -> None:
    host = "adb-123.azuredatabricks.net"
    ensure(tmp_path, {})
    found = ensure(tmp_path, {}, [host.upper()])
    assert ensure(tmp_path, {}, [host]).server.read_bytes() == found.server.read_bytes()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(found.server)
    client = ssl.create_default_context(cafile=str(found.authority))
    for name, good in ((host, True), ("localhost", True), ("adb-124.azuredatabricks.net", False)):
        sent, received = ssl.MemoryBIO(), ssl.MemoryBIO()
        ours = client.wrap_bio(received, sent, server_hostname=name)
        theirs = server.wrap_bio(sent, received, server_side=True)
        with pytest.raises(ssl.SSLWantReadError):
            ours.do_handshake()
        with pytest.raises(ssl.SSLWantReadError):
            theirs.do_handshake()
        if good:
            ours.do_handshake()
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                ours.do_handshake()


def test_a_certificate_that_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt

    from harness import certificates

    old = ensure(tmp_path, {}).server.read_bytes()
    monkeypatch.setattr(certificates, "RENEWED_BEFORE", dt.timedelta(days=398))
    assert ensure(tmp_path, {}).server.read_bytes() != old
