from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from harness.lake.engine import Engine
from harness.lake.scratch import ScratchCatalog

Step = tuple[str, str]
numbers = itertools.count()


def corpus() -> dict[str, list[Step]]:
    """The scenarios of ``catalog.corpus``: statements, and what is expected of each."""
    scenarios: dict[str, list[Step]] = {}
    for line in Path(__file__).with_name("catalog.corpus").read_text().splitlines():
        if line.startswith("## "):
            steps = scenarios.setdefault(line[3:], [])
        elif line.startswith(("=", "!")):
            steps[-1] = (steps[-1][0], line)
        elif line and not line.startswith("#"):
            steps.append((line, ""))
    return scenarios


SCENARIOS = corpus()


@pytest.fixture
def spark(engine: Engine) -> SparkSession:
    return engine.session()


@pytest.fixture
def schema(spark: SparkSession) -> Iterator[str]:
    """The full name of a schema of the test's own."""
    name = f"main.s{next(numbers)}"
    spark.sql(f"CREATE SCHEMA {name}")
    yield name
    spark.sql(f"DROP SCHEMA IF EXISTS {name} CASCADE")


def outcome(spark: SparkSession, statement: str) -> Any:
    try:
        return [tuple(row) for row in spark.sql(statement).collect()]
    except PySparkException as error:
        return error.getCondition() or str(error)
    except Exception as error:  # Delta's own error classes reach Python as plain Java exceptions
        return str(error)


@pytest.mark.parametrize("name", SCENARIOS)
def test_sql_in_a_catalog_of_the_workspace(name: str, spark: SparkSession, schema: str, tmp_path: Path) -> None:
    parts = {"s": schema, "schema": schema.split(".")[1], "dir": tmp_path}
    for statement, expected in SCENARIOS[name]:
        got = outcome(spark, statement.format(**parts))
        if expected.startswith("!"):
            assert isinstance(got, str), f"{statement} was not refused"
            assert expected[1:].strip().strip("*") in got, statement
        else:
            assert isinstance(got, list), f"{statement}: {got}"
        if expected.startswith("="):
            text = expected[1:].strip().format(**parts)
            assert got == (list(ast.literal_eval(f"[{text}]")) if text else []), statement


def test_every_configured_catalog_is_listed_from_the_start(spark: SparkSession) -> None:
    assert {"main", "hive_metastore"} <= {catalog.name for catalog in spark.catalog.listCatalogs()}
    assert {"main", "hive_metastore"} <= {row.catalog for row in spark.newSession().sql("SHOW CATALOGS").collect()}


def test_dataframes_write_and_read_by_three_level_names(spark: SparkSession, schema: str) -> None:
    table = f"{schema}.df"
    spark.range(3).write.saveAsTable(table)
    spark.range(3).write.mode("append").saveAsTable(table)
    spark.range(2).selectExpr("id", "id + 1 AS b").write.mode("overwrite").option("overwriteSchema", True).saveAsTable(
        table
    )
    spark.range(1).selectExpr("id", "1L AS b", "'q' AS c").write.mode("append").option("mergeSchema", True).saveAsTable(
        table
    )
    spark.range(1).selectExpr("id", "2L AS b", "'w' AS c").write.insertInto(table)
    spark.range(1).selectExpr("id", "2L AS b", "'w' AS c").writeTo(table).append()
    assert spark.table(table).columns == ["id", "b", "c"]
    assert spark.table(table).count() == 5
    spark.range(4).selectExpr("id", "id % 2 AS p").write.partitionBy("p").saveAsTable(f"{schema}.parts")
    new = spark.range(1).selectExpr("100L AS id", "1L AS p").write.mode("overwrite").option("replaceWhere", "p = 1")
    new.saveAsTable(f"{schema}.parts")
    assert sorted(map(tuple, spark.table(f"{schema}.parts").collect())) == [(0, 0), (2, 0), (100, 1)]
    spark.range(1).write.format("parquet").saveAsTable(f"{schema}.files")
    assert spark.table(f"{schema}.files").count() == 1


def test_delta_tables_are_found_by_name(spark: SparkSession, schema: str) -> None:
    from delta.tables import DeltaTable

    spark.range(2).write.saveAsTable(f"{schema}.t")
    table = DeltaTable.forName(spark, f"{schema}.t")
    table.alias("t").merge(spark.range(5).alias("s"), "t.id = s.id").whenNotMatchedInsertAll().execute()
    table.update("id = 1", {"id": "10L"})
    table.optimize().executeCompaction()
    table.vacuum()
    assert table.toDF().count() == 5
    assert table.history().count() >= 3
    DeltaTable.createIfNotExists(spark).tableName(f"{schema}.made").addColumn("id", "INT").execute()
    assert spark.table(f"{schema}.made").columns == ["id"]


def test_streams_read_and_write_tables_whose_schema_has_changed(
    spark: SparkSession, schema: str, tmp_path: Path
) -> None:
    spark.range(2).write.saveAsTable(f"{schema}.source")
    spark.sql(f"ALTER TABLE {schema}.source ADD COLUMNS (x INT)")
    stream = spark.readStream.table(f"{schema}.source").writeStream.option("checkpointLocation", str(tmp_path))
    stream.trigger(availableNow=True).toTable(f"{schema}.target").awaitTermination()
    assert spark.table(f"{schema}.target").columns == ["id", "x"]


