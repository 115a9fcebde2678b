"""Volumes in SQL: their statements, and their files through databricks-sql-connector, unmodified, and `%sql`."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3
import httpx2
import pytest
from databricks import sql as connector
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, OperationFailed
from databricks.sdk.service import jobs as sdk
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.workspace import ImportFormat, Language
from databricks.sql.exc import OperationalError, ProgrammingError, ServerOperationError

from harness.lake.s3 import is_ours
from harness.lake.s3 import requests as s3_requests
from harness.stack import Stack

pytestmark = pytest.mark.slow

HOME = "/Users/harness@localhost"
CELL = "\n# COMMAND ----------\n"
Connect = Callable[..., AbstractContextManager[Any]]


@pytest.fixture
def w(clean_stack: Stack) -> WorkspaceClient:
    return WorkspaceClient(host=clean_stack.workspace_url, token=clean_stack.token)


@pytest.fixture
def connect(clean_stack: Stack) -> Connect:
    """Makes a connection to the warehouse."""

    def connect(**options: Any) -> Any:
        path = f"/sql/1.0/warehouses/{clean_stack.warehouse_id}"
        options = {"_connection_uri": clean_stack.workspace_url + path, "enable_telemetry": False, **options}
        return connector.connect(server_hostname="127.0.0.1", http_path=path, access_token=clean_stack.token, **options)

    return connect


@pytest.fixture
def cursor(connect: Connect) -> Iterator[Any]:
    with connect() as connection, connection.cursor() as cursor:
        yield cursor


def run(cursor: Any, statement: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    cursor.execute(statement, parameters)
    return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def run_notebook(w: WorkspaceClient, *cells: str) -> None:
    source = base64.b64encode(("# Databricks notebook source\n" + CELL.join(cells)).encode()).decode()
    w.workspace.import_(f"{HOME}/nb", content=source, language=Language.PYTHON, format=ImportFormat.SOURCE)
    waiter = w.jobs.submit(tasks=[sdk.SubmitTask(task_key="t", notebook_task=sdk.NotebookTask(f"{HOME}/nb"))])
    try:
        waiter.result()
    except OperationFailed:
        task = (w.jobs.get_run(waiter.run_id).tasks or [])[0]
        pytest.fail(str(w.jobs.get_run_output(task.run_id or 0).error_trace))


def test_volumes_are_made_shown_changed_and_dropped(cursor: Any, w: WorkspaceClient, tmp_path: Path) -> None:
    run(cursor, "CREATE VOLUME IF NOT EXISTS main.default.Raw COMMENT 'in'")
    run(cursor, "CREATE VOLUME IF NOT EXISTS raw")  # of the current schema, and there already
    with pytest.raises(ServerOperationError, match="VOLUME_ALREADY_EXISTS"):
        run(cursor, "CREATE VOLUME raw")
    run(cursor, f"CREATE EXTERNAL VOLUME main.default.theirs LOCATION 'file:{tmp_path}'")
    assert w.volumes.read("main.default.theirs").volume_type is VolumeType.EXTERNAL
    for wrong in (
        "CREATE VOLUME v LOCATION 's3://b/x'",
        "CREATE EXTERNAL VOLUME v",
        "ALTER VOLUME raw SET LOCATION 'x'",
    ):
        with pytest.raises(ServerOperationError, match="PARSE_SYNTAX_ERROR"):
            run(cursor, wrong)
    assert run(cursor, "SHOW VOLUMES IN main.default") == [("default", "raw"), ("default", "theirs")]
    assert run(cursor, "SHOW VOLUMES LIKE 'r*|x'") == [("default", "raw")]
    cursor.execute("DESCRIBE VOLUME main.default.raw")
    described = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    assert (described["name"], described["volumeType"], described["comment"]) == ("raw", "MANAGED", "in")
    assert described["storageLocation"] == w.volumes.read("main.default.raw").storage_location
    with pytest.raises(ServerOperationError, match="another schema"):
        run(cursor, "ALTER VOLUME raw RENAME TO main.elsewhere.cooked")
    run(cursor, "ALTER VOLUME raw RENAME TO main.default.cooked")
    run(cursor, "COMMENT ON VOLUME cooked IS 'out'")
    run(cursor, "ALTER VOLUME cooked SET OWNER TO `you@example.com`")
    cooked = w.volumes.read("main.default.cooked")
    assert (cooked.comment, cooked.owner) == ("out", "you@example.com")
    run(cursor, "DROP VOLUME cooked")
    run(cursor, "DROP VOLUME IF EXISTS cooked")
    with pytest.raises(ServerOperationError, match="VOLUME_DOES_NOT_EXIST"):
        run(cursor, "DROP VOLUME cooked")
    with pytest.raises(ServerOperationError, match="SCHEMA_NOT_FOUND"):
        run(cursor, "CREATE VOLUME main.nowhere.v")


def test_volumes_have_privileges_and_tags(cursor: Any, w: WorkspaceClient) -> None:
    run(cursor, "CREATE VOLUME main.default.raw")
    run(cursor, "GRANT READ VOLUME, WRITE VOLUME ON VOLUME main.default.raw TO `analysts`")
    run(cursor, "REVOKE WRITE VOLUME ON VOLUME main.default.raw FROM `analysts`")
    shown = [("analysts", "READ VOLUME", "VOLUME", "main.default.raw")]
    assert run(cursor, "SHOW GRANTS `analysts` ON VOLUME main.default.raw") == shown
    run(cursor, "ALTER VOLUME main.default.raw SET TAGS ('team' = 'ingest', 'pii')")
    run(cursor, "ALTER VOLUME main.default.raw UNSET TAGS ('pii')")
    run(cursor, "ALTER VOLUME main.default.raw RENAME TO cooked")
    tags = w.entity_tag_assignments.list("volumes", "main.default.cooked")
    assert [(tag.tag_key, tag.tag_value) for tag in tags] == [("team", "ingest")]
    assert run(cursor, "SHOW GRANTS `analysts` ON VOLUME cooked")[0][1] == "READ VOLUME"


def test_list_shows_a_folder_of_a_volume(cursor: Any, w: WorkspaceClient) -> None:
    run(cursor, "CREATE VOLUME main.default.raw")
    w.files.upload("/Volumes/main/default/raw/in/a b.csv", io.BytesIO(b"id\n1\n"))
    rows = run(cursor, "LIST '/Volumes/main/default/RAW'")
    assert [row[:3] for row in rows] == [("/Volumes/main/default/RAW/in/", "in/", 0)]
    rows = run(cursor, "LIST 'dbfs:/Volumes/main/default/raw/in' LIMIT 5")
    assert [row[:3] for row in rows] == [("dbfs:/Volumes/main/default/raw/in/a b.csv", "a b.csv", 5)]
    for missing in ("/Volumes/main/default/nowhere", "/Volumes/main/default/raw/out"):
        with pytest.raises(ServerOperationError, match="PATH_NOT_FOUND"):
            run(cursor, f"LIST '{missing}'")


def test_a_cascade_takes_managed_files_and_leaves_external_ones(
    cursor: Any, w: WorkspaceClient, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs"
    run(cursor, "CREATE CATALOG dropped")
    for schema, drop in {"main.dropped": "DROP SCHEMA main.dropped", "dropped.s": "DROP CATALOG dropped"}.items():
        run(cursor, f"CREATE SCHEMA {schema}")
        run(cursor, f"CREATE VOLUME {schema}.mine")
        run(cursor, f"CREATE EXTERNAL VOLUME {schema}.theirs LOCATION 'file:{theirs}'")
        mine = Path((w.volumes.read(f"{schema}.mine").storage_location or "").removeprefix("file:"))
        for volume in ("mine", "theirs"):
            w.files.upload(f"/Volumes/{schema.replace('.', '/')}/{volume}/x", io.BytesIO(b"x"), overwrite=True)
        assert (mine / "x").is_file()
        with pytest.raises(ServerOperationError, match=r"not empty|SCHEMA_NOT_EMPTY"):
            run(cursor, drop)
        assert (mine / "x").is_file()
        run(cursor, f"{drop} CASCADE")
        assert (mine.exists(), (theirs / "x").is_file()) == (False, True)
        with pytest.raises(ServerOperationError, match=r"NOT_FOUND|NO_SUCH_CATALOG"):
            run(cursor, f"SHOW VOLUMES IN {schema}")


FAR = """
path = "/Volumes/main/default/far"
assert [f.path for f in dbutils.fs.ls(f"{path}/in")] == [f"dbfs:{path}/in/a.csv"]
dbutils.fs.cp(f"{path}/in/a.csv", "/copied.csv")
assert spark.read.csv("/copied.csv", header=True).first().id == "1"
dbutils.fs.put(f"{path}/x.txt", "x")
dbutils.fs.mv(f"{path}/x.txt", f"{path}/y.txt")
assert dbutils.fs.head(f"{path}/y.txt") == "x"
spark.range(2).write.parquet(f"{path}/p")
assert spark.read.parquet(f"{path}/p").count() == 2
assert dbutils.fs.rm(f"{path}/p", True)
for act in (lambda: dbutils.fs.rm(path, True), lambda: dbutils.fs.mv(path, "/moved", True)):
    try:
        act()
    except Exception as error:
        assert "Unity Catalog" in str(error), error
    else:
        raise AssertionError("a volume was removed as a folder")
