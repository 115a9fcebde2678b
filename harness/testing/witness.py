"""Sees what DAG runs did on a stack: its Databricks runs, statements, objects and tables, each with its task.

Tasks of a run run one at a time, so what happened while a task ran is that task's.
"""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from harness.control import api, control
from harness.dagrun import DagRunResult
from harness.dagrun.lineage import Lineage
from harness.dagrun.work import DatabricksRun, DatabricksTask, ObjectAccess, Statement, TableWrite, Work
from harness.lake import s3
from harness.lake.tables import LakeReader, TableNotFound
from harness.testing.lineage import Owner, lineage

if TYPE_CHECKING:
    from harness.dagrun.connections import Endpoints


class Fact(Protocol):
    @property
    def at(self) -> float: ...


F = TypeVar("F", bound=Fact)
Span = tuple[float, float, str, str]  # from, to, run_id, task name
MS = 0.001  # the workspace and Delta cut times to milliseconds


def witnessed(result: DagRunResult, endpoints: Endpoints, *, objects: bool) -> DagRunResult:
    """``result`` and the runs that it caused, each with its ``work``. Costs a few requests.

    Parameters: ``endpoints``: of the stack on which it ran; ``objects``: whether its S3 server is the built-in one, the
    only one that tells who touched what. Raises: ``StackFailed``; ``OSError`` of the S3 server.
    """
    spans = [
        (start, end, run.run_id, task.name) for run in result.runs() for task in run.tasks for start, end in task.spans
    ]
    # A triggered run runs while its trigger's task does: the one that began last is meant.
    spans.sort(reverse=True)
    runs = _with_tasks(_runs(endpoints), spans)
    statements = _with_tasks(_statements(endpoints), spans)
    accesses = _with_tasks(_objects(endpoints), spans) if objects else None

    def at(moment: float) -> Owner:
        span = _span(spans, moment)
        meanwhile = result.span[0] - MS <= moment <= result.span[1] + MS
        return (span[2], span[3]) if span is not None else (result.run_id if meanwhile else "", "")

    def lineage_of(run: DagRunResult) -> Lineage:
        started = {each.run_id: at(each.at) for each, _ in runs}
        touched = [(each, at(each.at)) for each, _ in accesses] if accesses is not None else None
        answer = control(endpoints, "GET", "lineage")
        return lineage(run, answer, at=at, started=started, objects=touched, locations=_locations(endpoints))

    def seen(run: DagRunResult) -> DagRunResult:
        tables = functools.cache(lambda: _mine(_with_tasks(_tables(endpoints, result.span[0]), spans), run, result))
        work = Work(
            _mine(runs, run, result),
            _mine(statements, run, result),
            _mine(accesses, run, result) if accesses is not None else None,
            tables,
            functools.cache(lambda: lineage_of(run)),
        )
        return replace(run, work=work, triggered=[seen(child) for child in run.triggered])

    return seen(result)


def _with_tasks(facts: Iterable[F], spans: Sequence[Span]) -> list[tuple[F, str]]:
    """Each fact with the run that it is of: empty when it happened while no task ran."""
    found = []
    for fact in facts:
        span = _span(spans, fact.at)
        owned: Any = replace(fact, task_id=span[3]) if span is not None else fact  # type: ignore[type-var]
        found.append((owned, span[2] if span is not None else ""))
    return found


def _span(spans: Sequence[Span], moment: float) -> Span | None:
    return next((span for span in spans if span[0] - MS <= moment <= span[1] + MS), None)


def _mine(facts: Iterable[tuple[F, str]], run: DagRunResult, whole: DagRunResult) -> list[F]:
    """Those of one run. What happened when no task ran (in a Databricks run that is not waited for) is the first's."""
    start, end = whole.span
    meanwhile = [fact for fact, of in facts if run is whole and not of and start - MS <= fact.at <= end + MS]
    return sorted([*(fact for fact, of in facts if of == run.run_id), *meanwhile], key=lambda fact: fact.at)


def _runs(endpoints: Endpoints) -> list[DatabricksRun]:
    found = []
    for view in control(endpoints, "GET", "runs")["runs"]:
        tasks = tuple(
            DatabricksTask(
                key=task["task_key"],
                state=_state(task),
                notebook=task.get("notebook_task", {}).get("notebook_path", ""),
                duration=_seconds(task),
                error=task["output"].get("error_trace") or task["output"].get("error", ""),
            )
            for task in view["tasks"]
        )
        found.append(
            DatabricksRun(
                run_id=view["run_id"],
                name=view.get("run_name", ""),
                state=_state(view),
                page=view.get("run_page_url", ""),
                tasks=tasks,
                duration=_seconds(view),
                at=view["start_time"] / 1000,
            )
        )
    return found


def _state(view: dict[str, Any]) -> str:
    state = view["state"]
    return str(state.get("result_state") or state["life_cycle_state"])


def _seconds(view: dict[str, Any]) -> float:
    end = view.get("end_time") or 0
    return (end - view["start_time"]) / 1000 if end and view.get("start_time") else 0.0


def _statements(endpoints: Endpoints) -> list[Statement]:
    found: list[Statement] = []
    token = ""
    while True:
        page = f"&page_token={token}" if token else ""
        answer = api(endpoints, "GET", f"api/2.0/sql/history/queries?max_results=1000{page}")
        for each in answer.get("res", []):
            found.append(
                Statement(
                    text=each["query_text"],
                    state=each["status"],
                    error=each.get("error_message", ""),
                    rows=each.get("rows_produced"),
                    duration=each.get("duration", 0) / 1000,
                    at=each["query_start_time_ms"] / 1000,
                )
            )
        token = answer.get("next_page_token", "")
        if not token:
            return found[::-1]


def _objects(endpoints: Endpoints) -> list[ObjectAccess]:
    return [
        ObjectAccess(each["operation"], f"s3://{each['bucket']}/{each['key']}", each["client"], each["time"])
        for each in s3.requests(_s3(endpoints))
    ]


def _tables(endpoints: Endpoints, since: float) -> list[TableWrite]:
    lake = LakeReader(endpoints.workspace_url, endpoints.token, _s3(endpoints))
    found = []
    for table in control(endpoints, "GET", "tables")["tables"]:
        if table.get("data_source_format") != "DELTA":
            continue
        name = table["full_name"]
        with contextlib.suppress(TableNotFound):
            for commit in lake.table(name).history():
                at = commit["timestamp"] / 1000
                if at >= since - MS:
                    found.append(TableWrite(name, int(commit["version"]), commit["operation"], at))
    return sorted(found, key=lambda write: (write.at, write.table, write.version))


def _locations(endpoints: Endpoints) -> dict[str, str]:
    """Where tables rest in S3: address to name."""
    tables = control(endpoints, "GET", "tables")["tables"]
    found = {re.sub(r"^s3[an]://", "s3://", t.get("storage_location", "")).rstrip("/"): t["full_name"] for t in tables}
    return {address: name for address, name in found.items() if address.startswith("s3://")}


def _s3(endpoints: Endpoints) -> s3.S3Endpoint:
    return s3.S3Endpoint(endpoints.s3_url, endpoints.s3_access_key, endpoints.s3_secret_key, endpoints.s3_region)
