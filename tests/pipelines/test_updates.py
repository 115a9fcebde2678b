"""What an update does: its tables, the order of its flows, expectations, streams, refreshes."""

from __future__ import annotations

from typing import Any

from tests.pipelines.conftest import Make, Pipelines

MEDALLION = """
from pyspark import pipelines as dp
from pyspark.sql import functions as F

@dp.materialized_view(comment="Sales by country")
@dp.expect("is big", "total > 100")
def by_country():
    # Named before what it reads: the order is found, not given.
    return spark.read.table("clean").groupBy("country").agg(F.sum("amount").alias("total"))

@dp.table(table_properties={"quality": "silver"}, cluster_by=["country"])
@dp.expect_all_or_drop({"has an amount": "amount IS NOT NULL", "is positive": "amount > 0"})
@dp.expect("has a country", "country IS NOT NULL")
def clean():
    return spark.readStream.table("main.sales.raw").join(spark.read.table("countries"), "code", "left")

@dp.temporary_view()
def countries():
    return spark.sql("VALUES ('nl', 'Netherlands'), ('be', 'Belgium') AS t(code, country)")
"""
RAW = """
import dlt

@dlt.table(name="raw")
def files():
    options = {"cloudFiles.format": "json", "cloudFiles.inferColumnTypes": "true"}
    return spark.readStream.format("cloudFiles").options(**options).schema(
        "id INT, code STRING, amount INT").load(spark.conf.get("sales.input"))
"""
REPORT = """
CREATE OR REFRESH MATERIALIZED VIEW report (
  CONSTRAINT `small total` EXPECT (total < 1000000) ON VIOLATION FAIL UPDATE
) COMMENT 'in SQL' AS
SELECT count(*) AS countries, sum(total) AS total FROM LIVE.by_country
"""


def json_lines(*rows: tuple[int, str, str]) -> str:
    return "".join(f'{{"id": {i}, "code": "{code}", "amount": {amount}}}\n' for i, code, amount in rows)


def test_tables_are_brought_up_to_date_in_their_order(
    pipelines: Pipelines, make_bucket: Make, make_object: Make, sql: Any
) -> None:
    bucket = make_bucket("landing")
    make_object(
        f"{bucket}/sales/1.json", json_lines((1, "nl", "150"), (2, "be", "null"), (3, "be", "-4"), (4, "xx", "2"))
    )
    sources = {"gold.py": MEDALLION, "raw.py": RAW, "report.sql": REPORT}
    id = pipelines.make(sources, configuration={"sales.input": f"s3://{bucket}/sales"})
    update = pipelines.update(id)
    assert update.state.value == "COMPLETED", pipelines.errors(id)
    assert [row["id"] for row in pipelines.rows("main.sales.raw", "id")] == [1, 2, 3, 4]
    by_country = [(None, 2), ("Netherlands", 150)]
    assert [(r["country"], r["total"]) for r in pipelines.rows("main.sales.by_country", "total")] == by_country[::-1]
    assert pipelines.rows("main.sales.report") == [{"countries": 2, "total": 152}]
    # What the event log says of quality.
    done = {name: event["details"]["flow_progress"] for name, event in pipelines.flows(id, "COMPLETED").items()}
    assert list(done) == ["main.sales.raw", "main.sales.clean", "main.sales.by_country", "main.sales.report"]
    quality = done["main.sales.clean"]["data_quality"]
    counts = {e["name"]: (e["passed_records"], e["failed_records"]) for e in quality["expectations"]}
    assert counts == {"has an amount": (3, 1), "is positive": (2, 2), "has a country": (3, 1)}
    assert (quality["dropped_records"], done["main.sales.clean"]["metrics"]["num_output_rows"]) == (2, 2)
    assert done["main.sales.by_country"]["data_quality"]["expectations"][0]["failed_records"] == 1
    # What the catalog says of the tables.
    read = {name: pipelines.w.tables.get(f"main.sales.{name}") for name in ("clean", "by_country")}
    assert [table.table_type.value for table in read.values()] == ["STREAMING_TABLE", "MATERIALIZED_VIEW"]
    assert read["by_country"].comment == "Sales by country"
    # The next update takes new files alone, and the one after it everything again.
    make_object(f"{bucket}/sales/2.json", json_lines((5, "nl", "1")))
    assert pipelines.update(id).state.value == "COMPLETED"
    assert len(pipelines.rows("main.sales.raw")) == 5
    done = {name: event["details"]["flow_progress"] for name, event in pipelines.flows(id, "COMPLETED").items()}
    assert done["main.sales.raw"]["metrics"]["num_output_rows"] == 1
    assert pipelines.rows("main.sales.report") == [{"countries": 2, "total": 153}]
    assert pipelines.update(id, full_refresh=True).state.value == "COMPLETED"
    assert [row["id"] for row in pipelines.rows("main.sales.raw", "id")] == [1, 2, 3, 4, 5]
    assert sql("SELECT total FROM main.sales.by_country WHERE country = 'Netherlands'")[0][0] == 151


