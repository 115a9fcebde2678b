"""Clusters through the SDK, the provider and raw HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, InvalidState, NotFound, OperationFailed
from databricks.sdk.service import compute
from databricks.sdk.service.compute import EventType, State
from pytest_mock import MockerFixture

from tests.workspace.conftest import IdleEngine, Service

if TYPE_CHECKING:
    from airflow.providers.databricks.hooks.databricks import DatabricksHook

PATH = "/api/2.1/clusters"
SPEC = {"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 2}
SOON = timedelta(seconds=10)
# Airflow deprecates a part that its own Task SDK still calls when a hook is made outside of a task.
pytestmark = pytest.mark.filterwarnings("ignore:ProvidersManager.hooks is deprecated")


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


@pytest.fixture
def make(w: WorkspaceClient) -> Callable[..., str]:
    """``make(**fields)``: the id of a new cluster."""

    def make(**fields: Any) -> str:
        wait = w.clusters.create(**{"spark_version": "16.4.x-scala2.12", "node_type_id": "i3.xlarge", **fields})
        cluster = wait.result(timeout=SOON)
        assert cluster.cluster_id is not None
        return cluster.cluster_id

    return make


def kinds(w: WorkspaceClient, cluster_id: str, **options: Any) -> list[str]:
    return [e.type.value for e in w.clusters.events(cluster_id, order=compute.GetEventsOrder.ASC, **options) if e.type]


def test_a_real_specification_is_kept_and_read_back(w: WorkspaceClient) -> None:
    given = compute.ClusterSpec(
        cluster_name="ETL",
        spark_version="15.4.x-scala2.12",
        node_type_id="i3.xlarge",
        driver_node_type_id="i3.2xlarge",
        autoscale=compute.AutoScale(min_workers=1, max_workers=8),
        autotermination_minutes=30,
        aws_attributes=compute.AwsAttributes(availability=compute.AwsAvailability.SPOT, zone_id="eu-west-1a"),
        custom_tags={"team": "energy"},
        data_security_mode=compute.DataSecurityMode.SINGLE_USER,
        init_scripts=[compute.InitScriptInfo(workspace=compute.WorkspaceStorageInfo("/Shared/init.sh"))],
        runtime_engine=compute.RuntimeEngine.PHOTON,
        single_user_name="me@example.com",
        spark_conf={"spark.speculation": "true"},
        spark_env_vars={"STAGE": "test"},
    )
    fields = {name: getattr(given, name) for name in given.as_shallow_dict()}
    cluster = w.clusters.create(**fields).result(timeout=SOON)
    assert re.fullmatch(r"\d{4}-\d{6}-[a-z0-9]{8}", cluster.cluster_id or "")
    assert cluster.spec == given
    assert {name: getattr(cluster, name) for name in fields} == fields
    assert (cluster.state, cluster.state_message) == (State.RUNNING, "")
    assert cluster.creator_user_name == "me@example.com"
    assert cluster.default_tags is not None
    assert cluster.default_tags["ClusterName"] == "ETL"


def test_a_cluster_lives_as_on_databricks(w: WorkspaceClient, make: Callable[..., str]) -> None:
    cluster_id = make(num_workers=1)
    w.clusters.restart(cluster_id).result(timeout=SOON)
    w.clusters.resize(cluster_id, num_workers=3).result(timeout=SOON)
    w.clusters.pin(cluster_id)
    ended = w.clusters.delete(cluster_id).result(timeout=SOON)
    assert (ended.state, ended.state_message) == (State.TERMINATED, "Termination requested by me@example.com")
    assert ended.termination_reason is not None
    assert ended.termination_reason.code is compute.TerminationReasonCode.USER_REQUEST
    assert (ended.terminated_time or 0) >= (ended.start_time or 0) > 0
    w.clusters.delete(cluster_id)
    w.clusters.unpin(cluster_id)
    again = w.clusters.start(cluster_id).result(timeout=SOON)
    assert (again.state, again.num_workers, again.terminated_time) == (State.RUNNING, 3, None)
    assert kinds(w, cluster_id) == [
        *("CREATING", "RUNNING", "RESTARTING", "RUNNING", "RESIZING", "PINNED"),
        *("TERMINATING", "UNPINNED", "STARTING", "RUNNING"),
    ]


def test_what_a_state_does_not_allow_is_refused_in_the_services_words(
    w: WorkspaceClient, engine: IdleEngine, make: Callable[..., str]
) -> None:
    cluster_id = make(num_workers=1)
    with pytest.raises(InvalidState, match=f"Cluster {cluster_id} is in unexpected state Running."):
        w.clusters.start(cluster_id)
    w.clusters.delete(cluster_id)
    for refused in (lambda: w.clusters.restart(cluster_id), lambda: w.clusters.resize(cluster_id, num_workers=2)):
        with pytest.raises(InvalidState, match=f"Cluster {cluster_id} is in unexpected state Terminated."):
            refused()
    engine.state = "starting"
    w.clusters.start(cluster_id)
    with pytest.raises(InvalidState, match="unexpected state Pending"):
        w.clusters.edit(cluster_id, "16.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1)
    with pytest.raises(InvalidState, match="unexpected state Pending"):
        w.clusters.restart(cluster_id)


def test_editing_restarts_a_running_cluster_and_leaves_a_terminated_one(
    w: WorkspaceClient, make: Callable[..., str]
) -> None:
    cluster_id = make(cluster_name="old", num_workers=1, custom_tags={"a": "1"})
    w.clusters.edit(cluster_id, "17.3.x-scala2.13", node_type_id="m5.large", num_workers=4).result(timeout=SOON)
    edited = w.clusters.get(cluster_id)
    assert (edited.cluster_name, edited.num_workers, edited.custom_tags) == ("", 4, None)
    assert kinds(w, cluster_id) == ["CREATING", "RUNNING", "EDITED", "RESTARTING", "RUNNING"]
    w.clusters.delete(cluster_id)
    w.clusters.edit(cluster_id, "17.3.x-scala2.13", node_type_id="m5.large", num_workers=5)
    assert (w.clusters.get(cluster_id).state, w.clusters.get(cluster_id).num_workers) == (State.TERMINATED, 5)


def test_an_update_changes_what_its_mask_names(w: WorkspaceClient, make: Callable[..., str]) -> None:
    cluster_id = make(cluster_name="n", num_workers=1, custom_tags={"a": "1"}, autotermination_minutes=20)
    new = compute.UpdateClusterResource(
        autoscale=compute.AutoScale(min_workers=1, max_workers=4),
        aws_attributes=compute.AwsAttributes(zone_id="auto", first_on_demand=1),
    )
    mask = "autoscale,custom_tags,aws_attributes.zone_id"
    updated = w.clusters.update(cluster_id, mask, cluster=new).result(timeout=SOON)
    assert updated.autoscale == compute.AutoScale(min_workers=1, max_workers=4)
    assert (updated.num_workers, updated.custom_tags, updated.autotermination_minutes) == (None, None, 20)
    assert updated.aws_attributes == compute.AwsAttributes(zone_id="auto")
    with pytest.raises(InvalidParameterValue, match="A cluster has no field 'color'"):
        w.clusters.update(cluster_id, "color", cluster=new)


def test_a_cluster_deleted_for_good_is_gone(http: httpx2.Client, w: WorkspaceClient, make: Callable[..., str]) -> None:
    cluster_id = make(num_workers=1)
    w.clusters.permanent_delete(cluster_id)
    with pytest.raises(NotFound, match=f"Cluster {cluster_id} does not exist"):
        w.clusters.get(cluster_id)
    assert list(w.clusters.list()) == []
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/x"}, "existing_cluster_id": cluster_id}
    answer = http.post("/api/2.2/jobs/runs/submit", json={"tasks": [task]})
    assert (answer.status_code, answer.json()["message"]) == (400, f"Cluster {cluster_id} does not exist")


def test_a_cluster_is_pending_until_spark_is_up(w: WorkspaceClient, engine: IdleEngine) -> None:
    engine.state = "starting"
    cluster_id = str(w.clusters.create("16.4.x-scala2.12", node_type_id="m5.large", num_workers=1).cluster_id)
    assert w.clusters.get(cluster_id).state is State.PENDING
    assert kinds(w, cluster_id) == ["CREATING"]
    engine.state = "ready"
    w.clusters.wait_get_cluster_running(cluster_id, timeout=SOON)
    w.clusters.get(cluster_id)
    assert kinds(w, cluster_id) == ["CREATING", "RUNNING"]
    engine.state, engine.error = "failed", "Spark did not start: no Java"
    with pytest.raises(OperationFailed, match=r"got State\.ERROR: Spark did not start: no Java"):
        w.clusters.wait_get_cluster_running(cluster_id, timeout=SOON)


def test_a_run_starts_the_terminated_cluster_that_it_names(
    service: Service, http: httpx2.Client, w: WorkspaceClient, make: Callable[..., str]
) -> None:
    cluster_id = make(cluster_name="mine", num_workers=1)
    w.clusters.delete(cluster_id)
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/x"}, "existing_cluster_id": cluster_id}
    job_id = http.post("/api/2.2/jobs/create", json={"name": "j", "tasks": [task]}).json()["job_id"]
    cluster = w.clusters.get(cluster_id)
    assert (cluster.cluster_name, cluster.state) == ("mine", State.TERMINATED)
    for path, body in (("run-now", {"job_id": job_id}), ("runs/submit", {"tasks": [task]})):
        assert http.post(f"/api/2.2/jobs/{path}", json=body).status_code == 200
        service.runner.next()
        assert w.clusters.get(cluster_id).state is State.RUNNING
        w.clusters.delete(cluster_id)


def test_a_run_on_a_cluster_deleted_for_good_fails_and_the_next_is_not_held_up(
    service: Service, http: httpx2.Client, w: WorkspaceClient, make: Callable[..., str]
) -> None:
    cluster_id = make(num_workers=1)
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/x"}, "existing_cluster_id": cluster_id}
    job = {"job_id": http.post("/api/2.2/jobs/create", json={"name": "j", "tasks": [task]}).json()["job_id"]}
    runs = [http.post("/api/2.2/jobs/run-now", json=job).json()["run_id"] for _ in range(3)]
    w.clusters.permanent_delete(cluster_id)
    service.runner.end(service.runner.next())
    for run_id in runs[1:]:
        state = http.get("/api/2.2/jobs/runs/get", params={"run_id": run_id}).json()["state"]
        assert (state["life_cycle_state"], state["result_state"]) == ("INTERNAL_ERROR", "FAILED")
        assert state["state_message"] == f"Cluster {cluster_id} does not exist"


def test_the_providers_hook_starts_restarts_and_terminates(
    make: Callable[..., str], hook_of: Callable[[str], DatabricksHook]
) -> None:
    cluster_id, hook = make(num_workers=1), hook_of("DatabricksHook")
    hook.restart_cluster({"cluster_id": cluster_id})
    assert (hook.get_cluster_state(cluster_id).state, hook.get_cluster_state(cluster_id).is_running) == (
        "RUNNING",
        True,
    )
    hook.terminate_cluster({"cluster_id": cluster_id})
    assert hook.get_cluster_state(cluster_id).is_terminal
    hook.start_cluster({"cluster_id": cluster_id})
    assert hook.get_cluster_state(cluster_id).is_running


def test_lists_are_filtered_sorted_and_paged(w: WorkspaceClient, make: Callable[..., str]) -> None:
    ids = {name: make(cluster_name=name, num_workers=1) for name in ("b", "c", "a")}
    w.clusters.delete(ids["b"])
    w.clusters.pin(ids["c"])

    def names(**options: Any) -> list[str | None]:
        by_name = compute.ListClustersSortBy(field=compute.ListClustersSortByField.CLUSTER_NAME)
        return [cluster.cluster_name for cluster in w.clusters.list(**{"sort_by": by_name, **options})]

    assert names() == ["a", "b", "c"]
    assert names(page_size=1) == ["a", "b", "c"]
    backwards = compute.ListClustersSortBy(
        compute.ListClustersSortByDirection.DESC, compute.ListClustersSortByField.CLUSTER_NAME
    )
    assert names(sort_by=backwards, page_size=2) == ["c", "b", "a"]
    running = compute.ListClustersFilterBy(cluster_states=[State.RUNNING, State.PENDING])
    assert names(filter_by=running) == ["a", "c"]
    assert names(filter_by=compute.ListClustersFilterBy(is_pinned=True)) == ["c"]
    assert names(filter_by=compute.ListClustersFilterBy(policy_id="p")) == []
    assert names(filter_by=compute.ListClustersFilterBy(cluster_sources=[compute.ClusterSource.JOB])) == []


def test_events_come_in_pages_and_by_kind(http: httpx2.Client, w: WorkspaceClient, make: Callable[..., str]) -> None:
    cluster_id = make(num_workers=1)
    for _ in range(3):
        w.clusters.restart(cluster_id)
    whole = ["CREATING", "RUNNING", *["RESTARTING", "RUNNING"] * 3]
    assert kinds(w, cluster_id) == kinds(w, cluster_id, page_size=3) == kinds(w, cluster_id, limit=3) == whole
    assert kinds(w, cluster_id, event_types=[EventType.RESTARTING]) == ["RESTARTING"] * 3
    newest = next(iter(w.clusters.events(cluster_id)))
    assert (newest.type, newest.cluster_id) == (EventType.RUNNING, cluster_id)
    answer = http.post(f"{PATH}/events", json={"cluster_id": cluster_id, "limit": 2}).json()
    assert answer["next_page"] == {"cluster_id": cluster_id, "limit": 2, "offset": 2}
    assert answer["total_count"] == 8
    assert kinds(w, cluster_id, start_time=(newest.timestamp or 0) + 1) == []


def test_a_terminated_cluster_takes_another_owner(w: WorkspaceClient, make: Callable[..., str]) -> None:
    cluster_id = make(num_workers=1)
    with pytest.raises(InvalidState, match="unexpected state Running"):
        w.clusters.change_owner(cluster_id, "you@example.com")
    w.clusters.delete(cluster_id)
    w.clusters.change_owner(cluster_id, "you@example.com")
    assert w.clusters.get(cluster_id).creator_user_name == "you@example.com"


def test_both_versions_of_the_path_serve(http: httpx2.Client) -> None:
    made = http.post("/api/2.0/clusters/create", json=SPEC).json()["cluster_id"]
    listed = http.get("/api/2.0/clusters/list").json()
    assert [cluster["cluster_id"] for cluster in listed["clusters"]] == [made]
    assert http.get("/api/2.1/clusters/get", params={"cluster_id": made}).json()["state"] == "RUNNING"
    assert http.get("/api/2.0/clusters/list-zones").json() == {"zones": ["local"], "default_zone": "local"}


def test_an_idempotency_token_makes_one_cluster(http: httpx2.Client) -> None:
    made = [http.post(f"{PATH}/create", json={**SPEC, "idempotency_token": "t"}).json() for _ in range(2)]
    assert made[0] == made[1]
    assert len(http.get(f"{PATH}/list").json()["clusters"]) == 1


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in SPEC.items() if key != name}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (without("spark_version"), "Missing required field 'spark_version'"),
        (without("node_type_id"), "Missing required field 'node_type_id'"),
        (without("num_workers"), "Missing required field: size"),
        ({**SPEC, "autoscale": {"min_workers": 1, "max_workers": 2}}, "Exactly 1 of virtual_cluster_size, num_workers"),
        ({**SPEC, "num_workers": -1}, "num_workers must not be negative"),
        ({**SPEC, "num_workers": "two"}, "Expected num_workers to be an integer"),
        ({**without("num_workers"), "autoscale": {"min_workers": 3, "max_workers": 2}}, "autoscale needs"),
        ({**SPEC, "autotermination_minutes": 5}, "autotermination_minutes"),
        ({**SPEC, "spark_conf": ["x"]}, "Expected spark_conf to be an object"),
        ({**SPEC, "instance_pool_id": "p"}, "The field 'node_type_id' cannot be supplied when an instance pool ID"),
        ({**SPEC, "custom_tags": {str(n): "" for n in range(46)}}, "45 tags"),
        ({**SPEC, "idempotency_token": "t" * 65}, "idempotency_token"),
    ],
)
def test_specifications_that_are_not_whole_are_refused(body: dict[str, Any], message: str, http: httpx2.Client) -> None:
    answer = http.post(f"{PATH}/create", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert message in answer.json()["message"]
    assert http.get(f"{PATH}/list").json().get("clusters") is None


ACTS = ("edit", "update", "start", "restart", "resize", "delete", "permanent-delete", "pin", "unpin", "events")


@pytest.mark.parametrize("act", [*ACTS, "change-owner"])
def test_unknown_clusters_do_not_exist(act: str, http: httpx2.Client) -> None:
    more = {**SPEC, "update_mask": "num_workers", "cluster": {"num_workers": 1}, "owner_username": "you@example.com"}
    answer = http.post(f"{PATH}/{act}", json={"cluster_id": "0000-../etc", **more})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert answer.json()["message"] == "Cluster 0000-../etc does not exist"
    missing = http.post(f"{PATH}/{act}", json=more)
    assert (missing.status_code, missing.json()["message"]) == (400, "Missing required field: cluster_id")
    wrong = http.post(f"{PATH}/{act}", json={"cluster_id": {"a": 1}, **more})
    assert (wrong.status_code, wrong.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize(
    "query", ["filter_by.color=red", "sort_by.color=red", "page_size=0", "page_size=101", "page_token=x", "filter_by=x"]
)
def test_lists_refuse_what_they_do_not_know(query: str, http: httpx2.Client) -> None:
    answer = http.get(f"{PATH}/list?{query}")
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_an_idle_cluster_ends_after_its_minutes_unless_a_run_uses_it(
    w: WorkspaceClient, http: httpx2.Client, make: Callable[..., str], service: Service, mocker: MockerFixture
) -> None:
    cluster_id = make(num_workers=1, autotermination_minutes=20)
    started = w.clusters.get(cluster_id).start_time or 0
    clock = mocker.patch("harness.workspace.clusters.now", return_value=started + 19 * 60_000)
    assert w.clusters.get(cluster_id).state is State.RUNNING
    task = {"task_key": "t", "notebook_task": {"notebook_path": "/x"}, "existing_cluster_id": cluster_id}
    http.post("/api/2.2/jobs/runs/submit", json={"tasks": [task]})
    run = service.runner.next()
    clock.return_value = started + 60 * 60_000
    assert w.clusters.get(cluster_id).state is State.RUNNING, "a run is on it"
    service.runner.end(run)
    ended = run.end_time
    clock.return_value = ended + 20 * 60_000
    seen = w.clusters.get(cluster_id)
    assert (seen.state, seen.terminated_time) == (State.TERMINATED, ended + 20 * 60_000)
    assert seen.termination_reason is not None
    assert seen.termination_reason.code is compute.TerminationReasonCode.INACTIVITY
    assert seen.state_message == "Inactive cluster terminated (inactive for 20 minutes)."
    assert kinds(w, cluster_id)[-1] == "TERMINATING"
    assert [c.state for c in w.clusters.list()] == [State.TERMINATED]
    http.post("/api/2.2/jobs/runs/submit", json={"tasks": [task]})
    service.runner.end(service.runner.next())
    assert w.clusters.get(cluster_id).state is State.RUNNING, "the next run has started it"
