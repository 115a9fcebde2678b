"""Projects with widgets, ``%run``, ``%sql`` and plots, and with structured streaming, through the Jobs API."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.jobs import ViewsToExport

pytestmark = pytest.mark.slow

Sql = Callable[..., list[Any]]


def rows(found: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in found]


def notebook(key: str, path: str, **parameters: str) -> dict[str, Any]:
    return {"task_key": key, "notebook_task": {"notebook_path": path, "base_parameters": parameters}}


def test_widgets_run_sql_and_plots(
    deploy: Callable[[str], str],
    job: Callable[..., int],
    run: Callable[..., Any],
    sql: Sql,
    workspace: WorkspaceClient,
) -> None:
    folder = deploy("sales")
    tasks = [
        notebook("load", f"{folder}/01_load_sales", countries="DE,FR", mode="overwrite"),
        notebook("monthly", f"{folder}/02_monthly"),
        notebook("report", f"{folder}/03_report"),
    ]
    job_id = job(tasks, catalog="main", schema="shop", month="2026-02")
    outputs = run(job_id)
    told = json.loads(outputs["report"].notebook_output.result)
    assert told == {"best": "DE", "rows": 84, "countries": ["DE", "FR"]}
    monthly = sql("SELECT month, product, country, quantity, net FROM main.shop.monthly ORDER BY product, country")
    month = dt.date(2026, 2, 1)
    assert rows(monthly) == [
        (month, "desk", "DE", 56, Decimal("11788.19")),
        (month, "lamp", "DE", 56, Decimal("1882.35")),
        (month, "lamp", "FR", 56, Decimal("1960.00")),
    ]
    tasks_of = {each.task_key: each.run_id for each in workspace.jobs.get_run(last(workspace, job_id)).tasks}
    exported = workspace.jobs.export_run(tasks_of["report"], views_to_export=ViewsToExport.CODE)
    page = exported.views[0].content
    assert page.count("image/png") >= 2 or page.count("data:image/png") >= 2
    assert "Best country: <b>DE</b>" in page
    assert "report written by" in page

    # Another month is appended, to what the widgets say now.
    run(job_id, month="2026-03", mode="append", countries="FR")
    months = sql("SELECT month, count(*) FROM main.shop.monthly GROUP BY month ORDER BY month")
    assert rows(months) == [(dt.date(2026, 2, 1), 3), (dt.date(2026, 3, 1), 1)]


def last(workspace: WorkspaceClient, job_id: int) -> int:
    return int(next(iter(workspace.jobs.list_runs(job_id=job_id))).run_id or 0)


def test_streaming_with_auto_loader_and_merges(
    deploy: Callable[[str], str],
    job: Callable[..., int],
    run: Callable[..., Any],
    sql: Sql,
    workspace: WorkspaceClient,
) -> None:
    folder = deploy("events")
    workspace.schemas.create("events", "main")
    workspace.volumes.create("main", "events", "landing", VolumeType.MANAGED)

    def land(name: str, *events: dict[str, Any]) -> None:
        text = "\n".join(json.dumps(event) for event in events)
        workspace.files.upload(f"/Volumes/main/events/landing/incoming/{name}", io.BytesIO(text.encode()))

    def event(order: int, status: str, hour: int, **more: Any) -> dict[str, Any]:
        moment = f"2026-01-01T{hour:02}:00:00Z"
        return {"order_id": order, "status": status, "amount": 10.5 * order, "event_time": moment, **more}

    land("one.json", event(1, "placed", 8), event(2, "placed", 9), event(1, "paid", 10))
    job_id = job(
        [notebook(key, f"{folder}/{key}") for key in ("bronze", "silver", "gold")], catalog="main", schema="events"
    )
    outputs = run(job_id)
    assert outputs["gold"].notebook_output.result == "1"
    state = "SELECT order_id, status, amount, versions FROM main.events.orders ORDER BY order_id"
    assert rows(sql(state)) == [(1, "paid", Decimal("10.50"), 1), (2, "placed", Decimal("21.00"), 1)]

    # What comes late, twice or anew; nothing is read a second time.
    land("two.json", event(2, "paid", 11), event(1, "placed", 7), event(3, "placed", 12), event(3, "placed", 12))
    run(job_id)
    assert rows(sql(state)) == [
        (1, "paid", Decimal("10.50"), 1),
        (2, "paid", Decimal("21.00"), 2),
        (3, "placed", Decimal("31.50"), 1),
    ]
    assert rows(sql("SELECT count(*), count(DISTINCT source_file) FROM main.events.bronze")) == [(7, 2)]
    revenue = "SELECT status, orders, amount FROM main.events.revenue ORDER BY status"
    assert rows(sql(revenue)) == [("paid", 2, Decimal("31.50")), ("placed", 1, Decimal("31.50"))]

    changes = sql("SELECT _change_type, count(*) FROM table_changes('main.events.orders', 1) GROUP BY 1 ORDER BY 1")
    assert rows(changes) == [("insert", 3), ("update_postimage", 1), ("update_preimage", 1)]
