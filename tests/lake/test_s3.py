from __future__ import annotations

import uuid
from typing import Any

import boto3
import pytest
from pyspark.sql import SparkSession

from harness.lake import s3
from harness.lake.engine import Engine
from harness.lake.s3 import S3Endpoint

THRESHOLD = 128 * 1024 * 1024  # from here on S3A uploads and copies in parts


def client(endpoint: S3Endpoint, service: str = "s3") -> Any:
    return boto3.client(
        service,
        endpoint_url=(endpoint.sts_url or endpoint.url) if service == "sts" else endpoint.url,
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        region_name=endpoint.region,
    )


@pytest.fixture
def spark(engine: Engine) -> SparkSession:
    return engine.session()


@pytest.fixture
def bucket(s3_server: S3Endpoint) -> str:
    name = f"bucket-{uuid.uuid4().hex[:8]}"
    client(s3_server).create_bucket(Bucket=name)
    return name


@pytest.mark.parametrize("scheme", ["s3", "s3a", "s3n"])
@pytest.mark.parametrize("layout", ["csv", "json", "parquet"])
def test_spark_writes_and_reads_files(
    spark: SparkSession, s3_server: S3Endpoint, bucket: str, scheme: str, layout: str
) -> None:
    rows = spark.createDataFrame([(1, "a b"), (2, "é%+")], "id LONG, s STRING")
    path = f"{scheme}://{bucket}/in put/x=1"
    rows.write.format(layout).option("header", True).save(path)
    read = spark.read.format(layout).option("header", True).schema("id LONG, s STRING").load(path)
    assert sorted(map(tuple, read.collect())) == [(1, "a b"), (2, "é%+")]
    keys = [each["Key"] for each in client(s3_server).list_objects_v2(Bucket=bucket)["Contents"]]
    assert "in put/x=1/_SUCCESS" in keys
    assert not any("_temporary" in key and not key.endswith("/") for key in keys)  # moved into place by copies


def test_a_delta_table_lives_on_s3(spark: SparkSession, bucket: str) -> None:
    table = f"hive_metastore.default.t{uuid.uuid4().hex[:8]}"
    spark.sql(f"CREATE TABLE {table} (id BIGINT, v STRING) LOCATION 's3://{bucket}/t'")
    spark.sql(f"INSERT INTO {table} SELECT id, 'a' FROM range(100)")
    spark.sql(
        f"MERGE INTO {table} t USING (SELECT id + 50 AS id FROM range(100)) s ON t.id = s.id "
        "WHEN MATCHED THEN UPDATE SET v = 'b' WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 'c')"
    )
    assert spark.sql(f"OPTIMIZE {table}").collect()[0].metrics.numFilesAdded == 1
    spark.sql(f"VACUUM {table}")
    counts = spark.sql(f"SELECT v, count(*) FROM {table} GROUP BY v ORDER BY v").collect()
    assert [tuple(row) for row in counts] == [("a", 50), ("b", 50), ("c", 50)]
    assert spark.read.format("delta").load(f"s3a://{bucket}/t").count() == 150
    spark.sql(f"DROP TABLE {table}")
    assert spark.read.format("delta").load(f"s3n://{bucket}/t").count() == 150


@pytest.mark.parametrize("scheme", ["abfss", "gs"])
def test_other_clouds_stores_are_the_bucket_of_the_containers_name(
    spark: SparkSession, s3_server: S3Endpoint, bucket: str, scheme: str
) -> None:
    authority = bucket if scheme == "gs" else f"{bucket}@account.dfs.core.windows.net"
    root = f"{scheme}://{authority}/data"
    spark.createDataFrame([(1, "a b")], "id LONG, s STRING").write.csv(f"{root}/in put/x=1")
    read = spark.read.schema("id LONG, s STRING, x INT").csv(f"{root}/in put").select("*", "_metadata.file_path")
    ((*row, path),) = read.collect()
    assert row == [1, "a b", 1]
    assert path.startswith(f"{root}/in%20put/x=1/part-")
    table = f"hive_metastore.default.t{uuid.uuid4().hex[:8]}"
    spark.sql(f"CREATE TABLE {table} LOCATION '{root}/t' AS SELECT id, id % 2 AS odd FROM range(10)")
    spark.sql(f"UPDATE {table} SET odd = 7 WHERE id = 3")
    spark.sql(f"OPTIMIZE {table}")
    assert spark.sql(f"DESCRIBE DETAIL {table}").collect()[0].location == f"{root}/t"
    stream = spark.readStream.format("delta").load(f"{root}/t").writeStream.option("checkpointLocation", f"{root}/c")
    stream.trigger(availableNow=True).start(f"{root}/streamed", format="delta").awaitTermination(60)
    assert spark.read.format("delta").load(f"s3://{bucket}/data/streamed").where("odd = 7").count() == 1
    spark.sql(f"DROP TABLE {table}")