"""


def test_a_volume_in_s3_is_that_part_of_the_bucket(cursor: Any, w: WorkspaceClient, clean_stack: Stack) -> None:
    s3 = clean_stack.s3
    signed = {"aws_access_key_id": s3.access_key, "aws_secret_access_key": s3.secret_key, "region_name": s3.region}
    objects = boto3.client("s3", endpoint_url=s3.url, **signed)
    objects.create_bucket(Bucket="far")

    counted = is_ours(s3)  # other servers do not tell

    def reads() -> list[str]:
        return (
            []
            if not counted
            else [each["key"] for each in s3_requests(s3) if (each["bucket"], each["operation"]) == ("far", "read")]
        )

    objects.put_object(Bucket="far", Key="landing/in/a.csv", Body=b"id\n1\n")
    run(cursor, "CREATE EXTERNAL VOLUME main.default.far LOCATION 's3://far/landing'")
    path = "/Volumes/main/default/far/in"
    assert [row[:3] for row in run(cursor, f"LIST '{path}'")] == [(f"{path}/a.csv", "a.csv", 5)]
    assert run(cursor, f"SELECT id FROM read_files('{path}', header => true)") == [(1,)]
    read = f"SELECT _c0, _metadata.file_path FROM csv.`{path}`"
    assert run(cursor, f"{read} WHERE _c0 = '1'") == [("1", f"dbfs:{path}/a.csv")]
    run(cursor, "INSERT OVERWRITE DIRECTORY '/Volumes/main/default/far/out' USING json SELECT 2 AS id")
    (written,) = [o["Key"] for o in objects.list_objects_v2(Bucket="far")["Contents"] if o["Key"].endswith(".json")]
    assert written.startswith("landing/out/part-")
    assert objects.get_object(Bucket="far", Key=written)["Body"].read() == b'{"id":2}\n'
    run_notebook(w, FAR)
    keys = {o["Key"] for o in objects.list_objects_v2(Bucket="far")["Contents"]}
    assert {"landing/in/a.csv", "landing/y.txt"} <= keys
    assert not [key for key in keys if key.startswith("landing/p/") or key == "landing/x.txt"]
    objects.put_object(Bucket="far", Key="landing/in/b.csv", Body=b"id\n2\n")
    run(cursor, "CREATE TABLE main.default.from_s3 (id STRING)")
    before = reads()
    run(cursor, f"COPY INTO main.default.from_s3 FROM '{path}' FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true')")
    assert sorted(run(cursor, "SELECT id FROM main.default.from_s3")) == [("1",), ("2",)]
    once = ["landing/in/a.csv", "landing/in/b.csv"] if counted else []
    assert sorted(reads()[len(before) :]) == once


FILE = "/Volumes/main/default/raw/in/a b.csv"


@pytest.fixture
def staged(connect: Connect, w: WorkspaceClient, tmp_path: Path) -> Iterator[Any]:
    """A cursor whose client may read and write files below the test's own folder; and a volume ``raw``."""
    w.volumes.create("main", "default", "raw", VolumeType.MANAGED)
    with connect(staging_allowed_local_path=str(tmp_path)) as connection, connection.cursor() as cursor:
        yield cursor


