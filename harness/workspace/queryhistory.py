"""Query history: ``GET /api/2.0/sql/history/queries``, over every door: the SQL connector and Statement Execution.

Source: docs.databricks.com/api/workspace/queryhistory/list. Statements of notebooks are not in it, as on Databricks,
whose history is that of SQL warehouses. Parameters come dotted in the query (the SDK) or nested in a JSON body.
"""

from __future__ import annotations

import uuid
from typing import Any

from harness.lake.sql.history import Entry
from harness.lake.sql.records import State
from harness.lake.sql.tokens import UnclosedToken, tokens
from harness.workspace.errors import InvalidParameter
from harness.workspace.wire import Call, Document, api, whole

PAGE = 100
MOST = 1000
USER_ID = 1
STATUSES = {
    State.PENDING: "QUEUED",
    State.RUNNING: "RUNNING",
    State.SUCCEEDED: "FINISHED",
    State.CLOSED: "FINISHED",
    State.FAILED: "FAILED",
    State.CANCELED: "CANCELED",
}
# The SDK's QueryStatus; the rest are states between those that a statement passes here.
KNOWN_STATUSES = frozenset({*STATUSES.values(), "STARTED", "COMPILING", "COMPILED"})
# The SDK's QueryStatementType, by a statement's first word.
TYPES = frozenset({"ALTER", "ANALYZE", "COPY", "CREATE", "DELETE", "DESCRIBE", "DROP", "EXPLAIN", "GRANT", "INSERT"})
TYPES |= {"MERGE", "OPTIMIZE", "REFRESH", "REPLACE", "REVOKE", "SELECT", "SET", "SHOW", "TRUNCATE", "UPDATE", "USE"}
QUERIES = ("WITH", "FROM", "VALUES", "TABLE", "(")
FILTERS = ("statement_ids", "statuses", "user_ids", "warehouse_ids")
RANGE = "query_start_time_range"


def list_queries(call: Call) -> Document:
    """Statements, the most recently started first. Raises: ``InvalidParameter``."""
    wanted, size = _filter(call), call.integer("max_results", PAGE)
    if not 1 <= size <= MOST:
        raise InvalidParameter(f"max_results must be between 1 and {MOST}, got {size}.")
    before = _before(call.text("page_token", ""))
    metrics = call.flag("include_metrics")
    found = [e for e in call.workspace.sql.history.newest_first() if e.number < before and _passes(e, wanted)]
    document: Document = {
        "res": [_view(call, entry, metrics) for entry in found[:size]],
        "has_next_page": len(found) > size,
    }
    if len(found) > size:
        document["next_page_token"] = f"before-{found[size - 1].number}"
    return document


def _before(token: str) -> float:
    """The number below which a page begins: new statements do not move the pages that follow."""
    if not token:
        return float("inf")
    number = whole(token.removeprefix("before-")) if token.startswith("before-") else None
    if number is None:
        raise InvalidParameter(f"Invalid page_token: {token}")
    return number


def _filter(call: Call) -> Document:
    """``filter_by``, its lists as sets of strings and its range as numbers. Raises: ``InvalidParameter``."""
    given = dict(call.mapping("filter_by", {}))
    for key, value in call.request.query_params.multi_items():
        prefix, _, name = key.partition(".")
        if prefix == "filter_by" and name.startswith(f"{RANGE}."):
            given.setdefault(RANGE, {})[name.partition(".")[2]] = value
        elif prefix == "filter_by":
            given.setdefault(name, []).append(value)
    if unknown := set(given) - {*FILTERS, RANGE}:
        raise InvalidParameter(f"filter_by.{sorted(unknown)[0]} is not supported by the local workspace.")
    wanted: Document = {}
    for name in FILTERS:
        values: Any = given.get(name, [])
        if not isinstance(values, list):
            raise InvalidParameter(f"Expected filter_by.{name} to be a list.")
        wanted[name] = {str(value) for value in values}
    if strange := wanted["statuses"] - KNOWN_STATUSES:
        raise InvalidParameter(f"filter_by.statuses does not know {sorted(strange)[0]}.")
    wanted[RANGE] = _range(given.get(RANGE, {}))
    return wanted


def _range(given: Any) -> tuple[float, float]:
    if not isinstance(given, dict) or set(given) - {"start_time_ms", "end_time_ms"}:
        raise InvalidParameter(f"Expected filter_by.{RANGE} to have start_time_ms and end_time_ms.")
    edges = []
    for name, default in (("start_time_ms", 0.0), ("end_time_ms", float("inf"))):
        edge = whole(given[name]) if name in given else default
        if edge is None:
            raise InvalidParameter(f"Expected filter_by.{RANGE}.{name} to be an integer.")
        edges.append(float(edge))
    return edges[0], edges[1]


def _passes(entry: Entry, wanted: Document) -> bool:
    facts = {
        "statement_ids": _id(entry.id),
        "statuses": STATUSES[entry.state],
        "user_ids": str(USER_ID),
        "warehouse_ids": entry.warehouse,
    }
    start, end = wanted[RANGE]
    inside: bool = start <= _ms(entry.submitted) <= end
    return inside and all(not wanted[name] or fact in wanted[name] for name, fact in facts.items())


def _view(call: Call, entry: Entry, metrics: bool) -> Document:
    """``QueryInfo``."""
    user = call.workspace.config.user
    document: Document = {
        "query_id": _id(entry.id),
        "session_id": _id(entry.session),
        "status": STATUSES[entry.state],
        "is_final": entry.ended is not None,
        "query_text": entry.text,
        "statement_type": _type(entry.text),
        "query_start_time_ms": _ms(entry.submitted),
        "warehouse_id": entry.warehouse,
        "endpoint_id": entry.warehouse,
        "user_id": USER_ID,
        "user_name": user,
        "executed_as_user_id": USER_ID,
        "executed_as_user_name": user,
        "client_application": entry.client.partition("/")[0] or "unknown",
        "lookup_key": f"{entry.warehouse}:{_id(entry.id)}",
        "query_tags": [{"key": k, **({} if v is None else {"value": v})} for k, v in entry.tags.items()],
        "rows_produced": entry.rows,
        "error_message": entry.message,
    }
    if entry.ended is not None:
        document |= {
            "query_end_time_ms": _ms(entry.ended),
            "execution_end_time_ms": _ms(entry.ended),
            "duration": _ms(entry.ended) - _ms(entry.submitted),
        }
    if metrics:
        document["metrics"] = _metrics(entry)
    return {key: value for key, value in document.items() if value is not None}


def _metrics(entry: Entry) -> Document:
    """Of the SDK's ``QueryMetrics`` those that are measured here; nothing is made up for the others."""
    metrics: Document = {"result_from_cache": False}
    if entry.ended is not None:
        metrics["total_time_ms"] = _ms(entry.ended) - _ms(entry.submitted)
        metrics["execution_time_ms"] = _ms(entry.ended) - _ms(entry.begun or entry.ended)
    if entry.rows is not None:
        metrics["rows_produced_count"] = entry.rows
    return metrics


def _type(text: str) -> str:
    try:
        first = next((token.text.upper() for token in tokens(text)), "")
    except UnclosedToken:
        return "OTHER"
    if first in QUERIES:
        return "SELECT"
    first = "DESCRIBE" if first == "DESC" else first
    return first if first in TYPES else "OTHER"


def _id(raw: bytes) -> str:
    return str(uuid.UUID(bytes=raw))


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


routes = [*api("GET", "2.0/sql/history/queries", list_queries)]
