"""What tasks did beyond Airflow: Databricks runs, SQL statements, tables and objects. Who looks is elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.dagrun.lineage import Lineage


class NotObserved(RuntimeError):
    """The run was not observed: only ``run_dag`` of the pytest plugin looks at the stack as well."""


NO_OBJECTS = "only the built-in S3 server (setting `s3`) tells what was asked of it"


@dataclass(frozen=True)
class DatabricksTask:
    """A task of a Databricks run. ``notebook``: its path; ``duration`` in seconds; ``error``: its end, in full."""

    key: str
    state: str
    notebook: str = ""
    duration: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class DatabricksRun:
    """A run in the workspace. ``task_id``: the Airflow task that started it; ``duration`` in seconds."""

    run_id: int
    name: str
    state: str
    page: str
    tasks: tuple[DatabricksTask, ...]
    duration: float
    at: float
    task_id: str = ""


@dataclass(frozen=True)
class Statement:
    """A statement on a SQL warehouse (those of notebooks are not in its history). ``duration`` in seconds."""

    text: str
    state: str
    error: str
    rows: int | None
    duration: float
    at: float
    task_id: str = ""


@dataclass(frozen=True)
class TableWrite:
    """One commit of a Delta table: ``operation`` as its log says (``WRITE``, ``MERGE``, …)."""

    table: str
    version: int
    operation: str
    at: float
    task_id: str = ""


@dataclass(frozen=True)
class ObjectAccess:
    """A request for one S3 object: ``operation`` is ``read``, ``write`` or ``delete``; ``client`` its User-Agent."""

    operation: str
    address: str
    client: str
    at: float
    task_id: str = ""


def _unseen() -> Any:
    raise NotObserved(NotObserved.__doc__)


@dataclass(frozen=True)
class Work:
    """What one DAG run did, in the order of time. ``tables`` and ``lineage`` are looked up when they are asked for."""

    runs: list[DatabricksRun] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    objects: list[ObjectAccess] | None = None
    tables: Callable[[], list[TableWrite]] = _unseen
    lineage: Callable[[], Lineage] = _unseen
