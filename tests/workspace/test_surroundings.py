"""What clients read around their work: warehouses, clusters, who they are, and the side calls of each start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound
from databricks.sdk.service.sql import State

from tests.workspace.conftest import Service

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

# Airflow deprecates a part that its own Task SDK still calls when a hook is made outside of a task.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")


def test_a_warehouse_is_found_by_name_with_its_http_path(service: Service, w: WorkspaceClient) -> None:
    found = {warehouse.name: warehouse for warehouse in w.warehouses.list()}["Local Warehouse"]
    assert found.odbc_params is not None
    assert found.odbc_params.path == "/sql/1.0/warehouses/local"
    assert f"{found.odbc_params.protocol}://{found.odbc_params.hostname}:{found.odbc_params.port}" == service.url


def test_a_stopped_warehouse_is_running_on_the_read_after_its_start(
    w: WorkspaceClient, hook_of: Callable[[str], DatabricksHook]
) -> None:
    hook = hook_of("DatabricksStopWarehouseOperator")
    hook.stop_warehouse("local")
    assert w.warehouses.get("local").state is State.STOPPED
    hook_of("DatabricksStartWarehouseOperator").start_warehouse("local")
    assert hook.get_warehouse_state("local").state == "RUNNING"


def test_an_unknown_warehouse_does_not_exist(w: WorkspaceClient) -> None:
    for act in (w.warehouses.get, w.warehouses.start, w.warehouses.stop):
        with pytest.raises(NotFound, match="nope"):
            act("nope")


def test_the_providers_connection_test_succeeds(hook_of: Callable[[str], DatabricksHook]) -> None:
    assert hook_of("DatabricksHook").test_connection() == (True, "Connection successfully tested")


def test_clusters_are_those_that_jobs_have_named(http: httpx2.Client, w: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="Cluster c-1 does not exist"):
        w.clusters.get("c-1")
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/x"}, "existing_cluster_id": "c-1"}
    http.post("/api/2.2/jobs/create", json={"name": "j", "tasks": [task]})
    assert w.clusters.get("c-1").cluster_id == "c-1"
    assert [cluster.cluster_id for cluster in w.clusters.list()] == ["c-1"]


def test_the_sdks_selectors_find_a_runtime_and_a_node(w: WorkspaceClient) -> None:
    assert w.clusters.select_spark_version(long_term_support=True, scala="2.13") == "17.3.x-scala2.13"
    assert w.clusters.select_node_type() == "local"


def test_the_current_user_and_the_workspace_id(service: Service, w: WorkspaceClient) -> None:
    assert w.current_user.me().user_name == "me@example.com"
    assert w.get_workspace_id() == 1
    answer = httpx2.get(
        f"{service.url}/api/2.0/preview/scim/v2/Me", headers={"Authorization": "Bearer dapi-test-token"}
    )
    assert answer.headers["X-Databricks-Org-Id"] == "1"


def test_discovery_needs_no_credentials(service: Service) -> None:
    document = httpx2.get(f"{service.url}/.well-known/databricks-config").json()
    assert document == {"workspace_id": "1", "oidc_endpoint": f"{service.url}/oidc", "cloud": "AWS"}


def test_the_connectors_side_calls_are_answered(service: Service, http: httpx2.Client) -> None:
    flags = http.get("/api/2.0/connector-service/feature-flags/PYTHON/4.9.0").json()
    assert [flag["value"] for flag in flags["flags"]] == ["false"]
    sent = {"uploadTime": 1, "items": [], "protoLogs": ["{}", "{}"]}
    assert http.post("/telemetry-ext", json=sent).json()["numProtoSuccess"] == 2
    assert httpx2.post(f"{service.url}/telemetry-unauth", json=sent).json()["numProtoSuccess"] == 2
