"""Cluster policies and instance pools: records with names of their own, through the SDK and raw HTTP."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx2
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound
from databricks.sdk.service import compute

POLICIES = "/api/2.0/policies/clusters"
POOLS = "/api/2.0/instance-pools"
RULES = {
    "spark_version": {"type": "fixed", "value": "15.4.x-scala2.12"},
    "node_type_id": {"type": "allowlist", "values": ["m5.large"], "defaultValue": "m5.large"},
    "autoscale.min_workers": {"type": "range", "minValue": 1, "defaultValue": 1},
    "autoscale.max_workers": {"type": "range", "maxValue": 8, "defaultValue": 4},
    "spark_conf.spark.databricks.delta.preview.enabled": {"type": "fixed", "value": True},
    "custom_tags.team": {"type": "fixed", "value": "energy"},
    "aws_attributes.availability": {"type": "unlimited", "defaultValue": "SPOT"},
    "init_scripts.0.workspace.destination": {"type": "fixed", "value": "/init.sh"},
    "cluster_type": {"type": "fixed", "value": "all-purpose"},
    "driver_node_type_id": {"type": "forbidden"},
}


@pytest.fixture(autouse=True)
def clean(http: httpx2.Client) -> None:
    http.post("/_harness/reset")


def test_a_policy_is_made_read_back_edited_and_deleted(w: WorkspaceClient) -> None:
    definition = json.dumps(RULES)
    library = compute.Library(pypi=compute.PythonPyPiLibrary("httpx2"))
    made = w.cluster_policies.create(
        name="Jobs", definition=definition, description="d", libraries=[library], max_clusters_per_user=3
    )
    policy_id = str(made.policy_id)
    assert re.fullmatch(r"[0-9A-F]{16}", policy_id)
    policy = w.cluster_policies.get(policy_id)
    assert (policy.definition, policy.description, policy.libraries) == (definition, "d", [library])
    assert (policy.max_clusters_per_user, policy.creator_user_name, policy.is_default) == (3, "me@example.com", False)
    w.cluster_policies.edit(policy_id, name="Jobs 2", definition="{}")
    edited = w.cluster_policies.get(policy_id)
    assert (edited.name, edited.definition, edited.description) == ("Jobs 2", "{}", None)
    assert edited.created_at_timestamp == policy.created_at_timestamp
    w.cluster_policies.delete(policy_id)
    for act in (w.cluster_policies.get, w.cluster_policies.delete):
        with pytest.raises(NotFound, match=f"Can't find a cluster policy with id: {policy_id}."):
            act(policy_id)
    w.cluster_policies.create(name="Jobs 2", policy_family_id="job-cluster")


def test_policies_have_names_of_their_own_and_are_listed_by_them(w: WorkspaceClient) -> None:
    ids = [str(w.cluster_policies.create(name=name, definition="{}").policy_id) for name in ("b", "a")]
    with pytest.raises(InvalidParameterValue, match="Cluster Policy with name `a` already exists"):
        w.cluster_policies.create(name="a", definition="{}")
    with pytest.raises(BadRequest, match="already exists"):
        w.cluster_policies.edit(ids[0], name="a", definition="{}")
    column = compute.ListSortColumn.POLICY_NAME
    assert [policy.name for policy in w.cluster_policies.list(sort_column=column)] == ["a", "b"]
    backwards = w.cluster_policies.list(sort_column=column, sort_order=compute.ListSortOrder.DESC)
    assert [policy.name for policy in backwards] == ["b", "a"]


def test_a_cluster_gets_what_its_policy_gives(w: WorkspaceClient) -> None:
    policy_id = w.cluster_policies.create(name="p", definition=json.dumps(RULES)).policy_id
    made = w.clusters.create("", policy_id=policy_id, apply_policy_default_values=True, custom_tags={"a": "b"}).result()
    assert (made.spark_version, made.node_type_id) == ("15.4.x-scala2.12", "m5.large")
    assert made.autoscale == compute.AutoScale(min_workers=1, max_workers=4)
    assert made.spark_conf == {"spark.databricks.delta.preview.enabled": "true"}
    assert (made.custom_tags, made.init_scripts) == ({"a": "b", "team": "energy"}, [])
    assert made.aws_attributes == compute.AwsAttributes(availability=compute.AwsAvailability.SPOT)
    fixed = w.clusters.create("16.4.x-scala2.12", policy_id=policy_id, apply_policy_default_values=True, num_workers=2)
    assert (fixed.result().autoscale, fixed.result().spark_version) == (None, "16.4.x-scala2.12")
    with pytest.raises(InvalidParameterValue, match="Missing required field 'spark_version'"):
        w.clusters.create("", policy_id=policy_id, num_workers=2)
    found = w.clusters.list(filter_by=compute.ListClustersFilterBy(policy_id=policy_id))
    assert len(list(found)) == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"definition": "{}"}, "name"),
        ({"name": "n" * 101, "definition": "{}"}, "name"),
        ({"name": 7.5, "definition": {}}, "Expected definition to be a string"),
        ({"name": "n"}, "Missing required field: definition"),
        ({"name": "n", "definition": "{"}, "definition is not valid JSON"),
        ({"name": "n", "definition": "[]"}, "definition must be a JSON object"),
        ({"name": "n", "definition": '{"a": 1}'}, "the rule of 'a'"),
        ({"name": "n", "definition": '{"a": {"type": "maybe"}}'}, "the rule of 'a'"),
        ({"name": "n", "definition": '{"a": {"type": "fixed"}}'}, "must have a value"),
        ({"name": "n", "definition": "{}", "policy_family_id": "f"}, "policy_family_id"),
        ({"name": "n", "definition": "{}", "max_clusters_per_user": 0}, "max_clusters_per_user"),
        ({"name": "n", "definition": "{}", "libraries": "x"}, "Expected libraries to be a list"),
    ],
)
def test_what_is_no_policy_is_refused(body: dict[str, Any], words: str, http: httpx2.Client) -> None:
    answer = http.post(f"{POLICIES}/create", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert words in answer.json()["message"]
    assert http.get(f"{POLICIES}/list").json()["total_count"] == 0


def test_a_pool_is_made_read_back_edited_and_deleted(w: WorkspaceClient) -> None:
    made = w.instance_pools.create(
        "Small nodes",
        "m5.large",
        aws_attributes=compute.InstancePoolAwsAttributes(zone_id="eu-west-1a"),
        custom_tags={"team": "energy"},
        max_capacity=10,
        min_idle_instances=1,
        preloaded_spark_versions=["16.4.x-scala2.12"],
    )
    pool_id = str(made.instance_pool_id)
    assert re.fullmatch(r"\d{4}-\d{6}-[a-z0-9]{6}-pool-[a-z0-9]{8}", pool_id)
    pool = w.instance_pools.get(pool_id)
    assert (pool.instance_pool_name, pool.node_type_id, pool.max_capacity) == ("Small nodes", "m5.large", 10)
    assert pool.aws_attributes == compute.InstancePoolAwsAttributes(zone_id="eu-west-1a")
    assert (pool.state, pool.stats and pool.stats.used_count) == (compute.InstancePoolState.ACTIVE, 0)
    w.instance_pools.edit(pool_id, "Smaller nodes", "m5.large", max_capacity=5)
    edited = w.instance_pools.get(pool_id)
    assert (edited.instance_pool_name, edited.max_capacity, edited.custom_tags) == ("Smaller nodes", 5, None)
    assert edited.aws_attributes == pool.aws_attributes
    cluster = w.clusters.create("16.4.x-scala2.12", instance_pool_id=pool_id, num_workers=1).result()
    assert (cluster.instance_pool_id, cluster.node_type_id) == (pool_id, None)
    assert [listed.instance_pool_id for listed in w.instance_pools.list()] == [pool_id]
    w.instance_pools.delete(pool_id)
    for act in (w.instance_pools.get, w.instance_pools.delete):
        with pytest.raises(NotFound, match=f"Can't find an instance pool with id: {pool_id}."):
            act(pool_id)


def test_pools_have_names_of_their_own_and_keep_their_node_type(w: WorkspaceClient) -> None:
    first, second = (str(w.instance_pools.create(name, "m5.large").instance_pool_id) for name in ("a", "b"))
    with pytest.raises(InvalidParameterValue, match="Instance pool with name `a` already exists"):
        w.instance_pools.create("a", "m5.large")
    with pytest.raises(BadRequest, match="already exists"):
        w.instance_pools.edit(second, "a", "m5.large")
    with pytest.raises(BadRequest, match="cannot be changed"):
        w.instance_pools.edit(second, "b", "m5.xlarge")
    w.instance_pools.delete(first)
    w.instance_pools.edit(second, "a", "m5.large")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"node_type_id": "m5"}, "Missing required field: instance_pool_name"),
        ({"instance_pool_name": "n"}, "Missing required field: node_type_id"),
        ({"instance_pool_name": "n" * 101, "node_type_id": "m5"}, "100 characters"),
        ({"instance_pool_name": ["n"], "node_type_id": "m5"}, "Expected instance_pool_name to be a string"),
        ({"instance_pool_name": "n", "node_type_id": "m5", "min_idle_instances": -1}, "min_idle_instances"),
        ({"instance_pool_name": "n", "node_type_id": "m5", "min_idle_instances": 2, "max_capacity": 1}, "max_capacity"),
        ({"instance_pool_name": "n", "node_type_id": "m5", "max_capacity": "x"}, "Expected max_capacity"),
        ({"instance_pool_name": "n", "node_type_id": "m5", "preloaded_spark_versions": ["a", "b"]}, "at most one"),
    ],
)
def test_what_is_no_pool_is_refused(body: dict[str, Any], words: str, http: httpx2.Client) -> None:
    answer = http.post(f"{POOLS}/create", json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert words in answer.json()["message"]
    assert http.get(f"{POOLS}/list").json()["instance_pools"] == []
