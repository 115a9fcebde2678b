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
    return spark.createDataFrame([("nl", "Netherlands"), ("be", "Belgium")], "code STRING, country STRING")
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
    assert sql("SELECT total FROM main.sales.by_country WHERE country = 'Netherlands'").collect()[0][0] == 151
