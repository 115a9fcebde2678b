"""dbt-databricks from PyPI, unmodified, against the workspace's SQL warehouse."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient

pytestmark = [pytest.mark.slow, pytest.mark.dbt]

Sql = Callable[..., list[Any]]
SNAPSHOT = (
    "SELECT status, dbt_valid_to IS NULL FROM main.jaffle_shop_snapshots.orders_snapshot WHERE id = 105 ORDER BY 2"
)


def rows(found: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in found]


def test_a_project_is_seeded_run_snapshotted_tested_and_documented(
    dbt: Callable[..., str], project: Path, sql: Sql, workspace: WorkspaceClient
) -> None:
    dbt("seed")
    dbt("run")
    dbt("snapshot")
    assert "PASS=15" in dbt("test")
    worth = "SELECT full_name, orders, lifetime_value FROM main.jaffle_shop.dim_customers ORDER BY customer_id"
    assert rows(sql(worth))[0] == ("Ada Lovelace", 2, Decimal("52.60"))
    assert rows(sql(SNAPSHOT)) == [("shipped", True)]

    # The next day: an order is delivered, another one is new.
    orders = project / "seeds" / "raw_orders.csv"
    text = orders.read_text().replace("105,4,2026-01-03 18:45:00,shipped", "105,4,2026-01-03 18:45:00,completed")
    orders.write_text(text + "107,2,2026-01-04 09:00:00,placed,60.00\n")
    dbt("build", "--exclude", "resource_type:test", "resource_type:unit_test")
    merged = sql("SELECT status, count(*) FROM main.jaffle_shop.fct_orders GROUP BY status ORDER BY status")
    assert rows(merged) == [("completed", 4), ("placed", 2), ("returned", 1)]
    assert rows(sql(SNAPSHOT)) == [("shipped", False), ("completed", True)]
    operations = sql("SELECT operation FROM (DESCRIBE HISTORY main.jaffle_shop.fct_orders)")
    assert ("MERGE",) in rows(operations)

    dbt("docs", "generate")
    catalog = json.loads((project / "target" / "catalog.json").read_text())
    assert catalog["errors"] is None
    assert set(catalog["nodes"]["model.jaffle_shop.dim_customers"]["columns"]) >= {"customer_id", "lifetime_value"}

    # What the project says of its models is where other tools look for it.
    dim = workspace.tables.get("main.jaffle_shop.dim_customers")
    assert dim.comment == "Customers with what they are worth."
    assert {c.name: c.comment for c in dim.columns or []}["full_name"] == "First and last name, 'as given'."
    tags = sql(
        "SELECT column_name, tag_value FROM main.information_schema.column_tags WHERE tag_name = 'pii' ORDER BY 1"
    )
    assert rows(tags) == [("customer_id", "no"), ("full_name", "yes")]
    keys = sql("SELECT constraint_name FROM main.information_schema.table_constraints")
    assert rows(keys) == [("customer_keys_pk",)]
    detail = sql("DESCRIBE DETAIL main.jaffle_shop.dim_customers")[0].asDict()
    assert list(detail["clusteringColumns"]) == ["country", "customer_id"]
    said = workspace.query_history.list(max_results=1000)
    assert any('"app": "dbt"' in str(query.query_text) for query in said.res or [])


def test_what_is_wrong_fails_with_the_warehouses_words(dbt: Callable[..., str], project: Path, sql: Sql) -> None:
    dbt("seed")
    orders = project / "seeds" / "raw_orders.csv"
    orders.write_text(orders.read_text() + "106,5,2026-01-03 19:00:00,lost,5.00\n")
    dbt("seed")
    dbt("run", "--select", "stg_orders", "fct_orders")
    printed = dbt("test", "--select", "fct_orders", "stg_orders", "--exclude", "test_type:unit", status=1)
    assert "Failure in test unique_stg_orders_order_id" in printed
    (project / "models" / "broken.sql").write_text("select missing from {{ ref('stg_orders') }}")
    printed = dbt("run", "--select", "broken", status=1)
    assert "[UNRESOLVED_COLUMN.WITH_SUGGESTION]" in printed
    assert sql("SHOW TABLES IN main.jaffle_shop LIKE 'broken'") == []


def test_a_dag_builds_the_project(executable: str, project: Path, secured: Any, run_dag: Any, sql: Sql) -> None:
    dag = Path(__file__).parent / "dags" / "dbt_bash.py"
    run = run_dag(dag, params={"dbt": executable, "project": str(project)})
    assert run.success, run
    assert rows(sql("SELECT count(*) FROM main.jaffle_shop.country_report")) == [(3,)]
