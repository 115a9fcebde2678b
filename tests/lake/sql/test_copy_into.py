"""COPY INTO as notebooks and the SQL endpoint run it: real files, real S3, real Delta tables."""

from __future__ import annotations

import gzip
import itertools
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from harness.lake.buckets.reset import client
from harness.lake.engine import Engine
from harness.lake.paths import WorkspacePaths
from harness.lake.s3 import S3Endpoint
from harness.lake.s3 import requests as s3_requests
from harness.lake.sql import frontend

Write = Callable[[str, str], str]
HEADER = "FORMAT_OPTIONS ('header' = 'true')"
_names = itertools.count()


@pytest.fixture
def table(spark: SparkSession) -> Iterator[Callable[[str], str]]:
    """Makes a Delta table. Returns: its name."""
    made: list[str] = []

    def make(columns: str, properties: str = "") -> str:
        name = f"main.default.copied_{next(_names)}"
        spark.sql(f"CREATE TABLE {name} {columns} USING DELTA {properties}")
        made.append(name)
        return name

    yield make
    for name in made:
        spark.sql(f"DROP TABLE IF EXISTS {name}")


def copy(spark: SparkSession, statement: str, **options: Any) -> tuple[int, ...]:
    row = frontend.run(spark, statement, **options).collect()[0]
    assert row.__fields__ == ["num_affected_rows", "num_inserted_rows", "num_skipped_corrupt_files"]
    return tuple(row)


def rows(spark: SparkSession, table: str) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in spark.table(table).collect()), key=repr)


def condition(spark: SparkSession, statement: str, **options: Any) -> tuple[str | None, str]:
    with pytest.raises(PySparkException) as refused:
        frontend.run(spark, statement, **options).collect()
    return refused.value.getCondition(), str(refused.value)


def test_each_file_is_loaded_once_even_when_it_changes(spark: SparkSession, table: Any, write: Write) -> None:
    name, folder = table("(id INT, name STRING)"), str(Path(write("a.csv", "id,name\n1,x\n2,y\n")).parent)
    statement = f"COPY INTO {name} FROM '{folder}' FILEFORMAT = CSV {HEADER}"
    assert copy(spark, statement) == (2, 2, 0)
    assert copy(spark, statement) == (0, 0, 0)
    write("a.csv", "id,name\n9,changed\n")
    write("b.csv", "id,name\n3,z\n")
    assert copy(spark, statement) == (1, 1, 0)
    assert rows(spark, name) == [(1, "x"), (2, "y"), (3, "z")]
    assert copy(spark, f"{statement} COPY_OPTIONS ('force' = 'true')") == (2, 2, 0)


def test_a_replaced_table_has_loaded_nothing(spark: SparkSession, table: Any, write: Write) -> None:
    name, path = table("(id INT)"), write("a.csv", "id\n1\n")
    statement = f"COPY INTO {name} FROM '{path}' FILEFORMAT = CSV {HEADER}"
    assert copy(spark, statement) == (1, 1, 0)
    spark.sql(f"DELETE FROM {name}")
    assert copy(spark, statement) == (0, 0, 0)
    spark.sql(f"CREATE OR REPLACE TABLE {name} (id INT) USING DELTA")
    assert copy(spark, statement) == (1, 1, 0)


def test_columns_go_by_name_whatever_their_order_in_each_file(spark: SparkSession, table: Any, write: Write) -> None:
    name = table("(id INT, name STRING, price DECIMAL(5,2))")
    folder = Path(write("a.csv", "id,name,price\n1,x,1.5\n")).parent
    write("b.csv", "PRICE,ID\n2.25,2\n")
    (folder / "c.csv.gz").write_bytes(gzip.compress(b"name,id\nz,3\n"))
    assert copy(spark, f"COPY INTO {name} FROM '{folder}' FILEFORMAT = CSV {HEADER}") == (3, 3, 0)
    assert [(r[0], r[1], r[2] and str(r[2])) for r in rows(spark, name)] == [
        (1, "x", "1.50"),
        (2, None, "2.25"),
        (3, "z", None),
    ]


