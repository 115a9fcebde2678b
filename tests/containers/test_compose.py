"""The compose file: connections as production has them, and the DAGs under Airflow's own scheduler."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from containers.engine import docker
from harness.lake.buckets.backends import free_ports
from harness.settings import Settings
from tests.scheduler.standalone import Airflow

pytestmark = [pytest.mark.slow, pytest.mark.containers]
PROJECT = Path(__file__).parents[2]
HOST = "dbc-a1b2c3d4-e5f6.cloud.databricks.com"
# What the documentation of Databricks' connector and SDK shows, and nothing else.
CLIENTS = """
import json, os
from databricks import sql
from databricks.sdk import WorkspaceClient
host, token = os.environ["DATABRICKS_HOST"], os.environ["DATABRICKS_TOKEN"]
with sql.connect(
    server_hostname=host.removeprefix("https://"), http_path="/sql/1.0/warehouses/local", access_token=token
) as connection, connection.cursor() as cursor:
    cursor.execute("SELECT count(*) FROM main.green_energy.facility_efficiency")
    rows = cursor.fetchall()[0][0]
me = WorkspaceClient().current_user.me().user_name
print(json.dumps([host, rows, me, json.loads(os.environ["AIRFLOW_CONN_DATABRICKS_DEFAULT"])]))
"""


@pytest.fixture(scope="module")
def up(compose: list[str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[str], Airflow]]:
    """All services, healthy: the command that speaks to them, and their Airflow."""
    minio = os.environ.get("HARNESS_S3_IMAGE") or Settings.model_fields["s3_image"].default
    if docker("image", "inspect", minio, check=False, capture_output=True).returncode:
        pytest.skip(f"the image {minio} is not here: python -m containers.minio builds it")
    workspace, airflow = free_ports(2)
    environment = {
        **os.environ,
        "HARNESS_TOKEN": secrets.token_hex(16),
        "WORKSPACE_HOST": HOST,
        "WORKSPACE_PORT": str(workspace),
        "AIRFLOW_PORT": str(airflow),
    }
    command = [*compose, "--file", str(PROJECT / "compose.yaml"), "--project-name", f"test-{secrets.token_hex(4)}"]
    log = tmp_path_factory.mktemp("compose") / "log"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        try:
            started = [*command, "up", "--wait", "--no-build", "--quiet-pull"]
            done = subprocess.run(started, check=False, capture_output=True, text=True, timeout=600)
            logs = [*command, "logs", "--no-color"]
            if done.returncode:
                said = subprocess.run(logs, check=False, capture_output=True, text=True).stdout
                pytest.fail(f"{done.stderr[-2000:]}\n{said[-4000:]}")
            with log.open("wb") as out, subprocess.Popen([*logs, "--follow"], stdout=out, stderr=out) as following:
                signed_in = Airflow(f"http://127.0.0.1:{airflow}", following, log)
                signed_in.sign_in()
                yield command, signed_in
                following.kill()
        finally:
            subprocess.run([*command, "down", "--volumes", "--timeout", "20"], check=False, capture_output=True)


def test_the_production_dags_are_green_under_airflows_scheduler_over_connections_as_production_has_them(up):
    command, airflow = up
    airflow.three_dags_by_their_assets()
    shell = ["sh", "-ec", 'eval "$(harness env --tls)"; exec python -c "$0"', CLIENTS]
    done = subprocess.run(
        [*command, "exec", "-T", "airflow", *shell], check=False, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    host, rows, user, connection = json.loads(done.stdout.splitlines()[-1])
    assert host == f"https://{HOST}"
    assert rows > 0
    assert user == "harness@localhost"
    assert connection == {
        "conn_type": "databricks",
        "host": HOST,
        "password": os.environ["HARNESS_TOKEN"],
        "extra": {"http_path": "/sql/1.0/warehouses/local"},
    }


def test_airflow_shows_its_ui(up):
    import urllib.request

    _, airflow = up
    with urllib.request.urlopen(f"{airflow.url}/", timeout=30) as answer:
        assert "<title>Airflow" in answer.read().decode()
