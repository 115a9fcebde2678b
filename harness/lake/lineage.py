"""What SQL executions have read and written, of an engine that is up: the shim's listener keeps it."""

from __future__ import annotations

import json
from typing import Any

from harness.lake.engine import Engine

TABLE, PATH = "table:", "path:"


def executions(engine: Engine) -> dict[str, Any]:
    """Every execution that touched data; waits until Spark has told of those that have ended.

    Returns: ``since`` when this Spark has been there (epoch milliseconds); whether the list is ``full``, so that the
    oldest are gone; ``executions``, oldest first, each with ``at`` (epoch milliseconds), ``tags`` (of its jobs:
    ``task-<run id>`` for a task's), ``reads`` and ``writes``: ``table:<full name>`` or ``path:<address>``.
    """
    listener: Any = getattr(engine.root._jvm, "io.unitycatalog.harness.Lineage")
    found: dict[str, Any] = json.loads(listener.entries(engine.root.sparkContext._jsc.sc()))
    return found