def test_a_value_that_does_not_fit_names_file_and_column_and_loads_nothing(
    spark: SparkSession, table: Any, write: Write
) -> None:
    name, folder = table("(id INT, name STRING)"), Path(write("a.csv", "id,name\n1,x\n")).parent
    write("b.csv", "id,name\ntwo,y\n")
    version = spark.sql(f"DESCRIBE HISTORY {name}").count()
    code, message = condition(spark, f"COPY INTO {name} FROM '{folder}' FILEFORMAT = CSV {HEADER}")
    assert code == "CAST_INVALID_INPUT"
    assert "'two'" in message
    assert "`id`" in message
    assert "b.csv" in message
    assert rows(spark, name) == []
    assert spark.sql(f"DESCRIBE HISTORY {name}").count() == version


def test_extra_columns_need_mergeschema(spark: SparkSession, table: Any, write: Write) -> None:
    name, path = table("(id INT)"), write("a.csv", "id,more\n1,x\n")
    statement = f"COPY INTO {name} FROM '{path}' FILEFORMAT = CSV {HEADER}"
    code, message = condition(spark, statement)
    assert code == "COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE"
    assert "more: string" in message
    assert copy(spark, f"{statement} COPY_OPTIONS ('mergeSchema' = 'true')") == (1, 1, 0)
    assert rows(spark, name) == [(1, "x")]


def test_a_table_without_columns_takes_the_files_columns(spark: SparkSession, table: Any, write: Write) -> None:
    name, path = table(""), write("a.json", '{"id": 1, "tags": ["a"]}\n{"id": 2, "at": {"x": 1.5}}\n')
    statement = f"COPY INTO {name} FROM '{path}' FILEFORMAT = JSON COPY_OPTIONS ('mergeSchema' = 'true')"
    assert copy(spark, statement) == (2, 2, 0)
    assert spark.table(name).schema.simpleString() == "struct<at:struct<x:double>,id:bigint,tags:array<string>>"


def test_formats_other_than_csv(spark: SparkSession, table: Any, write: Write, tmp_path: Path) -> None:
    name = table("(id BIGINT, name STRING)")
    frame = spark.createDataFrame([(1, "a")], "id BIGINT, name STRING").coalesce(1)
    for form in ("parquet", "orc", "json"):
        frame.write.format(form).save(str(tmp_path / form))
        assert copy(spark, f"COPY INTO {name} FROM '{tmp_path / form}' FILEFORMAT = {form}") == (1, 1, 0)
    lines = table("(value STRING)")
    assert copy(spark, f"COPY INTO {lines} FROM '{write('a.txt', 'x;y')}' FILEFORMAT = TEXT") == (1, 1, 0)
    binary = table("(path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY)")
    assert copy(spark, f"COPY INTO {binary} FROM '{write('a.bin', 'xyz')}' FILEFORMAT = BINARYFILE") == (1, 1, 0)
    code, message = condition(spark, f"COPY INTO {name} FROM '{write('a.avro', 'x')}' FILEFORMAT = AVRO")
    assert code == "COPY_INTO_SOURCE_FILE_FORMAT_NOT_SUPPORTED"
    assert "AVRO" in message


def test_parquet_files_of_unlike_columns_lose_none(spark: SparkSession, table: Any, tmp_path: Path) -> None:
    name, folder = table("(id BIGINT, a STRING, b STRING)"), str(tmp_path / "mixed")
    spark.sql("SELECT 1L AS id, 'x' AS a").write.parquet(folder)
    spark.sql("SELECT 2L AS id, 'y' AS b").write.mode("append").parquet(folder)
    assert copy(spark, f"COPY INTO {name} FROM '{folder}' FILEFORMAT = PARQUET") == (2, 2, 0)
    assert rows(spark, name) == [(1, "x", None), (2, None, "y")]


def test_files_and_pattern_choose_below_the_source(spark: SparkSession, table: Any, write: Write) -> None:
    name, folder = table("(id INT)"), Path(write("a b.csv", "id\n1\n")).parent
    write("deep/b.csv", "id\n2\n")
    write("deep/c.csv", "id\n3\n")
    write("_hidden.csv", "id\n9\n")
    base = f"COPY INTO {name} FROM '{folder}' FILEFORMAT = CSV"
    assert copy(spark, f"{base} {HEADER}") == (1, 1, 0)
    assert copy(spark, f"{base} FILES = ('deep/b.csv') {HEADER}") == (1, 1, 0)
    assert copy(spark, f"{base} PATTERN = '*/*.csv' {HEADER}") == (1, 1, 0)
    assert rows(spark, name) == [(1,), (2,), (3,)]
    assert condition(spark, f"{base} FILES = ('none.csv') {HEADER}")[0] == "PATH_NOT_FOUND"


