"""Specifications of clusters: read as the Clusters API reads them, kept as they were sent.

Instance types, autoscaling, cloud attributes, images and init scripts have no local meaning: all clusters are the one
local Spark.
"""

from __future__ import annotations

import copy

from databricks.sdk.service.compute import ClusterSpec

from harness.workspace import clusterpolicies, policydefaults
from harness.workspace.errors import InvalidParameter
from harness.workspace.jobspec import typed
from harness.workspace.store import Document, Store

# Not part of a specification: they come along in the same request, or are only the service's to set.
BESIDE = frozenset({"cluster_id", "clone_from", "idempotency_token", "cluster_source"})
SIZES = ("num_workers", "autoscale")
# docs: api/workspace/clusters/create, `autotermination_minutes`, `custom_tags`.
TERMINATION_MINUTES = range(10, 10_001)
MOST_TAGS = 45


def given(arguments: Document, store: Store) -> Document:
    """The specification that a request holds, with what its policy gives. Raises: ``InvalidParameter``."""
    return checked(typed({k: v for k, v in arguments.items() if k not in BESIDE}, ClusterSpec), store)


def checked(spec: Document, store: Store) -> Document:
    """The specification, if it is whole and within the documented limits, with what its policy gives.

    Raises: ``InvalidParameter``.
    """
    by_policy = "policy_id" in spec and spec.get("apply_policy_default_values", False)
    rules = clusterpolicies.rules_of(store, spec["policy_id"]) if by_policy else None
    if rules is not None:
        spec = typed(policydefaults.filled(spec, rules), ClusterSpec)
        # What is missing now, the policy has not. A policy that is unknown here may have it.
        by_policy = False
    # Worded as terraform-provider-databricks #2521 shows it for node_type_id.
    if not spec.get("spark_version") and not by_policy:
        raise InvalidParameter("Missing required field 'spark_version'")
    if not by_policy and not spec.get("is_single_node"):
        size(spec)
    if "instance_pool_id" not in spec and not spec.get("node_type_id") and not by_policy:
        raise InvalidParameter("Missing required field 'node_type_id'")
    if "instance_pool_id" in spec and "node_type_id" in spec:
        raise InvalidParameter("The field 'node_type_id' cannot be supplied when an instance pool ID is provided.")
    minutes = spec.get("autotermination_minutes", 0)
    if minutes and minutes not in TERMINATION_MINUTES:
        raise InvalidParameter(f"autotermination_minutes must be 0 or between 10 and 10000, got {minutes}.")
    if len(spec.get("custom_tags", {})) > MOST_TAGS:
        raise InvalidParameter(f"custom_tags must not have more than {MOST_TAGS} tags.")
    return spec


def sized(arguments: Document) -> Document:
    """The number of workers that a request asks for. Raises: ``InvalidParameter``."""
    return size(typed({name: arguments[name] for name in SIZES if name in arguments}, ClusterSpec))


def size(spec: Document) -> Document:
    """How many workers a document asks for. Raises: ``InvalidParameter``."""
    sizes = {name: spec[name] for name in SIZES if name in spec}
    if not sizes:
        # The service's name for "num_workers or autoscale" (gbrueckl/Databricks.API.PowerShell #21).
        raise InvalidParameter("Missing required field: size")
    if len(sizes) > 1:
        raise InvalidParameter("Exactly 1 of virtual_cluster_size, num_workers or autoscale must be specified.")
    if sizes.get("num_workers", 0) < 0:
        raise InvalidParameter(f"num_workers must not be negative, got {sizes['num_workers']}.")
    if "autoscale" in sizes:
        least, most = (sizes["autoscale"].get(name) for name in ("min_workers", "max_workers"))
        if least is None or most is None or not 0 <= least <= most:
            raise InvalidParameter(f"autoscale needs 0 <= min_workers <= max_workers, got {least} and {most}.")
    return sizes


def updated(spec: Document, new: Document, mask: str, store: Store) -> Document:
    """The specification with the fields of an update mask replaced, or removed if ``new`` has them not.

    Parameters: ``mask``: names, dotted, separated by commas; ``*`` for all. Raises: ``InvalidParameter``.
    """
    new = typed(new, ClusterSpec)
    if mask == "*":
        return checked(new, store)
    result = copy.deepcopy(spec)
    paths = [path.split(".") for path in mask.split(",")]
    named = {path[0] for path in paths}
    for name, other in (SIZES, SIZES[::-1]):
        if name in named and name in new and other not in named:
            result.pop(other, None)
    for path in paths:
        if path[0] not in ClusterSpec.__dataclass_fields__:
            raise InvalidParameter(f"Invalid update_mask: {mask}. A cluster has no field '{path[0]}'.")
        _replace(result, new, path)
    return checked(result, store)


def _replace(result: Document, new: Document, path: list[str]) -> None:
    *above, last = path
    value: object = new
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    for name in above:
        result = result.setdefault(name, {})
        if not isinstance(result, dict):
            raise InvalidParameter(f"Invalid update_mask: '{'.'.join(path)}' is not a field of an object.")
    if value is None:
        result.pop(last, None)
    else:
        result[last] = value
