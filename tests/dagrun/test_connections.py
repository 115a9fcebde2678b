"""The environment says where everything is, to clients that know nothing of us."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.dagrun import Endpoints, environment
from harness.dagrun.connections import declared, overrides
from harness.settings import Settings

ENDPOINTS = Endpoints("http://127.0.0.1:8471", "dapi-secret", "local", "http://127.0.0.1:9123", "key", "hidden")


@pytest.fixture
def pointed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL_STS", raising=False)
    for name, value in environment(ENDPOINTS).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("pointed")
def test_the_databricks_provider_builds_our_addresses() -> None:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook
    from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook
    from airflow.sdk import Connection

    connection = Connection.get("databricks_default")
    assert (connection.schema, connection.host, connection.port) == ("http", "127.0.0.1", 8471)
    assert connection.extra_dejson["enable_telemetry"] is False
    assert connection.extra_dejson["_connection_uri"] == "http://127.0.0.1:8471/sql/1.0/warehouses/local"
    assert DatabricksHook()._endpoint_url("api/2.2/jobs/list") == "http://127.0.0.1:8471/api/2.2/jobs/list"
    assert DatabricksSqlHook()._get_extra_config()["_connection_uri"].startswith("http://127.0.0.1:8471/")


@pytest.mark.usefixtures("pointed")
def test_every_aws_service_is_the_local_one() -> None:
    import boto3

    session = boto3.Session()
    assert session.get_credentials().secret_key == "hidden"
    for service in ("s3", "sts", "glue"):
        assert session.client(service).meta.endpoint_url == "http://127.0.0.1:9123"


def test_where_sts_is_elsewhere_boto3_and_airflow_ask_there(monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook
    from airflow.providers.amazon.aws.hooks.sts import StsHook

    for name, value in environment(replace(ENDPOINTS, sts_url="http://127.0.0.1:9124")).items():
        monkeypatch.setenv(name, value)
    assert boto3.client("sts").meta.endpoint_url == "http://127.0.0.1:9124"
    assert boto3.client("s3").meta.endpoint_url == "http://127.0.0.1:9123"
    assert StsHook(aws_conn_id="aws_default").conn.meta.endpoint_url == "http://127.0.0.1:9124"
    assert S3Hook(aws_conn_id="aws_default").conn.meta.endpoint_url == "http://127.0.0.1:9123"


def test_over_https_every_client_is_told_whom_to_trust_and_an_operators_http_path_counts() -> None:
    secure = replace(ENDPOINTS, workspace_tls_url="https://localhost:8443", ca_bundle="/x/bundle.pem")
    made = environment(secure, tls=True)
    assert made["DATABRICKS_HOST"] == "https://localhost:8443"
    assert (made["SSL_CERT_FILE"], made["REQUESTS_CA_BUNDLE"]) == ("/x/bundle.pem", "/x/bundle.pem")
    connection = json.loads(made["AIRFLOW_CONN_DATABRICKS_DEFAULT"])
    assert (connection["schema"], connection["host"], connection["port"]) == ("https", "localhost", 8443)
    assert (connection["extra"]["_port"], connection["extra"]["_tls_trusted_ca_file"]) == (8443, "/x/bundle.pem")
    assert "_connection_uri" not in connection["extra"]
    assert environment(secure)["DATABRICKS_HOST"] == ENDPOINTS.workspace_url
    assert "SSL_CERT_FILE" not in environment(ENDPOINTS)


def test_https_on_its_usual_port_gives_the_connection_that_production_has() -> None:
    host = "adb-1234567890123456.7.azuredatabricks.net"
    url = f"https://{host}"
    made = environment(replace(ENDPOINTS, workspace_tls_url=url, ca_bundle="/x/bundle.pem"), tls=True)
    assert (made["DATABRICKS_HOST"], made["SSL_CERT_FILE"]) == (url, "/x/bundle.pem")
    assert json.loads(made["AIRFLOW_CONN_DATABRICKS_DEFAULT"]) == {
        "conn_type": "databricks",
        "host": host,
        "password": "dapi-secret",
        "extra": {"http_path": "/sql/1.0/warehouses/local"},
    }
    assert host in made["NO_PROXY"].split(",")


def test_secrets_are_not_shown() -> None:
    assert "dapi-secret" not in repr(ENDPOINTS)
    assert "hidden" not in repr(ENDPOINTS)


def test_a_run_s_own_connections_and_variables_become_environment() -> None:
    made = overrides({"db": "postgres://x/y", "api": {"conn_type": "http"}}, {"region": "north", "n": 3})
    assert made["AIRFLOW_CONN_DB"] == "postgres://x/y"
    assert json.loads(made["AIRFLOW_CONN_API"]) == {"conn_type": "http"}
    assert (made["AIRFLOW_VAR_REGION"], made["AIRFLOW_VAR_N"]) == ("north", "3")


def test_connections_of_the_settings_may_lead_to_the_stack() -> None:
    known = environment(ENDPOINTS)
    given = {"databricks_prod": "databricks_default", "partner": "http://127.0.0.1:9", "crm": {"conn_type": "http"}}
    assert declared(given, {"depth": 3, "region": "eu"}, known) == {
        "AIRFLOW_CONN_DATABRICKS_PROD": known["AIRFLOW_CONN_DATABRICKS_DEFAULT"],
        "AIRFLOW_CONN_PARTNER": "http://127.0.0.1:9",
        "AIRFLOW_CONN_CRM": '{"conn_type": "http"}',
        "AIRFLOW_VAR_DEPTH": "3",
        "AIRFLOW_VAR_REGION": "eu",
    }


def test_what_is_still_to_be_filled_in_is_not_defined() -> None:
    assert declared({"crm": "FILL IN: a URI"}, {"region": "FILL IN"}, {}) == {}


def test_settings_of_a_project_without_pyproject_are_in_harness_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "harness.toml").write_text('dags = "pipelines"\n[variables]\nregion = "eu"\n[validate]\nignore = []\n')
    settings = Settings()
    assert (settings.dags, settings.variables) == (Path("pipelines"), {"region": "eu"})
    (tmp_path / "pyproject.toml").write_text('[tool.harness]\ndags = "airflow/dags"\n')
    assert Settings().dags == Path("airflow/dags")
