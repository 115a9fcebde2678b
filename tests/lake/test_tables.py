from __future__ import annotations

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from harness.lake.buckets.reset import client
from harness.lake.engine import Engine
from harness.lake.s3 import S3Endpoint
from harness.lake.scratch import ScratchCatalog
from harness.lake.tables import LakeReader, NotDelta, TableNotFound


@pytest.fixture(scope="module")
def spark(engine: Engine) -> SparkSession:
    return engine.session()


@pytest.fixture(scope="module")
def reader(spark: SparkSession, unity: ScratchCatalog, s3_server: S3Endpoint) -> Iterator[LakeReader]:
    spark.sql("CREATE SCHEMA main.reader")
    yield LakeReader(unity.url, "test-token", s3_server)
    spark.sql("DROP SCHEMA main.reader CASCADE")


def test_delta_rs_reads_what_spark_wrote(spark: SparkSession, reader: LakeReader) -> None:
    spark.sql("CREATE TABLE main.reader.t PARTITIONED BY (s) AS SELECT 1 AS id, 'a b' AS s UNION ALL SELECT 2, NULL")
    table = reader.table("main.reader.t")
    assert table.count() == 2
    assert table.columns == ["id", "s"]
    assert table.version == 0
    assert table.to_pandas().sort_values("id").to_dict("list") == {"id": [1, 2], "s": ["a b", None]}
    assert table.to_arrow().num_rows == 2
    assert table.history()[0]["operation"] == "CREATE TABLE AS SELECT"
    assert "/main.reader/t-" in table.location


@pytest.mark.parametrize(
    ("columns", "changes"),
    [
        ("(id INT) TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')", ["DELETE FROM {t} WHERE id = 0"]),
        (
            "(i INT) TBLPROPERTIES ('delta.columnMapping.mode' = 'name')",
            ["ALTER TABLE {t} RENAME COLUMN i TO id", "DELETE FROM {t} WHERE id = 0"],
        ),
        ("(id INT) CLUSTER BY (id)", ["OPTIMIZE {t}", "DELETE FROM {t} WHERE id = 0"]),
        ("(id INT) TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')", ["DELETE FROM {t} WHERE id = 0"]),
    ],
    ids=["deletion vectors", "column mapping", "clustering", "change data feed"],
)
def test_delta_rs_knows_the_features_of(
    spark: SparkSession, reader: LakeReader, columns: str, changes: list[str]
) -> None:
    table = "main.reader.feature"
    spark.sql(f"CREATE TABLE {table} {columns}")
    spark.sql(f"INSERT INTO {table} SELECT id FROM range(0, 5, 1, 1)")
    for change in changes:
        spark.sql(change.format(t=table))
    assert sorted(reader.table(table).to_pandas()["id"]) == [1, 2, 3, 4]
    spark.sql(f"DROP TABLE {table}")


def test_delta_rs_reads_tables_on_s3(spark: SparkSession, reader: LakeReader, s3_server: S3Endpoint) -> None:
    client(s3_server).create_bucket(Bucket="reader")
    spark.sql("CREATE TABLE main.reader.remote LOCATION 's3a://reader/t' AS SELECT 1 AS id")
    assert reader.table("main.reader.remote").count() == 1


def test_an_unknown_table_is_answered_with_near_names(spark: SparkSession, reader: LakeReader) -> None:
    spark.sql("CREATE TABLE main.reader.efficiency (a INT)")
    with pytest.raises(TableNotFound, match=r"main\.reader\.eficiency does not exist.*main\.reader\.efficiency"):
        reader.table("main.reader.eficiency")
    with pytest.raises(TableNotFound, match=r"not a full name"):
        reader.table("efficiency")
    assert "main.reader.efficiency" in reader.tables("main")


def test_a_view_is_refused_by_name(spark: SparkSession, reader: LakeReader) -> None:
    spark.sql("CREATE VIEW main.reader.v AS SELECT 1 AS a")
    with pytest.raises(NotDelta, match=r"main\.reader\.v is view"):
        reader.table("main.reader.v")
