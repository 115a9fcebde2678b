"""Airflow's operators for SQL warehouses, and the clusters that its runs name."""

from __future__ import annotations

import time

OPERATIONS = ("warehouses.start", "warehouses.stop")


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


def test_a_run_starts_its_terminated_cluster_and_finds_its_runtime(run, workspace, output):
    made = workspace.clusters.create("15.4.x-scala2.12", node_type_id="i3.xlarge", num_workers=1).result()
    workspace.clusters.delete(made.cluster_id).result()
    result = run("compute", "cluster", conf={"cluster_id": made.cluster_id})
    assert result.success, result
    assert workspace.clusters.get(made.cluster_id).state.value == "RUNNING"
    (submitted,) = workspace.jobs.list_runs()
    assert output(submitted.run_id).notebook_output.result == "15.4"
