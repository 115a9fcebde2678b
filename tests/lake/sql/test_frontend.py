"""What the front end takes on itself, and what it leaves to Spark."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import SparkSession

from harness.lake.sql import frontend


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DENY SELECT ON TABLE t TO `a@b.c`", "DENY"),
        ("/* who */ create FOREIGN CATALOG c USING CONNECTION k", "CREATE FOREIGN CATALOG"),
        ("CREATE CATALOG c USING SHARE p.s", "CREATE CATALOG … USING SHARE"),
        ("ALTER CATALOG c RENAME TO d", "ALTER CATALOG … RENAME TO"),
        ("GRANT SELECT ON SHARE s TO RECIPIENT r", "GRANT ON SHARE"),
        ("PUT '/tmp/a' INTO '/Volumes/a/b/c/a'", "PUT"),
        ("GET '/Volumes/a/b/c/a' TO '/tmp/a'", "GET"),
        ("REMOVE '/Volumes/a/b/c/a'", "REMOVE"),
        ("CREATE CONNECTION k TYPE mysql OPTIONS (host 'h')", "CREATE CONNECTION"),
    ],
)
def test_statements_that_cannot_be_honoured_are_refused_by_name(
    spark: SparkSession, statement: str, named: str
) -> None:
    with pytest.raises(AnalysisException) as refused:
        frontend.run(spark, statement)
    assert refused.value.getCondition() == "UNSUPPORTED_FEATURE.LOCAL_HARNESS"
    assert refused.value.getSqlState() == "0A000"
    assert f"] {named} is not supported by the local harness yet: " in str(refused.value)


def test_everything_else_goes_to_spark_as_it_is_written(spark: SparkSession) -> None:
    frame = frontend.run(spark, "SELECT :a AS a, 'COPY INTO t' AS b -- COPY INTO", {"a": 1})
    assert [tuple(row) for row in frame.collect()] == [(1, "COPY INTO t")]
    assert frontend.run(spark, "LIST JARS").columns == ["Results"]
    with pytest.raises(PySparkException) as failed:
        frontend.run(spark, "SELECT 'unclosed")
    assert failed.value.getCondition() == "PARSE_SYNTAX_ERROR"


def test_a_copy_takes_parameters(spark: SparkSession, write: Any) -> None:
    spark.sql("CREATE TABLE main.default.by_parameter (id INT) USING DELTA")
    path = write("a.csv", "id\n1\n")
    statement = "COPY INTO IDENTIFIER(:t) FROM :path FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')"
    row = frontend.run(spark, statement, {"t": "main.default.by_parameter", "path": path}).collect()[0]
    assert row.num_inserted_rows == 1


def test_use_catalog_changes_the_catalog(spark: SparkSession) -> None:
    try:
        frontend.run(spark, "-- go\nUSE CATALOG `hive_metastore`;")
        assert spark.sql("SELECT current_catalog()").collect()[0][0] == "hive_metastore"
    finally:
        frontend.run(spark, "USE CATALOG main")
    with pytest.raises(AnalysisException, match="Catalog 'nowhere' was not found") as failed:
        frontend.run(spark, "USE CATALOG nowhere")
    assert failed.value.getCondition() == "NO_SUCH_CATALOG_EXCEPTION"


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE DEFAULT.words (id INT, name STRING) USING DELTA",
        "INSERT INTO DEFAULT.words VALUES (1, 'a')",
        "SELECT DEFAULT.words.id FROM DEFAULT.words",
        "UPDATE DEFAULT.words SET name = 'b' WHERE id = 1",
        "MERGE INTO DEFAULT.words AS t USING (SELECT 1 AS id) AS s ON t.id = s.id WHEN MATCHED THEN DELETE",
        "DESCRIBE DETAIL DEFAULT.words",
        "OPTIMIZE DEFAULT.words",
        "DROP TABLE DEFAULT.words",
    ],
)
def test_default_in_capitals_is_a_schema_name(spark: SparkSession, statement: str) -> None:
    spark.sql("CREATE TABLE IF NOT EXISTS default.words (id INT, name STRING) USING DELTA")
    frontend.run(spark, statement.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS")).collect()
    assert spark.catalog.tableExists("default.words") is not statement.startswith("DROP")


def test_spark_sql_of_a_process_understands_once_installed(engine: Any) -> None:
    """In a process of its own, as a notebook's: the class is patched for good."""
    gateway = engine.open_slot("front-end")
    script = f"""
        from harness.lake.attach import attach
        from harness.lake.sql import frontend
        spark = attach({gateway.port}, {gateway.secret!r}, {gateway.tag!r})
        frontend.install(spark)
        frontend.install(spark)
        print(spark.sql("SELECT {{x}} AS x", x=7).collect()[0].x, spark.sql("SELECT ? AS x", args=[8]).collect()[0].x)
        try:
            spark.newSession().sql("DENY SELECT ON t TO me")
        except Exception as error:
            print(type(error).__name__, error.getCondition())
        names = [one.name for one in spark.catalog.listCatalogs()]
        print("main" in names, "spark_catalog" in names)
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120, check=False
        )
    finally:
        engine.close_slot("front-end")
    assert done.stdout.splitlines() == ["7 8", "SqlError UNSUPPORTED_FEATURE.LOCAL_HARNESS", "True False"], done.stderr
