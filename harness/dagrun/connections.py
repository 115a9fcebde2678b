"""The only thing that differs from production: where the connections point.

Everything is said by environment variables, since Airflow, boto3, s3fs and the Databricks SDK all read them first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

PLACEHOLDER = "FILL IN"  # how `harness init` begins what it cannot know


@dataclass(frozen=True)
class Endpoints:
    """Where a Databricks workspace and an S3 server answer, and as whom to speak to them."""

    workspace_url: str
    token: str
    warehouse_id: str
    s3_url: str
    s3_access_key: str
    s3_secret_key: str
    s3_region: str = "us-east-1"
    workspace_tls_url: str = ""
    ca_bundle: str = ""
    sts_url: str = ""

    @property
    def hosts(self) -> list[str]:
        """The hosts at which all of it answers, each once."""
        urls = (self.workspace_url, self.workspace_tls_url, self.s3_url, self.sts_url)
        return list(dict.fromkeys(name for name in (urlsplit(url).hostname for url in urls) if name))

    def __repr__(self) -> str:
        # Secrets are for the environment, not for a test's failure report.
        return f"Endpoints(workspace_url={self.workspace_url!r}, s3_url={self.s3_url!r})"


def environment(endpoints: Endpoints, *, tls: bool = False) -> dict[str, str]:
    """The environment that points Airflow, boto3, s3fs, the Databricks SDK and its SQL client at ``endpoints``.

    Parameters: ``tls``: reach the workspace over HTTPS.
    Returns: variable name to value. ``databricks_default`` and ``aws_default`` are the two connections; what a DAG uses
    besides is given as the ``connections`` of a run.
    """
    return {
        "AIRFLOW_CONN_DATABRICKS_DEFAULT": json.dumps(_databricks_tls(endpoints) if tls else _databricks(endpoints)),
        "AIRFLOW_CONN_AWS_DEFAULT": json.dumps(_aws(endpoints)),
        "DATABRICKS_HOST": endpoints.workspace_tls_url if tls else endpoints.workspace_url,
        "DATABRICKS_TOKEN": endpoints.token,
        "DATABRICKS_WAREHOUSE_ID": endpoints.warehouse_id,
        # Every AWS service goes there, so that `sts` (which a DAG may ask who it is) never leaves the machine.
        "AWS_ENDPOINT_URL": endpoints.s3_url,
        **({"AWS_ENDPOINT_URL_STS": endpoints.sts_url} if endpoints.sts_url else {}),
        "AWS_ACCESS_KEY_ID": endpoints.s3_access_key,
        "AWS_SECRET_ACCESS_KEY": endpoints.s3_secret_key,
        "AWS_DEFAULT_REGION": endpoints.s3_region,
        "AWS_REGION": endpoints.s3_region,
        # Who honours which: wire.md 3.3. Without `tls` too, for connections of a DAG's own.
        **(dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), endpoints.ca_bundle) if endpoints.ca_bundle else {}),
        # requests and the SQL connector honour a proxy even for loopback (wire.md 3.6).
        **dict.fromkeys(("NO_PROXY", "no_proxy"), ",".join(_direct(endpoints))),
    }


def overrides(connections: Mapping[str, object] | None, variables: Mapping[str, object] | None) -> dict[str, str]:
    """The environment that adds Airflow connections and variables for one run.

    Parameters: ``connections``: connection id to a URI, or to a mapping in Airflow's JSON form; ``variables``: key to
    value (anything but a string is kept as JSON, to be read with ``deserialize_json=True``).
    """
    return {
        **{f"AIRFLOW_CONN_{name.upper()}": _text(value) for name, value in (connections or {}).items()},
        **{f"AIRFLOW_VAR_{name.upper()}": _text(value) for name, value in (variables or {}).items()},
    }


def declared(
    connections: Mapping[str, object], variables: Mapping[str, object], known: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the connections and variables that the settings give to every run.

    Parameters: ``connections``, ``variables``: as in :func:`overrides`; a connection may also be the id of one that
    ``known``, an environment, has. What still is a placeholder (:data:`PLACEHOLDER`) is as undefined as without it.
    """
    filled = {name: value for name, value in connections.items() if not is_placeholder(value)}
    same = {name: known.get(f"AIRFLOW_CONN_{str(value).upper()}", value) for name, value in filled.items()}
    return overrides(same, {name: value for name, value in variables.items() if not is_placeholder(value)})


def is_placeholder(value: object) -> bool:
    """Whether a value stands for one that the user has to fill in."""
    return isinstance(value, str) and value.startswith(PLACEHOLDER)


def _databricks(endpoints: Endpoints) -> dict[str, object]:
    host = urlsplit(endpoints.workspace_url)
    http_path = f"/sql/1.0/warehouses/{endpoints.warehouse_id}"
    return {
        "conn_type": "databricks",
        "host": host.hostname,
        "port": host.port,
        # The hook takes `schema` as the URL's scheme, and a scheme inside `host` is ignored (wire.md 3.1).
        "schema": host.scheme,
        "password": endpoints.token,
        "extra": {
            "http_path": http_path,
            # Plain HTTP reaches Thrift only this way (wire.md 3.2).
            "_connection_uri": f"{endpoints.workspace_url}{http_path}",
            # Else the first SQL connect of a process stalls for 34 s on port 443 (wire.md 0.3).
            "enable_telemetry": False,
        },
    }


def _databricks_tls(endpoints: Endpoints) -> dict[str, object]:
    host = urlsplit(endpoints.workspace_tls_url)
    http_path = f"/sql/1.0/warehouses/{endpoints.warehouse_id}"
    if host.port in (None, 443):
        # As in production: the environment says whom to trust, and telemetry finds its way (sql-endpoint.md 2).
        extra = {"http_path": http_path}
        return {"conn_type": "databricks", "host": host.hostname, "password": endpoints.token, "extra": extra}
    port = host.port
    return {
        "conn_type": "databricks",
        "host": host.hostname,
        "port": port,
        "schema": "https",
        "password": endpoints.token,
        "extra": {
            # Honoured here, unlike beside `_connection_uri`: an operator's own http_path is what it is sent to.
            "http_path": http_path,
            "_port": port,
            "_tls_trusted_ca_file": endpoints.ca_bundle,
            "enable_telemetry": False,
        },
    }


def _aws(endpoints: Endpoints) -> dict[str, object]:
    return {
        "conn_type": "aws",
        "login": endpoints.s3_access_key,
        "password": endpoints.s3_secret_key,
        "extra": {
            "endpoint_url": endpoints.s3_url,
            "region_name": endpoints.s3_region,
            **({"service_config": {"sts": {"endpoint_url": endpoints.sts_url}}} if endpoints.sts_url else {}),
        },
    }


def _direct(endpoints: Endpoints) -> list[str]:
    return list(dict.fromkeys(["127.0.0.1", "localhost", *endpoints.hosts]))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