FIRST = """# Databricks notebook source
# MAGIC %md ## Each notebook has variables of its own
# COMMAND ----------
import dlt
LIMIT = 3
# COMMAND ----------
columns = "id BIGINT COMMENT 'a number', origin STRING"
dlt.create_streaming_table("both", schema=columns, expect_all_or_drop={"small": "id < 9"})

for origin in ("a", "b"):
    @dlt.append_flow(target="both", name=f"from_{origin}")
    def rows(origin=origin):
        return spark.readStream.table(f"main.sales.source_{origin}").selectExpr("id", f"'{origin}' AS origin").where(
            f"id < {LIMIT} OR id > 8")
# COMMAND ----------
@dlt.append_flow(target="both", once=True)
def backfill():
    return spark.sql("SELECT -1L AS id, 'once' AS origin")
"""
SECOND = """-- Databricks notebook source
-- MAGIC %md in SQL
-- COMMAND ----------
SET sales.least = 1;
CREATE TEMPORARY LIVE VIEW source_b AS SELECT id FROM LIVE.both WHERE id >= ${sales.least};
CREATE TEMPORARY VIEW ids AS SELECT id FROM source_b WHERE id < (SELECT count(*) FROM main.sales.source_b);
-- COMMAND ----------
CREATE OR REFRESH STREAMING TABLE ids_streamed (CONSTRAINT even EXPECT (id % 2 = 0)) AS
SELECT * FROM STREAM(main.sales.source_a);
CREATE LIVE TABLE counted (number BIGINT COMMENT 'how many', least BIGINT)
TBLPROPERTIES ('quality' = 'gold') AS SELECT count(*) AS number, min(id) AS least FROM ids
"""
# A view of the pipeline has the name of a table beside it, which its full name still means.
THIRD = """# Databricks notebook source
import dlt
LIMIT = "other"
"""


def test_notebooks_fill_one_table_by_several_flows(pipelines: Pipelines, make_notebook: Make, sql: Any) -> None:
    sql("CREATE SCHEMA main.sales")
    for name in "ab":
        sql(f"CREATE TABLE main.sales.source_{name} AS SELECT id FROM range(10)")
    paths = [
        make_notebook(FIRST, "/Users/me/one"),
        make_notebook(SECOND, "/Users/me/two", language="SQL"),
        make_notebook(THIRD, "/Users/me/three"),
    ]
    id = pipelines.make({}, libraries=[{"notebook": {"path": path}} for path in paths])
    assert pipelines.update(id).state.value == "COMPLETED", pipelines.errors(id)
    rows = [("-1", "once"), *((str(n), o) for n in range(3) for o in "ab")]
    assert sorted((str(r["id"]), r["origin"]) for r in pipelines.rows("main.sales.both")) == sorted(rows)
    assert pipelines.rows("main.sales.counted") == [{"number": 4, "least": 1}]
    # Nothing is new: no row comes twice, and the one-time flow stays away.
    assert pipelines.update(id, refresh_selection=["both"]).state.value == "COMPLETED"
    done = {name: event["details"]["flow_progress"] for name, event in pipelines.flows(id, "COMPLETED").items()}
    assert done["backfill"]["metrics"] == done["from_a"]["metrics"] == {"num_output_rows": 0}
    assert len(pipelines.rows("main.sales.both")) == 7
    columns = {each.name: each.comment for each in pipelines.w.tables.get("main.sales.both").columns}
    assert columns == {"id": "a number", "origin": None}
