"""Spark's own parser, asked of a stack that is up: ``EXPLAIN`` parses a statement and runs nothing."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

from harness.dagrun.connections import Endpoints

# Spark parses these as Databricks does; what only Databricks has, the workspace takes before Spark sees it.
ASKED = re.compile(
    r"\s*(SELECT|WITH|FROM|VALUES|INSERT|UPDATE|DELETE|MERGE|CREATE\s+(OR\s+REPLACE\s+)?(TABLE|VIEW))\b", re.I
)
_PARSING = re.compile(r"\[(PARSE_\w+|INVALID_SQL_SYNTAX[\w.]*)\]\s*(.*?)(?:;?\s*(?:SQLSTATE|line \d).*|\n.*|$)", re.S)
_LINE = re.compile(r"\bline (\d+),? pos \d+")


class SparkUnreachable(RuntimeError):
    """The stack does not answer."""


def problem(endpoints: Endpoints, statement: str) -> tuple[int, str] | None:
    """What Spark's parser says against a statement: line and message, or None.

    Raises: ``SparkUnreachable``.
    """
    if not ASKED.match(statement):
        return None
    # On a line of its own, so that the statement's lines are one less than Spark's.
    body = {"statement": f"EXPLAIN\n{statement}", "warehouse_id": endpoints.warehouse_id, "wait_timeout": "50s"}
    request = urllib.request.Request(
        f"{endpoints.workspace_url}/api/2.0/sql/statements",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {endpoints.token}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as answer:
            status = json.load(answer)["status"]
    except (OSError, ValueError, KeyError) as error:
        raise SparkUnreachable(f"the workspace at {endpoints.workspace_url} does not answer: {error}") from error
    message = str((status.get("error") or {}).get("message") or "")
    found = _PARSING.search(message)
    if found is None:
        return None
    line = _LINE.search(message)
    number = int(line[1]) - 1 if line else 1
    return max(number, 1), f"{found[2].strip()} ({found[1]})"