def test_files_are_put_got_and_removed(staged: Any, w: WorkspaceClient, tmp_path: Path) -> None:
    here, back = tmp_path / "here.csv", tmp_path / "back.csv"
    here.write_bytes(b"id\n1\n")
    run(staged, f"PUT '{here}' INTO '{FILE}'")
    assert w.files.download(FILE).contents.read() == b"id\n1\n"
    run(staged, f"GET '{FILE}' TO '{back}'")
    assert back.read_bytes() == b"id\n1\n"
    here.write_bytes(b"")
    with pytest.raises(ServerOperationError, match="FILE_IN_STAGING_PATH_ALREADY_EXISTS"):
        run(staged, f"PUT '{here}' INTO '{FILE}'")
    run(staged, "PUT :here INTO :there OVERWRITE", {"here": str(here), "there": f"dbfs:{FILE}"})
    assert w.files.get_metadata(FILE).content_length == 0
    run(staged, f"REMOVE '{FILE}'")
    with pytest.raises(NotFound):
        w.files.get_metadata(FILE)
    with pytest.raises(OperationalError, match=r"unsuccessful: 404.*not found"):
        run(staged, f"GET '{FILE}' TO '{back}'")
    assert back.read_bytes() == b"id\n1\n"
    run(staged, f"REMOVE '{FILE}'")  # as on S3, it is enough that the file is not there
    with pytest.raises(ProgrammingError, match="restricted to paths within"):
        run(staged, f"PUT '/etc/hostname' INTO '{FILE}'")