def test_the_catalog_is_told_of_columns_properties_and_comments(
    spark: SparkSession, schema: str, unity: ScratchCatalog
) -> None:
    def columns() -> list[tuple[str, str, str]]:
        document = unity.table(f"{schema}.t")
        return [(c["name"], c["type_text"], c["type_name"]) for c in document["columns"]]

    spark.sql(f"CREATE TABLE {schema}.t (id BIGINT NOT NULL COMMENT 'key', x DECIMAL(10, 2)) COMMENT 'about'")
    document = unity.table(f"{schema}.t")
    assert document["table_type"] == "MANAGED"
    assert document["data_source_format"] == "DELTA"
    assert document["comment"] == "about"
    assert document["columns"][0]["comment"] == "key"
    assert document["columns"][0]["nullable"] is False
    assert columns() == [("id", "bigint", "LONG"), ("x", "decimal(10,2)", "DECIMAL")]
    spark.sql(f"ALTER TABLE {schema}.t ADD COLUMN more ARRAY<STRING>")
    spark.sql(f"ALTER TABLE {schema}.t SET TBLPROPERTIES ('team' = 'blue')")
    assert columns()[2] == ("more", "array<string>", "ARRAY")
    assert unity.table(f"{schema}.t")["properties"]["team"] == "blue"
    spark.sql(f"CREATE OR REPLACE TABLE {schema}.t PARTITIONED BY (p) AS SELECT 1 AS a, 'x' AS p")
    assert columns() == [("a", "int", "INT"), ("p", "string", "STRING")]
    assert unity.table(f"{schema}.t")["columns"][1]["partition_index"] == 0


def test_the_catalog_learns_of_columns_that_a_write_added_when_the_table_is_next_read(
    spark: SparkSession, schema: str, unity: ScratchCatalog
) -> None:
    spark.range(1).write.saveAsTable(f"{schema}.t")
    spark.range(1).selectExpr("id", "1 AS n").write.mode("append").option("mergeSchema", True).saveAsTable(
        f"{schema}.t"
    )
    spark.table(f"{schema}.t").collect()
    assert [column["name"] for column in unity.table(f"{schema}.t")["columns"]] == ["id", "n"]


def test_dropping_deletes_managed_data_and_keeps_external(
    spark: SparkSession, schema: str, unity: ScratchCatalog, tmp_path: Path
) -> None:
    spark.sql(f"CREATE TABLE {schema}.managed AS SELECT 1 AS a")
    spark.sql(f"CREATE TABLE {schema}.kept LOCATION '{tmp_path}/kept' AS SELECT 1 AS a")
    location = Path(unity.table(f"{schema}.managed")["storage_location"].removeprefix("file:"))
    assert unity.table(f"{schema}.kept")["table_type"] == "EXTERNAL"
    assert (location / "_delta_log").is_dir()
    assert location.parent == unity.folder / schema
    assert location.name.startswith("managed-")
    spark.sql(f"DROP TABLE {schema}.managed")
    spark.sql(f"DROP TABLE {schema}.kept")
    assert not location.exists()
    assert (tmp_path / "kept" / "_delta_log").is_dir()


def test_a_view_comes_back_as_it_was_made(spark: SparkSession, schema: str, unity: ScratchCatalog) -> None:
    spark.sql(f"CREATE VIEW {schema}.v (n COMMENT 'number') COMMENT 'about' AS SELECT 1 + 1 AS x")
    document = unity.table(f"{schema}.v")
    assert document["table_type"] == "VIEW"
    assert document["view_definition"] == "SELECT 1 + 1 AS x"
    assert document["comment"] == "about"
    assert document["columns"][0]["comment"] == "number"
    described = {row.col_name: row.data_type for row in spark.sql(f"DESCRIBE EXTENDED {schema}.v").collect()}
    assert described["n"] == "int"
    assert described["View Text"] == "SELECT 1 + 1 AS x"


def test_tables_and_views_registered_by_others_are_read(
    spark: SparkSession, schema: str, unity: ScratchCatalog, tmp_path: Path
) -> None:
    """As the SDK's ``tables.create`` does: the catalog knows them, Spark never made them."""
    (tmp_path / "one.csv").write_text("1,x\n")
    place = {"catalog_name": "main", "schema_name": schema.split(".")[1]}
    columns = [{"name": "a", "type_text": "int"}, {"name": "b", "type_text": "string", "type_json": '"string"'}]
    table = {"name": "raw", "table_type": "EXTERNAL", "data_source_format": "CSV", "columns": columns}
    unity.answer(
        "POST", "/api/2.1/unity-catalog/tables", {}, {**place, **table, "storage_location": f"file://{tmp_path}"}
    )
    view = {"name": "seen", "table_type": "VIEW", "view_definition": "SELECT b FROM raw", "columns": columns[1:]}
    unity.answer("POST", "/api/2.1/unity-catalog/tables", {}, {**place, **view})
    assert [tuple(row) for row in spark.table(f"{schema}.raw").collect()] == [(1, "x")]
    assert [tuple(row) for row in spark.table(f"{schema}.seen").collect()] == [("x",)]


def test_a_small_query_asks_the_catalog_once(spark: SparkSession, schema: str, unity: ScratchCatalog) -> None:
    spark.sql(f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    unity.requests.clear()
    spark.sql(f"SELECT * FROM {schema}.t").collect()
    assert unity.requests == [f"GET tables {schema}.t"]
