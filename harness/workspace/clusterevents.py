"""The events of a cluster's life: ``/api/2.1/clusters/events``. They are written where it changes (clusters.py)."""

from __future__ import annotations

import math

from harness.workspace import clusters
from harness.workspace.errors import InvalidParameter
from harness.workspace.runtimes import VERSIONS
from harness.workspace.store import Document
from harness.workspace.wire import Call, api, position_of, token_of

# docs: api/workspace/clusters/events, `limit`, `page_size`.
DEFAULT = 50
MOST = 500


def events(call: Call) -> Document:
    """A page of a cluster's events, the newest first unless ``order`` is ASC. ``next_page`` is the request for more.

    Pages are asked for by ``page_size`` and ``page_token``, or as before by ``limit`` and ``offset``.
    Raises: ``InvalidParameter``.
    """
    workspace, cluster_id = call.workspace, call.text("cluster_id")
    clusters.find(workspace, cluster_id)
    order, kinds = call.text("order", "DESC"), call.arguments.get("event_types", [])
    if order not in ("ASC", "DESC"):
        raise InvalidParameter(f"order must be ASC or DESC, got {order}.")
    if not isinstance(kinds, list):
        raise InvalidParameter("Expected event_types to be a list.")
    first = call.integer("start_time", 0)
    last = call.integer("end_time") if "end_time" in call.arguments else math.inf
    kept = [
        event
        for event in workspace.store.all("cluster_event", f"{cluster_id}/")
        if first <= event["timestamp"] <= last and (not kinds or event["type"] in kinds)
    ]
    if order == "DESC":
        kept.reverse()
    old_style = "limit" in call.arguments or "offset" in call.arguments
    size = call.integer("limit" if old_style else "page_size", DEFAULT)
    if old_style and not 0 < size <= MOST:
        raise InvalidParameter(f"limit must be between 1 and {MOST}, got {size}.")
    size = min(size, MOST) if size > 0 else DEFAULT
    token = call.text("page_token", "")
    start = position_of(token) if token else call.integer("offset", 0)
    if start < 0:
        raise InvalidParameter(f"Invalid offset: {start}.")
    answer: Document = {"events": kept[start : start + size], "total_count": len(kept)}
    if start + size < len(kept):
        following = {"offset": start + size} if old_style else {"page_token": token_of(start + size)}
        answer |= {"next_page": {**call.arguments, **following}}
        if not old_style:
            answer["next_page_token"] = token_of(start + size)
    if start and not old_style:
        answer["prev_page_token"] = token_of(max(0, start - size))
    return answer


routes = [*api("POST", "{version}/clusters/events", events, VERSIONS)]
