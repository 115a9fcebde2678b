"""The unmodified clients of a stack."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from harness.dagrun.connections import Endpoints

# What the warehouse says of a session that is over (harness/lake/sql/registry.py).
GONE = "no such session"

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def workspace_of(endpoints: Endpoints) -> WorkspaceClient:
    """A Databricks SDK client."""
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=endpoints.workspace_url, token=endpoints.token)


def s3_of(endpoints: Endpoints) -> Any:
    """A boto3 client."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoints.s3_url,
        aws_access_key_id=endpoints.s3_access_key,
        aws_secret_access_key=endpoints.s3_secret_key,
        region_name=endpoints.s3_region,
    )


@contextlib.contextmanager
def sql_of(endpoints: Endpoints) -> Iterator[Callable[..., list[Any]]]:
    """``execute(statement, parameters=None) -> rows``, on the warehouse, over databricks-sql-connector.

    A reset and a restored snapshot end every session: the next statement then begins a new one.
    """
    from databricks import sql as connector

    http_path = f"/sql/1.0/warehouses/{endpoints.warehouse_id}"

    def connect() -> Any:
        return connector.connect(
            server_hostname="127.0.0.1",
            http_path=http_path,
            access_token=endpoints.token,
            # Plain HTTP, and no call to port 443, as in the Airflow connection (dagrun/connections.py).
            _connection_uri=endpoints.workspace_url + http_path,
            enable_telemetry=False,
        )

    with contextlib.ExitStack() as opened:
        connections = [opened.enter_context(connect())]

        def execute(statement: str, parameters: Any = None) -> list[Any]:
            try:
                return _rows(connections[-1], statement, parameters)
            except connector.DatabaseError as error:
                if GONE not in str(error):
                    raise
            connections.append(opened.enter_context(connect()))
            return _rows(connections[-1], statement, parameters)

        yield execute


def _rows(connection: Any, statement: str, parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall()) if cursor.description else []
