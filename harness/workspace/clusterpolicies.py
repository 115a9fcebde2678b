"""Cluster policies: ``/api/2.0/policies/clusters``. Kept and read back; **none is enforced**.

Source: docs.databricks.com/api/workspace/clusterpolicies and "Compute policy reference". What a policy gives to a
cluster that asks for ``apply_policy_default_values`` is given here too, else its specification would not be whole.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from databricks.sdk.service.compute import Policy

from harness.runner.run import now
from harness.workspace import names, permissions
from harness.workspace.errors import InvalidParameter, NotFound
from harness.workspace.jobspec import typed
from harness.workspace.store import Document, Store
from harness.workspace.wire import Call, api

if TYPE_CHECKING:
    from harness.workspace.state import Workspace

PATH = "2.0/policies/clusters"
WHAT = "Cluster Policy"
RULES = ("fixed", "forbidden", "allowlist", "blocklist", "regex", "range", "unlimited")
# Fields that only the service sets; clients that send back what they have read send them along.
OUTPUTS = frozenset({"policy_id", "created_at_timestamp", "creator_user_name", "is_default"})
SORTED_BY = {"POLICY_CREATION_TIME": "created_at_timestamp", "POLICY_NAME": "name"}
NAME_LENGTH = 100
MOST_LIBRARIES = 500


def find(workspace: Workspace, policy_id: str) -> Document:
    """A policy. Raises: ``NotFound`` in the service's words (databrickslabs/ucx #502)."""
    policy = workspace.store.get("cluster_policy", policy_id)
    if policy is None:
        raise NotFound(f"Can't find a cluster policy with id: {policy_id}.")
    return policy


def rules_of(store: Store, policy_id: object) -> Document | None:
    """What a policy says, by the paths of attributes; ``None`` when it is unknown, or its family's to say."""
    policy = store.get("cluster_policy", policy_id)
    if policy is None or "definition" not in policy:
        return None
    rules: Document = json.loads(policy["definition"])
    return rules


def create(call: Call) -> Document:
    """Make a policy. Raises: ``InvalidParameter``."""
    policy_id, store = secrets.token_hex(8).upper(), call.workspace.store
    policy = _given(call)
    names.claim(store, WHAT, policy["name"], policy_id)
    made = {"policy_id": policy_id, "creator_user_name": call.workspace.config.user, "created_at_timestamp": now()}
    store.put("cluster_policy", policy_id, {**policy, **made, "is_default": False})
    return {"policy_id": policy_id}


def edit(call: Call) -> Document:
    """Replace a policy whole. Raises: ``NotFound``, ``InvalidParameter``."""
    store, policy_id = call.workspace.store, call.text("policy_id")
    old, new = find(call.workspace, policy_id), _given(call)
    names.rename(store, WHAT, old, new, "name", policy_id)
    kept = {name: value for name, value in old.items() if name in OUTPUTS}
    store.update("cluster_policy", policy_id, lambda _: {**new, **kept})
    return {}


def delete(call: Call) -> Document:
    """Delete a policy; its clusters go on."""
    store, policy = call.workspace.store, find(call.workspace, call.text("policy_id"))
    store.delete("cluster_policy", policy["policy_id"])
    names.release(store, WHAT, policy["name"])
    permissions.forget(store, "cluster-policies", policy["policy_id"])
    return {}


def get(call: Call) -> Document:
    return find(call.workspace, call.text("policy_id"))


def list_policies(call: Call) -> Document:
    column, order = call.text("sort_column", "POLICY_CREATION_TIME"), call.text("sort_order", "ASC")
    if column not in SORTED_BY or order not in ("ASC", "DESC"):
        raise InvalidParameter(f"sort_column is one of {', '.join(SORTED_BY)}, and sort_order ASC or DESC.")
    found = sorted(
        call.workspace.store.all("cluster_policy"),
        key=lambda policy: (policy[SORTED_BY[column]], policy["name"]),
        reverse=order == "DESC",
    )
    return {"policies": found, "total_count": len(found)}


def _given(call: Call) -> Document:
    """The policy of a request. Raises: ``InvalidParameter``."""
    policy = typed({k: v for k, v in call.arguments.items() if k not in OUTPUTS}, Policy)
    name = policy.get("name", "")
    if not 1 <= len(name) <= NAME_LENGTH:
        raise InvalidParameter(f"name must have between 1 and {NAME_LENGTH} characters.")
    if "definition" in policy and "policy_family_id" in policy:
        raise InvalidParameter("definition cannot be used with policy_family_id.")
    if "definition" not in policy and "policy_family_id" not in policy:
        raise InvalidParameter("Missing required field: definition")
    for field in ("definition", "policy_family_definition_overrides"):
        if field in policy:
            _check_rules(field, policy[field])
    if policy.get("max_clusters_per_user", 1) < 1:
        raise InvalidParameter("max_clusters_per_user must be positive.")
    if len(policy.get("libraries", [])) > MOST_LIBRARIES:
        raise InvalidParameter(f"libraries must not be more than {MOST_LIBRARIES}.")
    return policy


def _check_rules(field: str, text: str) -> None:
    try:
        rules: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidParameter(f"{field} is not valid JSON: {error}") from None
    if not isinstance(rules, dict):
        raise InvalidParameter(f"{field} must be a JSON object.")
    for path, rule in rules.items():
        if not isinstance(rule, dict) or rule.get("type") not in RULES:
            raise InvalidParameter(f"{field}: the rule of '{path}' must have a type of {', '.join(RULES)}.")
        if rule["type"] == "fixed" and "value" not in rule:
            raise InvalidParameter(f"{field}: the fixed rule of '{path}' must have a value.")


routes = [
    *api("POST", f"{PATH}/create", create),
    *api("POST", f"{PATH}/edit", edit),
    *api("POST", f"{PATH}/delete", delete),
    *api("GET", f"{PATH}/get", get),
    *api("GET", f"{PATH}/list", list_policies),
]