def test_partition_folders_become_columns(spark: SparkSession, table: Any, write: Write) -> None:
    name, folder = table("(id INT, day DATE)"), Path(write("day=2026-01-01/a.csv", "id\n1\n")).parent.parent
    assert copy(spark, f"COPY INTO {name} FROM '{folder}' FILEFORMAT = CSV {HEADER}") == (1, 1, 0)
    assert [(r[0], str(r[1])) for r in rows(spark, name)] == [(1, "2026-01-01")]


def test_select_transforms_and_sees_the_files_metadata(spark: SparkSession, table: Any, write: Write) -> None:
    name, path = table("(id BIGINT, label STRING, file STRING)"), write("a.csv", "1,x\n2,y\n")
    statement = (
        f"COPY INTO {name} FROM (SELECT _c0::bigint * 10 AS id, upper(_c1) AS label, _metadata.file_name AS file "
        f"FROM '{path}') FILEFORMAT = CSV"
    )
    assert copy(spark, statement) == (2, 2, 0)
    assert rows(spark, name) == [(10, "X", "a.csv"), (20, "Y", "a.csv")]


def test_by_position_takes_headerless_csv(spark: SparkSession, table: Any, write: Write) -> None:
    name, path = table("(id INT, name STRING, note STRING)"), write("a.csv", "x,1\n")
    assert copy(spark, f"COPY INTO {name} (name, id) FROM '{path}' FILEFORMAT = CSV") == (1, 1, 0)
    assert rows(spark, name) == [(1, "x", None)]
    code, _ = condition(spark, f"COPY INTO {name} BY POSITION FROM '{write('b.csv', 'x,1')}' FILEFORMAT = CSV")
    assert code == "COPY_INTO_COLUMN_ARITY_MISMATCH.NOT_ENOUGH_DATA_COLUMNS"
    code, _ = condition(spark, f"COPY INTO {name} (id) FROM '{write('c.csv', '1')}' FILEFORMAT = CSV {HEADER}")
    assert code == "COPY_INTO_FEATURE_INCOMPATIBLE_SETTING"


def test_options_of_the_format_are_heeded(spark: SparkSession, table: Any, write: Write) -> None:
    name = table("(id INT, day DATE, at TIMESTAMP)")
    path = write("a.csv", "# note\nid|day|at\n1|02/01/2026|2026.01.02 03:04\n")
    options = "'header'='true', 'delimiter'='|', 'comment'='#', 'dateFormat'='dd/MM/yyyy'"
    options += ", 'timestampFormat'='yyyy.MM.dd HH:mm'"
    assert copy(spark, f"COPY INTO {name} FROM '{path}' FILEFORMAT = CSV FORMAT_OPTIONS ({options})") == (1, 1, 0)
    found = spark.table(name).selectExpr("id", "cast(day as string)", "cast(at as string)").collect()
    assert [tuple(row) for row in found] == [(1, "2026-01-02", "2026-01-02 03:04:00")]


def test_validate_previews_and_writes_nothing(spark: SparkSession, table: Any, write: Write) -> None:
    name = table("(id INT NOT NULL, name STRING)", "TBLPROPERTIES ('delta.constraints.small' = 'id < 5')")
    good = write("good.csv", "id,name\n1,x\n")
    preview = frontend.run(spark, f"COPY INTO {name} FROM '{good}' FILEFORMAT = CSV VALIDATE {HEADER}").collect()
    assert [tuple(row) for row in preview] == [(1, "x")]
    assert rows(spark, name) == []
    bad = {
        "id,name\n,x\n": "DELTA_NOT_NULL_CONSTRAINT_VIOLATED",
        "id,name\n7,x\n": "DELTA_VIOLATE_CONSTRAINT_WITH_VALUES",
        "id,name\n1,x\nz,y\n": "CAST_INVALID_INPUT",
    }
    for text, code in bad.items():
        path = write("bad.csv", text)
        assert condition(spark, f"COPY INTO {name} FROM '{path}' FILEFORMAT = CSV VALIDATE {HEADER}")[0] == code