def test_a_stream_is_put(staged: Any, w: WorkspaceClient) -> None:
    staged.execute(f"PUT '__input_stream__' INTO '{FILE}' OVERWRITE", input_stream=io.BytesIO(b"id\n2\n"))
    assert w.files.download(FILE).contents.read() == b"id\n2\n"


def test_staging_statements_that_name_no_file_of_a_volume_fail_by_name(staged: Any, w: WorkspaceClient) -> None:
    w.files.create_directory("/Volumes/main/default/raw/folder")
    w.volumes.create("main", "default", "far", VolumeType.EXTERNAL, storage_location="s3://bucket/far")
    for statement, name in {
        f"PUT '' INTO '{FILE}' OVERWRITE": r"\[EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY\]",
        f"GET '{FILE}' TO ''": r"\[EMPTY_LOCAL_FILE_IN_STAGING_ACCESS_QUERY\]",
        "PUT 'a' INTO 'stage://tmp/me/a'": r"\[INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY\]",
        "PUT 'a' INTO '/Volumes/main/default/raw/folder/'": r"\[INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY\]",
        "REMOVE '/Volumes/main/default/raw'": r"\[INVALID_STAGING_PATH_IN_STAGING_ACCESS_QUERY\]",
        "PUT 'a' INTO '/Volumes/nowhere/default/raw/a'": "NOT_FOUND: Catalog 'nowhere' does not exist",
        "GET '/Volumes/main/default/nowhere/a' TO 'a'": "NOT_FOUND: Volume 'main.default.nowhere' does not exist",
        "PUT 'a' INTO '/Volumes/main/default/raw/../a'": "must not contain '..'",
        "PUT 'a' INTO '/Volumes/main/default/raw/folder' OVERWRITE": "A directory exists at",
        "PUT 'a' INTO '/Volumes/main/default/far/a'": "s3://bucket/far",
        f"PUT 'a' INTO '{FILE}' OVERWRITE NOW": "PARSE_SYNTAX_ERROR",
    }.items():
        with pytest.raises(ServerOperationError, match=name):
            run(staged, statement)


