"""The values that a cluster policy gives to a specification which asks for them."""

from __future__ import annotations

import copy
from typing import Any

from harness.workspace.store import Document

# Their keys hold dots themselves.
MAPS = ("spark_conf", "spark_env_vars", "custom_tags")
# Attributes of which a specification has one: the other is not to be given beside it.
OTHERS = {"num_workers": "autoscale", "autoscale": "num_workers", "node_type_id": "instance_pool_id"}
# What policies limit that no specification has.
VIRTUAL = frozenset({"cluster_type", "dbus_per_hour"})


def filled(spec: Document, rules: Document) -> Document:
    """The specification with the fixed and default values of a policy where it has none.

    Rules for the items of lists (``init_scripts.0.…``, ``ssh_public_keys.*``) give none.
    """
    result = copy.deepcopy(spec)
    for path, rule in rules.items():
        value: Any = rule.get("value") if rule["type"] == "fixed" else rule.get("defaultValue")
        first, _, rest = path.partition(".")
        names = [first, *([rest] if first in MAPS else rest.split("."))] if rest else [first]
        skipped = first in VIRTUAL or OTHERS.get(first) in spec or any(n == "*" or n.isdigit() for n in names)
        if value is not None and not skipped:
            _give(result, names, value)
    return result


def _give(result: Document, names: list[str], value: Any) -> None:
    *above, last = names
    place: Any = result
    for name in above:
        place = place.setdefault(name, {}) if isinstance(place, dict) else None
    # An empty text is an absent one, as in proto3.
    if isinstance(place, dict) and place.get(last) in (None, ""):
        place[last] = value