def test_unreadable_files_are_counted_and_loaded_once_repaired(spark: SparkSession, table: Any, tmp_path: Path) -> None:
    name, folder = table("(id BIGINT)"), tmp_path / "in"
    spark.range(2).coalesce(1).write.parquet(str(folder))
    (folder / "broken.parquet").write_text("no parquet")
    statement = f"COPY INTO {name} FROM '{folder}' FILEFORMAT = PARQUET FORMAT_OPTIONS ('ignoreCorruptFiles' = 'true')"
    assert copy(spark, statement) == (2, 2, 1)
    spark.range(7, 8).coalesce(1).write.parquet(str(tmp_path / "fixed"))
    next((tmp_path / "fixed").glob("*.parquet")).replace(folder / "broken.parquet")
    (folder / ".broken.parquet.crc").unlink(missing_ok=True)
    assert copy(spark, statement) == (1, 1, 0)


def test_files_without_rows_are_no_error(spark: SparkSession, table: Any, write: Write) -> None:
    name, path = table("(id INT)"), write("a.csv", "id\n")
    assert copy(spark, f"COPY INTO {name} FROM '{path}' FILEFORMAT = CSV {HEADER}") == (0, 0, 0)


def test_targets_and_sources_that_are_not_there_are_named(spark: SparkSession, table: Any, tmp_path: Path) -> None:
    name = table("(id INT)")
    spark.sql("CREATE OR REPLACE VIEW main.default.copied_view AS SELECT 1 AS id")
    for statement, code in {
        f"COPY INTO main.default.nowhere FROM '{tmp_path}' FILEFORMAT = CSV": "DELTA_MISSING_DELTA_TABLE_COPY_INTO",
        f"COPY INTO main.default.copied_view FROM '{tmp_path}' FILEFORMAT = CSV": "DELTA_COPY_INTO_TARGET_FORMAT",
        f"COPY INTO {name} FROM '{tmp_path}/none' FILEFORMAT = CSV": "PATH_NOT_FOUND",
        f"COPY INTO {name} FROM '/Volumes/a/b/c' FILEFORMAT = CSV": "PATH_NOT_FOUND",
        f"COPY INTO {name} FROM '{tmp_path}' FILEFORMAT = CSV": "COPY_INTO_SOURCE_SCHEMA_INFERENCE_FAILED",
        f"COPY INTO {name} FROM 'ftp://c/x' FILEFORMAT = CSV": "COPY_INTO_SOURCE_NOT_SERVED",
        f"COPY INTO {name} FROM '{tmp_path}' FILEFORMAT = CSV COPY_OPTIONS ('x' = '1')": "COPY_INTO_SYNTAX_ERROR",
    }.items():
        assert condition(spark, statement)[0] == code


def test_volumes_are_read_where_they_rest(spark: SparkSession, table: Any, write: Write) -> None:
    name, folder = table("(id INT)"), Path(write("a.csv", "id\n1\n")).parent
    paths = WorkspacePaths({"/Volumes/main/raw/landing": folder})
    for place in ("/Volumes/main/raw/landing", "dbfs:/Volumes/main/raw/landing/a.csv"):
        statement = f"COPY INTO {name} FROM '{place}' FILEFORMAT = CSV {HEADER} COPY_OPTIONS ('force' = 'true')"
        assert copy(spark, statement, paths=paths) == (1, 1, 0)


def test_two_at_once_load_distinct_files_both_and_a_shared_one_once(
    engine: Engine, spark: SparkSession, table: Any, write: Write
) -> None:
    name = table("(id INT)")
    folder = Path(write("a.csv", "id\n1\n")).parent
    write("b.csv", "id\n2\n")
    write("c.csv", "id\n3\n")
    together = threading.Barrier(2)

    def load(files: str) -> int:
        session = engine.session()
        together.wait(30)
        return copy(session, f"COPY INTO {name} FROM '{folder}' FILEFORMAT = CSV FILES = ({files}) {HEADER}")[0]

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(load, ["'a.csv', 'c.csv'", "'b.csv', 'c.csv'"])) == 3
    assert rows(spark, name) == [(1,), (2,), (3,)]