def test_a_staging_url_is_good_for_one_file_one_method_and_one_volume(w: WorkspaceClient) -> None:
    def url(statement: str) -> str:
        warehouse = next(iter(w.warehouses.list())).id
        body = {"statement": statement, "warehouse_id": warehouse, "wait_timeout": "50s"}
        answer: Any = w.api_client.do("POST", "/api/2.0/sql/statements", body=body)
        assert answer["manifest"]["is_volume_operation"] is True
        return str(answer["result"]["data_array"][0][1])

    w.volumes.create("main", "default", "raw", VolumeType.MANAGED)
    w.files.upload(FILE, io.BytesIO(b"0123456789"))
    got = url(f"GET '{FILE}' TO 'x'")
    assert httpx2.get(got, headers={"Range": "bytes=2-4"}).content == b"234"
    removing = url(f"REMOVE '{FILE}'")
    until = int(got.split("/")[5])
    assert 0 < until - time.time() <= 900
    for request in (
        httpx2.put(got, content=b"x"),
        httpx2.delete(got),
        httpx2.put(removing, content=b"x"),
        httpx2.get(got.replace("a%20b.csv", "other.csv")),
        httpx2.get(got.replace(str(until), str(until + 1))),
    ):
        assert (request.status_code, request.json()["error_code"]) == (403, "PERMISSION_DENIED")
    assert w.files.download(FILE).contents.read() == b"0123456789"
    w.volumes.delete("main.default.raw")
    w.volumes.create("main", "default", "raw", VolumeType.MANAGED)
    w.files.upload(FILE, io.BytesIO(b"another's"))
    assert [httpx2.get(got).status_code, httpx2.delete(removing).status_code] == [403, 403]
    assert w.files.download(FILE).contents.read() == b"another's"


LOADING = """
root = "/Volumes/main/default/landing"
spark.sql("CREATE VOLUME main.default.landing")
dbutils.fs.put(f"{root}/2026/01/a.csv", "id,name\\n1,x\\n")  # the folders on the way are made
dbutils.fs.put(f"{root}/2026/02/b.csv", "id,name\\n2,y\\n")

def rows(frame):
    return sorted(tuple(row) for row in frame.collect())

assert rows(spark.read.text(f"{root}/2026/01")) == [("1,x",), ("id,name",)]
assert rows(spark.read.csv(f"dbfs:{root}/2026/*", header=True)) == [("1", "x"), ("2", "y")]
files = f"SELECT id, name FROM read_files('{root}/2026', header => true, recursiveFileLookup => true)"
assert rows(spark.sql(files)) == [(1, "x"), (2, "y")]
options = "format => 'csv', header => true, schema => 'id STRING, name STRING'"
assert rows(spark.sql(f"SELECT * FROM read_files('dbfs:{root}/2026/*/a.csv', {options})")) == [("1", "x")]
spark.sql("CREATE TABLE main.default.loaded (id STRING, name STRING)")

def copy(source, rest=""):
    text = f"COPY INTO main.default.loaded FROM '{source}' FILEFORMAT = CSV {rest} FORMAT_OPTIONS ('header' = 'true')"
    return spark.sql(text).first().num_inserted_rows

assert copy(f"{root}/2026/01") == 1
assert copy("/Volumes/Main/Default/LANDING/2026/01") == 0, "the same file under another spelling"
assert copy(f"dbfs:{root}/2026", "PATTERN = '*/*.csv'") == 1, "only the one that is new"
assert rows(spark.table("main.default.loaded")) == [("1", "x"), ("2", "y")]
spark.table("main.default.loaded").write.mode("overwrite").json(f"{root}/out/json")
assert spark.read.json(f"{root}/out/json").count() == 2
for missing in (f"{root}/2027", "/Volumes/main/default/nowhere"):
    for read in (copy, spark.read.text, lambda path: spark.sql(f"SELECT * FROM read_files('{path}')")):
        try:
            read(missing)
        except Exception as error:
            assert "PATH_NOT_FOUND" in str(error) and missing in str(error), error
        else:
            raise AssertionError(f"{missing} was read")
"""
NOTEBOOK = [
    LOADING,
    "# MAGIC %sql\n# MAGIC CREATE VOLUME main.default.nb",
    'dbutils.fs.put("/Volumes/main/default/nb/a.csv", "id,name\\n1,x\\n")',
    "# MAGIC %sql\n# MAGIC LIST '/Volumes/main/default/nb'",
    'assert [(row.name, row.size) for row in _sqldf.collect()] == [("a.csv", 12)], _sqldf.collect()',
    'assert "nb" in [row.volume_name for row in spark.sql("SHOW VOLUMES IN main.default").collect()]',
]


def test_a_notebook_makes_lists_and_loads_volumes(w: WorkspaceClient) -> None:
    run_notebook(w, *NOTEBOOK)
    assert w.files.download("/Volumes/main/default/nb/a.csv").contents.read() == b"id,name\n1,x\n"