@pytest.mark.slow
def test_a_large_file_goes_up_in_parts(spark: SparkSession, s3_server: S3Endpoint, bucket: str) -> None:
    rows = spark.range(0, 12_000_000, 1, 1).selectExpr("id", "hash(id) AS h")
    rows.write.option("compression", "none").parquet(f"s3a://{bucket}/large")
    sizes = {each["Size"]: each["ETag"] for each in client(s3_server).list_objects_v2(Bucket=bucket)["Contents"]}
    assert max(sizes) > THRESHOLD
    assert sizes[max(sizes)].endswith(('-2"', '-3"'))  # the number of parts
    assert spark.read.parquet(f"s3a://{bucket}/large").count() == 12_000_000


def test_a_read_may_bring_temporary_credentials(spark: SparkSession, s3_server: S3Endpoint, bucket: str) -> None:
    spark.range(3).write.csv(f"s3://{bucket}/in")
    session = client(s3_server, "sts").get_session_token()["Credentials"]
    options = {
        "fs.s3a.aws.credentials.provider": "org.apache.hadoop.fs.s3a.TemporaryAWSCredentialsProvider",
        "fs.s3a.access.key": session["AccessKeyId"],
        "fs.s3a.secret.key": session["SecretAccessKey"],
        "fs.s3a.session.token": session["SessionToken"],
        "fs.s3.impl.disable.cache": "true",
        "fs.s3a.impl.disable.cache": "true",
    }
    assert spark.read.options(**options).csv(f"s3://{bucket}/in").count() == 3
    del options["fs.s3a.session.token"]  # they were used: without the token they do not do
    with pytest.raises(Exception, match=r"NoAwsCredentials|No AWS Credentials|session"):
        spark.read.options(**options).csv(f"s3://{bucket}/in").count()


def test_what_does_not_exist_is_said_at_once(spark: SparkSession, bucket: str) -> None:
    with pytest.raises(Exception, match="PATH_NOT_FOUND"):
        spark.read.csv(f"s3a://{bucket}/absent")
    with pytest.raises(Exception, match="bucket does not exist"):
        spark.read.csv("s3a://absent-bucket/x")


def test_the_server_keeps_connections_whatever_is_asked(s3_server: S3Endpoint) -> None:
    import http.client

    connection = http.client.HTTPConnection(s3_server.url.removeprefix("http://"))
    for method, path, body in (
        ("PUT", "/absent-bucket/key", b"x" * 100_000),
        ("GET", "/", b""),
        ("HEAD", "/none", b""),
    ):
        connection.request(method, path, body)
        sock = connection.sock
        connection.getresponse().read()
        assert connection.sock in (sock, None)
    connection.close()


def test_reset_forgets_every_bucket(tmp_path_factory: pytest.TempPathFactory) -> None:
    from harness.process import Child, bind

    sock = bind()
    child = Child("s3", "harness.lake.s3", config={}, log=tmp_path_factory.mktemp("s3") / "log", sockets=[sock])
    sock.close()
    endpoint = S3Endpoint(child.wait_ready()["url"], "test", "test")
    client(endpoint).create_bucket(Bucket="short-lived")
    s3.reset(endpoint)
    assert client(endpoint).list_buckets()["Buckets"] == []
    child.stop()
    assert child.process.returncode == 0