def test_s3_is_read_with_temporary_credentials_that_stay_out_of_the_session(
    spark: SparkSession, table: Any, boto: Any, s3: S3Endpoint
) -> None:
    boto.create_bucket(Bucket="landing")
    boto.put_object(Bucket="landing", Key="raw/a.csv", Body=b"id,name\n1,x\n")
    boto.put_object(Bucket="landing", Key="raw/b.csv", Body=b"name,id\ny,2\n")
    name = table("(id INT, name STRING)")
    given = client(replace(s3, url=s3.sts_url or s3.url), "sts").get_session_token()["Credentials"]
    secret = given["SecretAccessKey"]
    source = (
        f"'s3://landing/raw' WITH (CREDENTIAL (AWS_ACCESS_KEY = '{given['AccessKeyId']}', "
        f"AWS_SECRET_KEY = '{secret}', AWS_SESSION_TOKEN = '{given['SessionToken']}'))"
    )
    threads = spark._jvm.java.lang.management.ManagementFactory.getThreadMXBean()

    def of_clients() -> int:
        # Of the SDK's client (sdk-ScheduledExecutor) and of S3A; Spark's own pools grow as they like.
        names = [thread.getThreadName() for thread in threads.getThreadInfo(threads.getAllThreadIds()) if thread]
        return len([name for name in names if name.startswith(("sdk-", "s3a-"))])

    assert copy(spark, f"COPY INTO {name} FROM {source} FILEFORMAT = CSV {HEADER}") == (2, 2, 0)
    assert rows(spark, name) == [(1, "x"), (2, "y")]
    before = of_clients()
    forced = f"COPY INTO {name} FROM {source} FILEFORMAT = CSV {HEADER} COPY_OPTIONS ('force' = 'true')"
    assert copy(spark, forced) == (2, 2, 0)
    assert of_clients() <= before, "S3 clients were left open"
    # The same objects by another scheme, without credentials: known already.
    assert copy(spark, f"COPY INTO {name} FROM 's3a://landing/raw' FILEFORMAT = CSV {HEADER}") == (0, 0, 0)
    settings = {row[0]: row[1] for row in spark.sql("SET").collect()}
    assert secret not in str(settings)
    assert secret not in str([row.asDict() for row in spark.sql(f"DESCRIBE HISTORY {name}").collect()])
    assert spark.read.csv("s3a://landing/raw").count() == 4


def test_files_in_azure_and_google_are_those_of_the_bucket_of_that_name(
    spark: SparkSession, table: Any, boto: Any
) -> None:
    boto.create_bucket(Bucket="container")
    boto.put_object(Bucket="container", Key="raw/a.csv", Body=b"id,name\n1,x\n")
    boto.put_object(Bucket="container", Key="raw/b.csv", Body=b"name,id\ny,2\n")
    name = table("(id INT, name STRING)")
    azure = "'abfss://container@account.dfs.core.windows.net/raw' WITH (CREDENTIAL (AZURE_SAS_TOKEN = 'sv=secret'))"
    assert copy(spark, f"COPY INTO {name} FROM {azure} FILEFORMAT = CSV {HEADER}") == (2, 2, 0)
    assert copy(spark, f"COPY INTO {name} FROM {azure} FILEFORMAT = CSV {HEADER}") == (0, 0, 0)
    google = "'gs://container/raw/' FILEFORMAT = CSV FILES = ('a.csv')"
    assert copy(spark, f"COPY INTO {name} FROM {google} {HEADER}") == (1, 1, 0)
    assert rows(spark, name) == [(1, "x"), (1, "x"), (2, "y")]


def test_credentials_that_do_not_fit_the_source_are_refused(spark: SparkSession, table: Any, write: Write) -> None:
    name, keys = table("(id INT)"), "AWS_ACCESS_KEY = 'a', AWS_SECRET_KEY = 'b'"
    for source, code in {
        f"'{write('a.csv', 'id')}' WITH (CREDENTIAL ({keys}))": "COPY_INTO_CREDENTIALS_NOT_ALLOWED_ON",
        f"'s3://landing/raw' WITH (CREDENTIAL ({keys}))": "COPY_INTO_CREDENTIALS_REQUIRED",
        "'s3://landing/raw' WITH (ENCRYPTION (TYPE = 'X'))": "COPY_INTO_ENCRYPTION_REQUIRED",
        f"'abfss://c@a.dfs.core.windows.net/x' WITH (CREDENTIAL ({keys}))": "COPY_INTO_CREDENTIALS_REQUIRED",
        "'gs://bucket/x' WITH (CREDENTIAL (AZURE_SAS_TOKEN = 'a'))": "COPY_INTO_CREDENTIALS_NOT_ALLOWED_ON",
        "'wasb://c@a/x' WITH (ENCRYPTION (TYPE = 'AWS_SSE_C', MASTER_KEY = ''))": "COPY_INTO_ENCRYPTION_NOT_ALLOWED_ON",
    }.items():
        assert condition(spark, f"COPY INTO {name} FROM {source} FILEFORMAT = CSV")[0] == code


