"""SQL warehouses through the SDK, the provider and raw HTTP. Queries that start them: test_thrift, test_statements."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound
from databricks.sdk.service import sql

from tests.workspace.conftest import IdleEngine, Service, WatchedSignal

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

PATH = "/api/2.0/sql/warehouses"
# Airflow deprecates a part that its own Task SDK still calls when a hook is made outside of a task.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def test_a_warehouse_is_made_read_back_edited_and_deleted(service: Service, w: WorkspaceClient) -> None:
    made = w.warehouses.create(
        name="Reports",
        cluster_size="2X-Small",
        max_num_clusters=3,
        auto_stop_mins=15,
        enable_serverless_compute=True,
        warehouse_type=sql.CreateWarehouseRequestWarehouseType.PRO,
        channel=sql.Channel(name=sql.ChannelName.CHANNEL_NAME_PREVIEW),
        tags=sql.EndpointTags([sql.EndpointTagPair("team", "energy")]),
    ).result(timeout=timedelta(seconds=10))
    assert made.id is not None
    assert made.tags == sql.EndpointTags([sql.EndpointTagPair("team", "energy")])
    assert (made.name, made.cluster_size, made.state) == ("Reports", "2X-Small", sql.State.RUNNING)
    assert (made.min_num_clusters, made.max_num_clusters, made.auto_stop_mins) == (1, 3, 15)
    assert (made.channel, made.creator_name) == (
        sql.Channel(name=sql.ChannelName.CHANNEL_NAME_PREVIEW),
        "me@example.com",
    )
    assert made.odbc_params is not None
    assert made.odbc_params.path == f"/sql/1.0/warehouses/{made.id}"
    w.warehouses.edit(made.id, name="Reports (new)", auto_stop_mins=0).result(timeout=timedelta(seconds=10))
    edited = w.warehouses.get(made.id)
    assert (edited.name, edited.auto_stop_mins, edited.cluster_size) == ("Reports (new)", 0, "2X-Small")
    assert {warehouse.name for warehouse in w.warehouses.list()} == {"Local Warehouse", "Reports (new)"}
    w.warehouses.delete(made.id)
    for act in (w.warehouses.get, w.warehouses.start, w.warehouses.stop, w.warehouses.delete):
        with pytest.raises(NotFound, match=f"SQL warehouse {made.id} does not exist"):
            act(made.id)
    with pytest.raises(NotFound):
        w.statement_execution.execute_statement("SELECT 1", made.id)


def test_older_providers_find_warehouses_as_endpoints(http: httpx2.Client, w: WorkspaceClient) -> None:
    made = w.warehouses.create(name="Older", cluster_size="2X-Small").response
    found = http.get("/api/2.0/sql/endpoints").json()["endpoints"]
    (older,) = [each for each in found if each["name"] == "Older"]
    assert older["id"] == made.id
    assert older["odbc_params"]["path"] == f"/sql/1.0/warehouses/{made.id}"


def test_a_name_is_one_warehouses_until_it_is_free_again(w: WorkspaceClient) -> None:
    first = w.warehouses.create(name="One", cluster_size="Small").id
    with pytest.raises(InvalidParameterValue, match="SQL warehouse with name `One` already exists"):
        w.warehouses.create(name="One", cluster_size="Small")
    second = w.warehouses.create(name="Two", cluster_size="Small").id
    with pytest.raises(BadRequest, match="already exists"):
        w.warehouses.edit(second, name="One")
    assert w.warehouses.get(second).name == "Two"
    w.warehouses.delete(first)
    w.warehouses.edit(second, name="One")
    w.warehouses.create(name="Two", cluster_size="Small")


def test_the_configured_warehouse_can_be_edited_and_is_itself_again_after_a_reset(
    http: httpx2.Client, w: WorkspaceClient
) -> None:
    w.warehouses.edit("local", name="Edited", cluster_size="Large")
    w.warehouses.stop("local")
    assert (w.warehouses.get("local").name, w.warehouses.get("local").cluster_size) == ("Edited", "Large")
    http.post("/_harness/reset")
    assert (w.warehouses.get("local").name, w.warehouses.get("local").state) == ("Local Warehouse", sql.State.RUNNING)
    w.warehouses.delete("local")
    http.post("/_harness/reset")
    assert w.warehouses.get("local").name == "Local Warehouse"


def test_the_provider_finds_a_new_warehouse_by_its_name(
    w: WorkspaceClient, hook_of: Callable[[str], DatabricksHook]
) -> None:
    from airflow.providers.databricks.hooks.databricks_sql import DatabricksSqlHook

    made = w.warehouses.create(name="By name", cluster_size="Small").id
    hook_of("DatabricksSqlOperator")
    hook = DatabricksSqlHook("databricks_default", sql_endpoint_name="By name")
    assert hook._resolve_http_path() == f"/sql/1.0/warehouses/{made}"


def test_lists_come_in_pages(http: httpx2.Client, w: WorkspaceClient) -> None:
    ids = {w.warehouses.create(name=name, cluster_size="Small").id for name in ("a", "b")} | {"local"}
    assert {warehouse.id for warehouse in w.warehouses.list(page_size=1)} == ids
    assert len(http.get(PATH, params={"page_size": 2}).json()["warehouses"]) == 2


def test_a_warehouse_is_starting_until_spark_is_up(service: Service, w: WorkspaceClient, engine: IdleEngine) -> None:
    engine.state = "starting"
    made = w.warehouses.create(name="Early", cluster_size="Small").id
    assert (w.warehouses.get(made).state, w.warehouses.get(made).num_clusters) == (sql.State.STARTING, 0)
    engine.state = "warm"
    assert (w.warehouses.get(made).state, w.warehouses.get(made).num_clusters) == (sql.State.RUNNING, 1)


def test_a_warehouse_without_spark_is_stopped_and_says_why(w: WorkspaceClient, engine: IdleEngine) -> None:
    engine.state, engine.error = "failed", "Spark did not start: no Java"
    warehouse = w.warehouses.get("local")
    assert warehouse.health is not None
    assert (warehouse.state, warehouse.health.status) == (sql.State.STOPPED, sql.Status.FAILED)
    assert warehouse.health.summary == "Spark did not start: no Java"
    with pytest.raises(BadRequest, match=r"cannot start: .*no Java"):
        w.warehouses.start("local")


def test_airflows_operators_are_answered_when_the_warehouse_has_started(
    service: Service, engine: IdleEngine, hook_of: Callable[[str], DatabricksHook]
) -> None:
    engine.state = "starting"
    states: list[str] = []
    hook = hook_of("DatabricksStartWarehouseOperator")
    thread = threading.Thread(target=lambda: states.append(hook.get_warehouse_state("local").state))
    thread.start()
    signal = service.workspace.signal
    assert isinstance(signal, WatchedSignal)
    signal.wait_held("engine")
    engine.state = "ready"
    signal.notify("engine")
    thread.join(10)
    assert states == ["RUNNING"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "n" * 100}, "100 characters"),
        ({"name": ["n"]}, "Expected name to be a string"),
        ({"name": "n", "cluster_size": "Huge"}, "Invalid cluster_size Huge"),
        ({"name": "n", "warehouse_type": "FAST"}, "Invalid warehouse_type FAST"),
        ({"name": "n", "spot_instance_policy": "NEVER"}, "Invalid spot_instance_policy"),
        ({"name": "n", "min_num_clusters": 0}, "min_num_clusters"),
        ({"name": "n", "min_num_clusters": 3, "max_num_clusters": 2}, "max_num_clusters"),
        ({"name": "n", "max_num_clusters": 41}, "at most 40"),
        ({"name": "n", "max_num_clusters": "many"}, "Expected max_num_clusters to be an integer"),
        ({"name": "n", "auto_stop_mins": 5}, "auto_stop_mins"),
        ({"name": "n", "auto_stop_mins": -1}, "auto_stop_mins"),
        ({"name": "n", "tags": "x"}, "Expected tags to be an object"),
        ({"name": "n", "tags": {"custom_tags": [{"key": "k", "value": "v"}] * 45}}, "45 tags"),
    ],
)
def test_settings_out_of_bounds_are_refused(body: dict[str, Any], words: str, http: httpx2.Client) -> None:
    answer = http.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert words in answer.json()["message"]
    assert [warehouse["id"] for warehouse in http.get(PATH).json()["warehouses"]] == ["local"]


def test_settings_sent_as_text_are_read_and_unknown_ones_kept(http: httpx2.Client) -> None:
    sent = {"name": "n", "auto_stop_mins": "20", "enable_photon": "false", "later_field": {"a": 1}, "state": "DELETED"}
    made = http.get(f"{PATH}/{http.post(PATH, json=sent).json()['id']}").json()
    assert (made["auto_stop_mins"], made["enable_photon"], made["later_field"]) == (20, False, {"a": 1})
    assert made["state"] == "RUNNING"
