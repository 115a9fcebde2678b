"""Airflow's operators for SQL warehouses."""

from __future__ import annotations

import time


def test_a_warehouse_is_stopped_and_started_without_a_sleep(run, workspace, clean_stack):
    made = workspace.warehouses.create(name="Airflow's", cluster_size="Small").id
    started = time.monotonic()
    result = run("compute", "warehouses", conf={"warehouse_id": made})
    # One poll that says "not yet" costs 30 s.
    assert time.monotonic() - started < 25
    assert result.success, result
    asked = clean_stack.control("GET", "requests")["requests"]
    moves = [request["path"].rpartition("/")[2] for request in asked if request["operation"] in OPERATIONS]
    assert moves == ["stop", "start", "stop", "start"]
    assert "Pausing task as DEFERRED" in result.task("start_deferrable").log_text()
    assert workspace.warehouses.get(made).state.value == "RUNNING"


OPERATIONS = ("warehouses.start", "warehouses.stop")