@pytest.mark.s3("requests")
def test_each_object_is_asked_for_once_whatever_looks_at_it(
    spark: SparkSession, table: Any, boto: Any, s3: S3Endpoint
) -> None:
    many = 60
    boto.create_bucket(Bucket="counted")
    for number in range(many):
        boto.put_object(Bucket="counted", Key=f"in/{number:02}.csv", Body=b"id,name\n%d,x\n" % number)
    place = spark._jvm.org.apache.hadoop.fs.Path("s3://counted/in")
    client = place.getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())

    def asked() -> Counter[str]:
        counters = client.getIOStatistics().counters()
        return Counter({name: counters.get(f"{name}_request") for name in ("action_http_head", "object_list")})

    def read() -> int:
        return sum(each["bucket"] == "counted" and each["operation"] == "read" for each in s3_requests(s3))

    name = table("(id INT, name STRING)")
    statement = f"COPY INTO {name} FROM (SELECT id::INT, name FROM 's3://counted/in/') FILEFORMAT = CSV {HEADER}"
    before, seen = asked(), read()
    assert copy(spark, statement) == (many, many, 0)
    assert read() - seen == many, "each object once, for its header and its rows"
    more = asked() - before
    assert more["action_http_head"] <= 3
    assert 1 <= more["object_list"] <= 3
    # Nothing is kept from one statement to the next.
    boto.put_object(Bucket="counted", Key="in/00.csv", Body=b"id,name\n700,changed\n701,too\n")
    seen = read()
    assert copy(spark, f"{statement} COPY_OPTIONS ('force' = 'true')") == (many + 1, many + 1, 0)
    assert read() - seen == many
    assert spark.table(name).where("id >= 700").count() == 2


def test_objects_of_every_format_and_size_are_read_to_their_end(
    spark: SparkSession, table: Any, boto: Any, tmp_path: Path
) -> None:
    boto.create_bucket(Bucket="formats")
    name = table("(id BIGINT, name STRING)")
    for kind, many in (("parquet", 3), ("orc", 3), ("json", 3), ("parquet", 40_000)):
        folder = tmp_path / f"{kind}-{many}"
        spark.range(many).selectExpr("id", "uuid() AS name").coalesce(1).write.format(kind).save(str(folder))
        (file,) = folder.glob(f"part-*.{kind}")
        boto.put_object(Bucket="formats", Key=f"{folder.name}/{file.name}", Body=file.read_bytes())
        copied = copy(spark, f"COPY INTO {name} FROM 's3://formats/{folder.name}' FILEFORMAT = {kind}")
        assert copied == (many, many, 0), kind
    lines = "".join(f"{number},{'x' * 50}\n" for number in range(3000)).encode()
    boto.put_object(Bucket="formats", Key="csv/a.csv", Body=b"id,name\n" + lines)
    boto.put_object(Bucket="formats", Key="csv/b.csv.gz", Body=gzip.compress(b"name,id\n" + b"y,1\n" * 3))
    boto.put_object(Bucket="formats", Key="csv/empty.csv", Body=b"")
    statement = f"COPY INTO {name} FROM (SELECT id::BIGINT, name FROM 's3://formats/csv') FILEFORMAT = CSV {HEADER}"
    assert copy(spark, statement) == (3003, 3003, 0)
    assert copy(spark, statement) == (0, 0, 0)


@pytest.mark.slow
def test_thousands_of_keys_below_a_prefix_are_all_found(spark: SparkSession, table: Any, boto: Any) -> None:
    boto.create_bucket(Bucket="many")

    def put(number: int) -> None:
        boto.put_object(Bucket="many", Key=f"in/{number:04}.csv", Body=b"id,name\n%d,x\n" % number)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(2050)))  # three pages of a listing
    assert len(spark.read.text("s3://many/in").inputFiles()) == 2050
    name = table("(id INT, name STRING)")
    chosen = f"COPY INTO {name} FROM 's3://many/in' FILEFORMAT = CSV PATTERN = '*37.csv' {HEADER}"
    assert copy(spark, chosen) == (21, 21, 0)
    assert sorted(rows(spark, name))[-1] == (2037, "x")
    assert copy(spark, chosen) == (0, 0, 0)
